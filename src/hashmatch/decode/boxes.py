"""The outermost boxes of an MP4, AVIF, HEIC or JPEG XL, and what they say is not looked at.

Source: ISO/IEC 14496-12, sections 4.2 (boxes), 8.5.2 (sample descriptions), 8.11 (items).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hashmatch.decode.video.containers import box_bytes

BOX_HEADER_BYTES = 16

_MOST_BOXES, _MOST_FORMATS = 1_000_000, 100
_MOVING = re.compile(rb"hdlr.{8}(?:vide|pict)", re.DOTALL)
_FORMATS = re.compile(rb"stsd\0{4}(.{4})", re.DOTALL)
_OWN_BOXES = frozenset(
    b"ftyp moov mdat moof mfra sidx ssix styp meta idat pdin prft emsg free skip wide pnot "
    b"jxlc jxlp jxli jbrd Exif".split()
) | {b"JXL ", b"xml "}
"""Boxes that no player takes for a file."""

_PICTURE_ITEMS = frozenset(b"av01 hvc1 avc1 jpeg grid iovl unci j2k1 vvc1".split())


@dataclass(frozen=True, slots=True)
class Boxes:
    """The outermost boxes of an MP4, HEIC or AVIF: where they end, which are unknown, its movies.

    Positions count from the start of the file.
    """

    end: int
    unknown: tuple[tuple[int, int], ...]
    movies: tuple[tuple[int, int], ...]
    metas: tuple[tuple[int, int], ...]


def walk_boxes(read_header: Callable[[int], bytes], size_bytes: int) -> Boxes:
    """Walk from box to box until the file ends, another begins, or there is no box.

    `read_header` returns the first 16 bytes from a position.
    """
    at, before = 0, b""
    unknown: list[tuple[int, int]] = []
    named: dict[bytes, list[tuple[int, int]]] = {b"moov": [], b"meta": []}
    for _ in range(_MOST_BOXES):
        header = read_header(at)
        kind = header[4:8]
        length = box_bytes(header)
        if at >= size_bytes or (kind == b"ftyp" and before not in (b"", b"JXL ")):
            break
        if length is None and kind not in _OWN_BOXES:
            break
        stop = size_bytes if length is None else min(at + length, size_bytes)
        if kind in named:
            named[kind].append((at, stop))
        elif kind not in _OWN_BOXES:
            unknown.append((at, stop))
        at, before = stop, kind
    return Boxes(at, tuple(unknown), tuple(named[b"moov"]), tuple(named[b"meta"]))


def has_moving_track(data: bytes, start: int, end: int) -> bool:
    """Return whether a ``moov`` box describes a track of pictures."""
    return _MOVING.search(data, start, end) is not None


def has_several_formats(data: bytes, start: int, end: int) -> bool:
    """Return whether a track of a ``moov`` box has samples of several formats."""
    for table in _FORMATS.finditer(data, start, end):
        names, at = set(), table.end()
        for _ in range(min(int.from_bytes(table[1], "big"), _MOST_FORMATS)):
            names.add(data[at + 4 : at + 8])
            at += int.from_bytes(data[at : at + 4], "big")
        if len(names) > 1:
            return True
    return False


def count_other_pictures(meta: bytes) -> int:
    """Return how many pictures of a ``meta`` box are neither primary nor part of one, nor hidden.

    A part is an item that another refers to, or that refers to another: a tile, a thumbnail, alpha.
    """
    found = dict(_children(meta, 12))
    primary = _number(found.get(b"pitm", b""), 4, is_wide=found.get(b"pitm", b"\0")[:1] != b"\0")
    parts = _list_references(found.get(b"iref", b""))
    return sum(item != primary and item not in parts for item in _list_pictures(found))


def _list_pictures(found: dict[bytes, bytes]) -> Iterator[int]:
    """Yield the numbers of the items that are pictures and not hidden."""
    items = found.get(b"iinf", b"")
    for kind, item in _children(items, 6 if items[:1] == b"\0" else 8):
        is_wide = item[:1] > b"\2"
        name = item[8 + 2 * is_wide : 12 + 2 * is_wide]
        is_hidden = item[3:4] > b"" and item[3] & 1
        if kind == b"infe" and not is_hidden and name in _PICTURE_ITEMS:
            yield _number(item, 4, is_wide=is_wide)


def _list_references(content: bytes) -> set[int]:
    """Return the numbers of all items that refer to others, and of those they refer to."""
    is_wide = content[:1] > b"\0"
    width = 4 if is_wide else 2
    found: set[int] = set()
    for _, reference in _children(content, 4):
        found.add(_number(reference, 0, is_wide=is_wide))
        places = range(width + 2, len(reference), width)
        found.update(_number(reference, at, is_wide=is_wide) for at in places)
    return found


def _children(content: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(_MOST_BOXES):
        length = int.from_bytes(content[at : at + 4], "big")
        if length < 8:
            return
        yield content[at + 4 : at + 8], content[at + 8 : at + length]
        at += length


def _number(content: bytes, at: int, *, is_wide: bool) -> int:
    return int.from_bytes(content[at : at + (4 if is_wide else 2)], "big")
