"""Crops that a file asks for, and that Pillow and FFmpeg do not make.

Sources: ISO/IEC 14496-12, section 12.1.4 (``clap``, in MP4 and AVIF); RFC 9559, sections 5.1.4.1.28
(``PixelCropTop`` and the like, in Matroska).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from hashmatch.decode.border import Inside

_LEAST_SHARE = Fraction(1, 32)
_CLAP = re.compile(rb"\0\0\0\x28clap(.{32})", re.DOTALL)
_PIXEL_CROP = re.compile(rb"\x54([\xaa\xbb\xcc\xdd])(?:\x81(.)|\x82(..))", re.DOTALL)
_SIDES = b"\xbb\xaa\xcc\xdd"  # top, bottom, left, right
_TRACKS, _TRACKS_BYTES = b"\x16\x54\xae\x6b", 64 << 10


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a picture: its size and the place of its middle, or what to take off each side.

    In pixels. `size` is width and height, `offset` how far its middle lies right of, and below,
    that of the whole; `margins` are top, bottom, left and right.
    """

    size: tuple[Fraction, Fraction] | None = None
    offset: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)

    def inside(self, height: int, width: int) -> Inside | None:
        """Return the part of a picture of this size; None unless something noticeable goes."""
        top, bottom, left, right = self.margins
        if self.size is not None:
            left, right = _sides(width, self.size[0], self.offset[0])
            top, bottom = _sides(height, self.size[1], self.offset[1])
        if min(top, bottom, left, right) < 0 or top + bottom >= height or left + right >= width:
            return None
        is_slight = (
            max(Fraction(top + bottom, height), Fraction(left + right, width)) < _LEAST_SHARE
        )
        return None if is_slight else (slice(top, height - bottom), slice(left, width - right))


def _sides(whole: int, part: Fraction, offset: Fraction) -> tuple[int, int]:
    before = round((whole - part) / 2 + offset)
    return before, whole - before - round(part)


def find_clean_apertures(data: bytes, start: int, end: int) -> set[Crop]:
    """Return the crops in a box that describes the pictures of an MP4 or AVIF."""
    found = set()
    for match in _CLAP.finditer(data, start, end):
        numbers = [
            int.from_bytes(match[1][at : at + 4], "big", signed=True) for at in range(0, 32, 4)
        ]
        if all(below > 0 for below in numbers[1::2]):
            width, height, right, down = map(Fraction, numbers[::2], numbers[1::2])
            found.add(Crop((width, height), (right, down)))
    return found


def find_pixel_crops(head: bytes) -> set[Crop]:
    """Return the crops of the tracks of a Matroska file, given its beginning."""
    at = head.find(_TRACKS)
    tracks: list[dict[int, int]] = [{}]
    for match in _PIXEL_CROP.finditer(head[at : at + _TRACKS_BYTES] if at >= 0 else b""):
        side = match[1][0]
        if side in tracks[-1]:
            tracks.append({})
        tracks[-1][side] = int.from_bytes(match[2] or match[3], "big")
    margins = [tuple(track.get(side, 0) for side in _SIDES) for track in tracks if track]
    return {Crop(margins=(top, bottom, left, right)) for top, bottom, left, right in margins}
