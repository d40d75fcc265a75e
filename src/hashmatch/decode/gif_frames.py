"""The pictures of a GIF: the first as Pillow reads it, and every frame as browsers show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hashmatch.decode.animation import (
    PixelBudget,
    check_screen,
    choose_frames,
    make_frames_error,
    make_incomplete_error,
    play,
)
from hashmatch.decode.canvas import Canvas
from hashmatch.decode.damage import IRREPARABLE
from hashmatch.decode.gif import Gif, GifFrame, decode_layer, read_gif
from hashmatch.decode.layers import Layer, Loader
from hashmatch.decode.limits import DecodeLimits
from hashmatch.decode.pillow_errors import translate_errors
from hashmatch.errors import DecodeError


def show_gif(data: bytes, loader: Loader, *, alpha: bool, frames: bool) -> Iterator[Layer]:
    """Yield the first picture and, if `frames`, every frame on each screen that a viewer may take.

    DecodeError after the last of them if the file was not read to its end, or if there are frames
    that were not asked for.
    """
    gif = read_gif(data)
    if not gif.frames:
        yield loader.load_first(data, alpha=alpha)
        return
    budget = PixelBudget(loader.limits)
    first = _load_first(gif, loader, alpha=alpha)
    budget.spend(first.rgb.shape[0] * first.rgb.shape[1])
    yield first
    screens = gif.list_screens()
    is_seen = first.rgb.shape[1::-1] == screens[0] == (gif.width, gif.height)
    if not frames and (len(gif.frames) > 1 or len(screens) > 1 or not is_seen):
        raise make_incomplete_error("frame", "GIF")
    if frames:
        for screen in screens:
            was_seen = is_seen and screen == screens[0]
            yield from _play(gif, screen, loader.limits, budget, skip_first=was_seen)
    if gif.fault is not None:
        raise gif.fault


def _load_first(gif: Gif, loader: Loader, *, alpha: bool) -> Layer:
    """Load the first picture by Pillow; what that refuses is decoded here, as far as it goes."""
    screen = gif.list_screens()[0]
    frame = gif.list_frames(screen)[0]
    where = frame.placement
    error: DecodeError | None = None
    try:
        first = loader.load_first(gif.data, alpha=alpha)
    except DecodeError as failure:
        if failure.kind in IRREPARABLE:
            raise
        error = failure
    covers = (where.left, where.top, where.width, where.height) == (0, 0, *screen)
    if error is None and (covers or not alpha or first.rgb.shape[1::-1] != screen):
        return first
    loader.limits.check_pixels(*screen)
    loader.limits.check_pixels(where.width, where.height)
    canvas = _make_canvas(gif, screen)
    with translate_errors("GIF"):
        layer = decode_layer(gif.data, frame, "GIF")
    drawn = layer if covers else next(canvas.show(layer, where))
    if error is None:  # Pillow has the colours, but makes opaque what the frame leaves free
        return replace(first, alpha=drawn.alpha)
    if len(gif.frames) == 1 and (drawn.alpha is None or not drawn.alpha.any()):
        raise error
    return replace(drawn, missing=drawn.missing or error)


def _make_canvas(gif: Gif, screen: tuple[int, int]) -> Canvas:
    first = gif.frames[0]
    return Canvas(*screen, gif.colour(first, 0 if first.transparent is None else first.transparent))


def _play(
    gif: Gif,
    screen: tuple[int, int],
    limits: DecodeLimits,
    budget: PixelBudget,
    *,
    skip_first: bool,
) -> Iterator[Layer]:
    frames = gif.list_frames(screen)
    chosen = choose_frames(
        [frame.placement.duration_ms for frame in frames], limits.max_frames, first=True
    )

    def decode(number: int) -> tuple[Layer, tuple[int, ...]]:
        frame: GifFrame = frames[number]
        check_screen(limits, frame.placement.width, frame.placement.height)
        subject = f"GIF frame {number + 1}"
        with translate_errors(subject):
            return decode_layer(gif.data, frame, subject), gif.find_ground(frame)

    wanted = chosen - {0} if skip_first else chosen
    if wanted:
        check_screen(limits, *screen)
        placements = [frame.placement for frame in frames]
        canvas = _make_canvas(gif, screen)
        yield from play(canvas, placements, decode, chosen=wanted, budget=budget)
    if len(chosen) < len(frames):
        raise make_frames_error(len(chosen), len(frames))
