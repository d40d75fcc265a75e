"""GIF block by block: its frames, each drawn on the logical screen as browsers draw it.

Pillow grows its canvas for a frame that reaches over the edge, and gives nothing of a frame that is
cut short.  Here Pillow only decompresses the indices of a frame.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from hashmatch.decode.animation import MOST_FRAMES, shown_ms
from hashmatch.decode.canvas import Disposal, Placement
from hashmatch.decode.damage import make_missing_error, show_known
from hashmatch.decode.layers import Layer, Pixels
from hashmatch.decode.pixels import packed_pixels
from hashmatch.errors import DecodeError, ErrorKind

_MOST_BLOCKS = 8_000_000
_HEADER_BYTES, _PLACE_BYTES = 13, 9
_SCREEN, _PLACE = struct.Struct("<HHBB"), struct.Struct("<HHHHB")
_HAS_PALETTE, _INTERLACED = 0x80, 0x40
_CONTROL = 0xF9
_MOST_CODE_BITS = 12
_DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE, 4: Disposal.RESTORE}  # 4: as browsers do
_BLOCK_START = re.compile(rb"[!,;]")
_GREY_RAMP = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class GifFrame:
    """One frame: where it is drawn, and where its compressed indices are.

    `cut_at` is the block of those that the end of the file cuts, None if there is none.
    `palette` are the bytes of its colours, `transparent` the index that leaves the screen as it is,
    `ground` the colour under what `CLEAR` makes transparent.
    """

    placement: Placement
    palette: bytes
    transparent: int | None
    is_interlaced: bool
    code_bits: int
    start: int
    end: int
    cut_at: int | None


@dataclass(slots=True, eq=False)
class Gif:
    """The frames of a GIF, and the size of its logical screen.

    `fault` says why not all of the file was read.
    """

    data: bytes
    width: int
    height: int
    background: int = 0
    palette: bytes = b""
    frames: list[GifFrame] = field(default_factory=list)
    fault: DecodeError | None = None

    def list_screens(self) -> list[tuple[int, int]]:
        """Return the sizes of the screen, in the order in which they are to be looked at.

        That is the size that the header states; and, where they differ, the one that browsers take
        (of the first frame, if the header's is smaller or the version is 87a).
        """
        first = self.frames[0].placement
        stated, taken = (self.width, self.height), (first.width, first.height)
        is_smaller = first.width > self.width or first.height > self.height
        if 0 in stated:
            return [taken]
        if taken != stated and (is_smaller or self.data[3:6] == b"87a"):
            return [stated, taken]
        return [stated]

    def list_frames(self, screen: tuple[int, int]) -> list[GifFrame]:
        """Return the frames as they are drawn on a screen: moved to the corner by browsers."""
        if screen == (self.width, self.height):
            return self.frames
        first = self.frames[0]
        moved = replace(first, placement=replace(first.placement, left=0, top=0))
        return [moved, *self.frames[1:]]

    def find_ground(self, frame: GifFrame) -> tuple[int, ...]:
        """Return the colour that Pillow lays under what a frame leaves transparent."""
        if frame.transparent is None:
            return tuple(_colours(self.palette)[self.background].tolist())
        return self.colour(frame, frame.transparent)

    def colour(self, frame: GifFrame, index: int) -> tuple[int, ...]:
        """Return a colour of a frame as RGB."""
        return tuple(_colours(frame.palette)[index].tolist())


def read_gif(data: bytes) -> Gif:
    """Read the blocks of a GIF, up to where the file or its structure ends, and decode no pixel."""
    gif = Gif(data, 0, 0)
    if len(data) < _HEADER_BYTES:
        return gif
    gif.width, gif.height, flags, gif.background = _SCREEN.unpack_from(data, 6)
    at = _HEADER_BYTES
    if flags & _HAS_PALETTE:
        gif.palette = data[at : at + _palette_bytes(flags)]
        at += _palette_bytes(flags)
    else:
        gif.background = 0
    try:
        _read_frames(gif, at)
    except IndexError:
        gif.fault = DecodeError("truncated GIF", ErrorKind.TRUNCATED)
    return gif


def _palette_bytes(flags: int) -> int:
    return 3 << (1 + (flags & 7))


def _read_frames(gif: Gif, at: int) -> None:
    """Append the frames from an offset on; IndexError where the file ends inside a block."""
    data = gif.data
    left_blocks = _MOST_BLOCKS
    control = b""
    while left_blocks > 0:
        found = _BLOCK_START.search(data, at)  # Pillow, too, passes over what lies between blocks
        if found is None or data[found.start()] == ord(";"):
            return
        at = found.end()
        if data[at - 1] == ord("!"):
            if data[at] == _CONTROL and data[at + 1] >= 4:
                control = data[at + 2 : at + 6]
            at, n_blocks, cut_at = _skip_blocks(data, at + 1, left_blocks)
            if cut_at is not None:
                raise IndexError
            left_blocks -= n_blocks
            continue
        if len(gif.frames) == MOST_FRAMES:
            message = f"too many frames: more than {MOST_FRAMES}"
            gif.fault = DecodeError(message, ErrorKind.TOO_MANY_FRAMES)
            return
        frame, at, n_blocks = _read_frame(gif, at, control, left_blocks)
        gif.frames.append(frame)
        left_blocks -= n_blocks
        control = b""
    gif.fault = DecodeError(f"too many blocks: more than {_MOST_BLOCKS}", ErrorKind.TOO_MUCH_WORK)


def _skip_blocks(data: bytes, at: int, most: int) -> tuple[int, int, int | None]:
    """Return the offset after blocks of data, their number, and the offset of one that is cut."""
    n_blocks = 0
    start = at
    try:
        while (size := data[at]) and n_blocks < most:
            start = at
            at += size + 1
            n_blocks += 1
    except IndexError:
        return len(data), n_blocks, start
    return at + 1, n_blocks + 1, None


def _read_frame(gif: Gif, at: int, control: bytes, left_blocks: int) -> tuple[GifFrame, int, int]:
    data = gif.data
    if len(data) < at + _PLACE_BYTES + 1:
        raise IndexError
    left, top, width, height, flags = _PLACE.unpack_from(data, at)
    if not (width and height):  # as browsers read it
        width, height = gif.width, gif.height
    at += _PLACE_BYTES
    palette = gif.palette
    if flags & _HAS_PALETTE:
        palette = data[at : at + _palette_bytes(flags)]
        at += _palette_bytes(flags)
    code_bits = data[at]
    start = at + 1
    at, n_blocks, cut_at = _skip_blocks(data, start, left_blocks)
    packed, hundredths, transparent = control[:1], control[1:3], control[3:]
    flag_bits = packed[0] if packed else 0
    frame = GifFrame(
        Placement(
            left, top, width, height,
            duration_ms=shown_ms(10.0 * int.from_bytes(hundredths, "little")),
            disposal=_DISPOSALS.get(flag_bits >> 2 & 7, Disposal.KEEP),
            over=True,
        ),
        palette=palette,
        transparent=transparent[0] if flag_bits & 1 and transparent else None,
        is_interlaced=bool(flags & _INTERLACED),
        code_bits=code_bits,
        start=start,
        end=at,
        cut_at=cut_at,
    )  # fmt: skip
    return frame, at, n_blocks


def decode_layer(data: bytes, frame: GifFrame, subject: str) -> Layer:
    """Decode one frame; what is missing of it is transparent.  Raises whatever Pillow raises."""
    indices, error = _decode_indices(data, frame, fill=0)
    colours = _colours(frame.palette)
    rgb = np.take(colours, indices, axis=0)
    alpha: Pixels | None = None
    if frame.transparent is not None:
        cover = np.full(256, 255, np.uint8)
        cover[frame.transparent] = 0
        alpha = np.take(cover, indices)
    if error is None:
        return Layer(rgb, alpha)
    other, _ = _decode_indices(data, frame, fill=1)
    known = indices == other
    missing = make_missing_error(subject, error, float(known.mean()))
    return show_known(rgb, alpha, known, missing)


def _colours(palette: bytes) -> Pixels:
    """Return 256 colours; those that the palette lacks are grey, as in Pillow."""
    colours = _GREY_RAMP.copy()
    given = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)
    colours[: len(given)] = given
    return colours


def _blocks_of(data: bytes, frame: GifFrame) -> bytes:
    """Return the blocks of compressed indices; the size of one that is cut is what is there."""
    if frame.cut_at is None or frame.cut_at >= frame.end:
        return data[frame.start : frame.end]
    size = frame.end - frame.cut_at - 1
    return b"".join((data[frame.start : frame.cut_at], bytes((size,)), data[frame.cut_at + 1 :]))


def _decode_indices(data: bytes, frame: GifFrame, fill: int) -> tuple[Pixels, ErrorKind | None]:
    """Return indices (H, W), with `fill` in place of those that are missing, and the damage."""
    where = frame.placement
    image = Image.new("L", (where.width, where.height), fill)
    if frame.code_bits > _MOST_CODE_BITS:
        return packed_pixels(image, "L"), ErrorKind.DAMAGED
    decoder = Image._getdecoder("L", "gif", (frame.code_bits, frame.is_interlaced, -1))
    decoder.setimage(image.im, (0, 0, *image.size))
    try:
        n_read, status = decoder.decode(_blocks_of(data, frame))
    finally:
        decoder.cleanup()
    damage = None
    if n_read >= 0:
        damage = ErrorKind.TRUNCATED
    elif status < 0:
        damage = ErrorKind.DAMAGED
    return packed_pixels(image, "L"), damage
