"""PNG chunk by chunk: the stream that Pillow is given, and the frames of an animation.

Pillow refuses a file for chunks that viewers skip (text with a wrong checksum, a profile that is
too large), and finds an animation only if its declaration is right.  So Pillow is given the chunks
that bear on the pixels, and no others; each frame is given to it as a PNG of its own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from hashmatch.decode.animation import MOST_FRAMES, shown_ms
from hashmatch.decode.canvas import Disposal, Placement
from hashmatch.errors import DecodeError, ErrorKind

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 1_000_000
_MOST_PIECES = 256
_MOST_PROFILE_BYTES = 8_000_000  # the limit of libpng
_HEADER_BYTES, _CONTROL_BYTES, _NUMBER_BYTES = 13, 26, 4
_CHUNK_HEAD = struct.Struct(">I4s")
_CONTROL = struct.Struct(">IIIIIHHBB")
_DISPOSALS = {1: Disposal.CLEAR, 2: Disposal.RESTORE}
_GREY, _RGB, _PALETTE = 0, 2, 3

_COLOUR_BYTES = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4}
_TRANSPARENCY_BYTES = {_GREY: (2,), _RGB: (6,), _PALETTE: range(1, 257)}

Piece = tuple[int, int]
"""Start and end of a part of the file."""


@dataclass(slots=True)
class PngFrame:
    """One frame of an animation: where it is drawn, and its compressed pixels."""

    placement: Placement
    pieces: list[Piece] = field(default_factory=list)


@dataclass(slots=True)
class Png:
    """The chunks of a PNG that bear on its pixels.

    `header` is the payload of IHDR, `colours` the chunks on palette, transparency and colour space,
    `profile` the colour profile; `pieces` are the compressed pixels of the first picture, which is
    frame 0 if `shares_first`.  `fault` says what is wrong with the structure, `frames_fault` with
    the declaration of the animation.  `is_plain` means that Pillow can read the file as it is.
    """

    data: bytes
    header: bytes
    colours: list[tuple[bytes, bytes]] = field(default_factory=list)
    profile: bytes | None = None
    pieces: list[Piece] = field(default_factory=list)
    frames: list[PngFrame] = field(default_factory=list)
    shares_first: bool = False
    is_plain: bool = True
    is_cut: bool = False
    fault: DecodeError | None = None
    frames_fault: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        width, height = struct.unpack(">II", self.header[:8])
        return width, height

    @property
    def n_further(self) -> int:
        """The number of frames beside the first picture."""
        return len(self.frames) - self.shares_first

    def stream(self) -> bytes:
        """Return a PNG of the first picture alone."""
        return self.data if self.is_plain else self.build(self.header, self.pieces)

    def frame_header(self, frame: PngFrame) -> bytes:
        """Return the payload of IHDR for a further frame as a PNG of its own."""
        where = frame.placement
        return struct.pack(">II", where.width, where.height) + self.header[8:]

    def build(self, header: bytes, pieces: Iterable[Piece]) -> bytes:
        """Return a PNG of the given compressed pixels, in one chunk."""
        pixels = b"".join(self.data[start:end] for start, end in pieces)
        return self.wrap(header, [pixels])

    def wrap(self, header: bytes, pixels: Iterable[bytes]) -> bytes:
        """Return a PNG of the given compressed pixels, with a chunk for each part."""
        parts = [SIGNATURE, _make_chunk(b"IHDR", header)]
        parts += [_make_chunk(kind, payload) for kind, payload in self.colours]
        parts += [_make_chunk(b"IDAT", part) for part in pixels]
        return b"".join((*parts, _make_chunk(b"IEND", b"")))


def _make_chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(payload, zlib.crc32(kind))
    return b"".join((_CHUNK_HEAD.pack(len(payload), kind), payload, struct.pack(">I", checksum)))


def read_png(data: bytes) -> Png | None:
    """Read the chunks of a PNG, up to where the file or its structure ends; no pixel is decoded.

    None unless it begins with a header.
    """
    header = data[16 : 16 + _HEADER_BYTES]
    if data[8:16] != _CHUNK_HEAD.pack(_HEADER_BYTES, b"IHDR") or len(header) < _HEADER_BYTES:
        return None
    png = Png(data, header)
    _Reader(png).read()
    return png


class _Reader:
    """Fills a `Png` from its chunks, in order."""

    def __init__(self, png: Png) -> None:
        self._png = png
        self._seen: set[bytes] = set()
        self._declared: int | None = None
        self._next_number = 0

    def read(self) -> None:
        png, data = self._png, self._png.data
        at, kind = len(SIGNATURE), b""
        for _ in range(_MOST_CHUNKS):
            if len(data) < at + _CHUNK_HEAD.size:
                break  # a missing IEND hides nothing
            size, kind = _CHUNK_HEAD.unpack_from(data, at)
            start = at + _CHUNK_HEAD.size
            if not kind.isalpha():
                break  # not a chunk: pixels and frames that it hides are missed below
            at = start + size + 4
            self._add(kind, start, min(start + size, len(data)), is_whole=at <= len(data))
            if kind == b"IEND":
                break
        else:
            self._note(f"more than {_MOST_CHUNKS} chunks", ErrorKind.TOO_MUCH_WORK)
        png.is_cut |= kind != b"IEND"
        png.is_plain &= len(png.pieces) <= _MOST_PIECES and png.fault is None
        self._check_frames()

    def _note(self, fault: str, kind: ErrorKind) -> None:
        png = self._png
        png.fault = png.fault or DecodeError(f"{kind.replace('_', ' ')} PNG: {fault}", kind)

    def _note_frames(self, fault: str) -> None:
        self._png.frames_fault = self._png.frames_fault or fault

    def _add(self, kind: bytes, start: int, end: int, *, is_whole: bool) -> None:
        png = self._png
        if kind == b"IDAT":
            self._add_pixels(start, end)
        elif kind in (b"acTL", b"fcTL", b"fdAT"):
            png.is_plain = False
            self._add_animation(kind, start, end)
        elif kind == b"IEND":
            pass
        elif kind[:1].islower():
            self._add_ancillary(kind, start, end, is_whole=is_whole)
        elif kind in (b"IHDR", b"PLTE") and not png.pieces and kind not in self._seen:
            if not self._is_intact(kind, start, end):
                self._note(f"wrong checksum of {kind.decode()}", ErrorKind.DAMAGED)
            if kind == b"PLTE":
                png.colours.append((kind, png.data[start:end]))
        else:
            png.is_plain = False
        self._seen.add(kind)

    def _is_intact(self, kind: bytes, start: int, end: int) -> bool:
        data = self._png.data
        checksum = zlib.crc32(memoryview(data)[start:end], zlib.crc32(kind))
        return data[end : end + 4] == struct.pack(">I", checksum)

    def _add_pixels(self, start: int, end: int) -> None:
        png = self._png
        png.pieces.append((start, end))
        if len(png.frames) == 1 and not png.frames[0].pieces:
            png.shares_first = True
        if png.shares_first:
            png.frames[0].pieces.append((start, end))

    def _add_ancillary(self, kind: bytes, start: int, end: int, *, is_whole: bool) -> None:
        """Keep what bears on colours, as libpng would take it; the rest is skipped unread."""
        png = self._png
        size = end - start
        fits = {
            b"tRNS": size in _TRANSPARENCY_BYTES.get(png.header[9], ()),
            b"iCCP": True,
        }.get(kind, _COLOUR_BYTES.get(kind) == size)
        is_early = not png.pieces and kind not in self._seen
        if fits and is_early and is_whole and self._is_intact(kind, start, end):
            if kind == b"iCCP":
                png.profile = _inflate_profile(png.data[start:end])
            else:
                png.colours.append((kind, png.data[start:end]))
                return
        png.is_plain = False

    def _add_animation(self, kind: bytes, start: int, end: int) -> None:
        png, payload = self._png, self._png.data[start : min(end, start + _CONTROL_BYTES)]
        if kind == b"acTL":
            if self._declared is not None:
                self._note_frames("the animation is declared twice")
            elif png.pieces or end - start < 8:
                self._note_frames("the animation is declared in the wrong place")
            else:
                self._declared = int.from_bytes(payload[:4], "big")
            return
        number = int.from_bytes(payload[:_NUMBER_BYTES], "big")
        if number != self._next_number:
            self._note_frames("the frames are out of order")
        self._next_number = number + 1
        if kind == b"fdAT":
            if not png.frames or len(payload) < _NUMBER_BYTES or not png.pieces:
                self._note_frames("pixels of no frame")
            else:
                png.frames[-1].pieces.append((start + _NUMBER_BYTES, end))
        elif len(payload) < _CONTROL_BYTES:
            self._note_frames("a frame without a size")
        elif len(png.frames) == MOST_FRAMES:
            self._note(f"more than {MOST_FRAMES} frames", ErrorKind.TOO_MANY_FRAMES)
        else:
            png.frames.append(PngFrame(self._place(_CONTROL.unpack(payload))))

    def _place(self, control: tuple[int, ...]) -> Placement:
        _, width, height, left, top, delay, per_s, disposal, blend = control
        most_width, most_height = self._png.size
        if not (0 < width <= most_width - left and 0 < height <= most_height - top):
            self._note_frames("a frame reaches over the edge")
        return Placement(
            left, top, width, height,
            duration_ms=shown_ms(1000 * delay / (per_s or 100)),
            disposal=_DISPOSALS.get(disposal, Disposal.KEEP),
            over=blend == 1,
        )  # fmt: skip

    def _check_frames(self) -> None:
        png = self._png
        n_frames = len(png.frames)
        png.frames = [
            frame
            for frame in png.frames
            if frame.pieces and frame.placement.width and frame.placement.height
        ]
        if png.shares_first and self._is_partial(png.frames[0]):
            self._note_frames("the first frame is not of full size")
        if len(png.frames) < n_frames:
            self._note_frames("a frame without pixels")
        elif n_frames and self._declared is None:
            self._note_frames("frames of an animation that is not declared")
        elif self._declared is not None and self._declared != n_frames:
            self._note_frames(f"{n_frames} frames, {self._declared} are declared")

    def _is_partial(self, frame: PngFrame) -> bool:
        where = frame.placement
        return (where.left, where.top, where.width, where.height) != (0, 0, *self._png.size)


def _inflate_profile(payload: bytes) -> bytes | None:
    name, _, packed = payload.partition(b"\0")
    if not 1 <= len(name) <= 79 or packed[:1] != b"\0":
        return None
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(packed[1:], _MOST_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if inflater.eof else None
