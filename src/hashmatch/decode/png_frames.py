"""The pictures of a PNG: the one that every viewer shows, and the frames of an animation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from hashmatch.decode.animation import (
    PixelBudget,
    check_screen,
    choose_frames,
    make_frames_error,
    make_incomplete_error,
    play,
)
from hashmatch.decode.canvas import Canvas
from hashmatch.decode.damage import IRREPARABLE, make_missing_error
from hashmatch.decode.layers import Layer, Loader
from hashmatch.decode.png import Piece, Png, read_png
from hashmatch.decode.png_repair import check_damaged_size, has_every_line, repair_pixels
from hashmatch.errors import DecodeError, ErrorKind

_PALETTE = 3  # the colour type


class _Part(NamedTuple):
    """The compressed pixels of one picture, with the header that describes them."""

    subject: str
    header: bytes
    pieces: list[Piece]


def show_png(data: bytes, loader: Loader, *, alpha: bool, frames: bool) -> Iterator[Layer]:
    """Yield the picture and, if `frames`, each frame of an animation.

    DecodeError after the last of them if the file declares other frames than it has, or if there
    are frames that were not asked for.
    """
    png = read_png(data)
    if png is None:
        yield loader.load_first(data, alpha=alpha)
        return
    loader.limits.check_pixels(*png.size)
    plays = frames and bool(png.frames)
    first = _decode(png, _Part("PNG", png.header, png.pieces), loader, alpha=alpha or plays)
    if first.missing is not None and png.n_further == 0 and not _shows_some(first):
        raise png.fault or first.missing
    is_damaged = png.fault is not None and png.fault.kind is ErrorKind.DAMAGED
    if is_damaged and first.missing is None:
        first = replace(first, missing=png.fault)
    shown = [first]
    if not plays:
        del first  # so that its pixels are held by those who use them alone
    yield shown.pop()
    if png.n_further and not frames:
        raise make_incomplete_error("frame", "PNG")
    if plays:
        yield from _show_frames(png, first, loader)
    if png.fault is not None and not is_damaged:
        raise png.fault
    if png.frames_fault:
        kind = ErrorKind.TRUNCATED if png.is_cut else ErrorKind.DAMAGED
        raise DecodeError(f"{kind} PNG: {png.frames_fault}", kind)


def _shows_some(layer: Layer) -> bool:
    return layer.alpha is None or bool(layer.alpha.any())


def _show_frames(png: Png, first: Layer, loader: Loader) -> Iterator[Layer]:
    check_screen(loader.limits, *png.size)
    placements = [frame.placement for frame in png.frames]
    if png.shares_first:
        width, height = png.size
        placements[0] = replace(placements[0], left=0, top=0, width=width, height=height)

    def decode(number: int) -> tuple[Layer, tuple[int, ...]]:
        if number == 0 and png.shares_first:
            return replace(first, missing=None), (0, 0, 0)
        frame = png.frames[number]
        check_screen(loader.limits, frame.placement.width, frame.placement.height)
        part = _Part(f"PNG frame {number + 1}", png.frame_header(frame), frame.pieces)
        return _decode(png, part, loader, alpha=True), (0, 0, 0)

    durations_ms = [where.duration_ms for where in placements]
    most = loader.limits.max_frames - (not png.shares_first)
    chosen = choose_frames(durations_ms, most, first=png.shares_first)
    width, height = png.size
    yield from play(
        Canvas(width, height),
        placements,
        decode,
        chosen=chosen - {0} if png.shares_first else chosen,
        budget=PixelBudget(loader.limits, width * height),
    )
    if len(chosen) < len(placements):
        raise make_frames_error(len(chosen), len(placements))


def _decode(png: Png, part: _Part, loader: Loader, *, alpha: bool) -> Layer:
    """Decode a part, or what can be decompressed of it."""
    is_first = part.pieces is png.pieces
    profile = png.profile if is_first else None
    stream = png.stream() if is_first else png.build(part.header, part.pieces)
    try:
        layer = loader.load_first(stream, alpha=alpha, profile=profile)
        if not _may_lack_lines(layer, part.header) or has_every_line(png, part.header, part.pieces):
            return layer
        failure = DecodeError(f"damaged {part.subject}: too few pixels", ErrorKind.DAMAGED)
    except DecodeError as error:
        if error.kind in IRREPARABLE:
            raise
        failure = error
    check_damaged_size(part.header, loader.limits)
    repaired = repair_pixels(png, part.header, part.pieces)
    try:
        layer = loader.load_first(repaired.stream, alpha=True, profile=profile)
    except DecodeError:
        raise failure from None
    kind = ErrorKind.TRUNCATED if png.is_cut else ErrorKind.DAMAGED
    missing = make_missing_error(part.subject, kind, repaired.share)
    return repaired.reveal(layer.rgb, layer.alpha, missing)


def _may_lack_lines(layer: Layer, header: bytes) -> bool:
    """Return whether Pillow may have met the end of the data before that of the picture.

    It leaves what is missing zero, without an error: in one of the last two lines at least, which
    are then black, or of the first colour of the palette.
    """
    is_palette = header[9] == _PALETTE
    ends = (line[:1] if is_palette else 0 for line in layer.rgb[-2:])
    return any((line == end).all() for line, end in zip(layer.rgb[-2:], ends, strict=True))
