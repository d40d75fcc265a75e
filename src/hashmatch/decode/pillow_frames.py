"""The frames of animations that Pillow composes: WebP and AVIF; and pictures without frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from PIL import ImageFile

from hashmatch.decode.animation import (
    MOST_FRAMES,
    PixelBudget,
    check_screen,
    choose_frames,
    make_frames_error,
    make_incomplete_error,
    shown_ms,
)
from hashmatch.decode.layers import Layer, Loader
from hashmatch.decode.pillow_errors import translate_errors


def show_frames(data: bytes, loader: Loader, *, alpha: bool, frames: bool) -> Iterator[Layer]:
    """Yield the first picture and, if `frames`, the other frames of an animation."""
    with translate_errors(loader.name):
        image = loader.open(data)
        first = loader.load(image, alpha=alpha)
        n_frames = min(int(getattr(image, "n_frames", 1)), MOST_FRAMES)
    if n_frames == 1:
        shown = [first]
        del image, first  # so that the pixels are held by those who use them alone
        yield shown.pop()
        return
    yield first
    del first
    if not frames:
        raise make_incomplete_error("frame", loader.name)
    limits = loader.limits
    check_screen(limits, *image.size)
    frame_pixels = image.width * image.height
    budget = PixelBudget(limits, frame_pixels)
    chosen = set(range(n_frames))
    if n_frames > limits.max_frames:
        # Only decoding tells for how long each is shown.
        durations_ms = []
        for number in range(n_frames):
            budget.spend(frame_pixels)
            durations_ms.append(_load_frame(image, number, loader.name))
        chosen = choose_frames(durations_ms, limits.max_frames, first=True)
    elapsed_ms = _load_frame(image, 0, loader.name)
    for number in range(1, max(chosen) + 1):
        budget.spend(frame_pixels)
        duration_ms = _load_frame(image, number, loader.name)
        if number in chosen:
            with translate_errors(f"{loader.name} frame {number + 1}"):
                layer = loader.load(image, alpha=alpha)
            yield replace(layer, timestamp_s=elapsed_ms / 1000)
        elapsed_ms += duration_ms
    if len(chosen) < n_frames or n_frames == MOST_FRAMES:
        raise make_frames_error(len(chosen), n_frames)


def _load_frame(image: ImageFile.ImageFile, number: int, name: str) -> float:
    """Load a frame, and return for how many ms it is shown."""
    with translate_errors(f"{name} frame {number + 1}"):
        image.seek(number)
        image.load()
        return shown_ms(float(image.info.get("duration") or 0))
