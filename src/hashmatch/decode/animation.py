"""The frames of an animation that are looked at, within a budget of frames and pixels."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from hashmatch.decode.canvas import Canvas, Placement
from hashmatch.decode.layers import Layer
from hashmatch.decode.limits import DecodeLimits
from hashmatch.errors import DecodeError, ErrorKind

MOST_FRAMES = 20_000
"""Frames of an animation that are decoded, whether or not they are looked at."""

_SHORTEST_MS, _INSTEAD_MS = 10.0, 100.0
_SCREENS = 4


def shown_ms(stored_ms: float) -> float:
    """Return the time that browsers show a frame: 100 ms if 10 ms or less are stored."""
    return stored_ms if stored_ms > _SHORTEST_MS else _INSTEAD_MS


class PixelBudget:
    """The pixels of all frames or pages of a file, added up as they are decoded."""

    def __init__(self, limits: DecodeLimits, spent: int = 0) -> None:
        self._limits = limits
        self._spent = spent

    def spend(self, pixels: int) -> None:
        """Add the pixels of a frame or page; DecodeError if they are too many together."""
        self._spent += pixels
        self._limits.check_frame_pixels(self._spent)


def check_screen(limits: DecodeLimits, width: int, height: int) -> None:
    """Raise DecodeError if a screen is too large for an animation, which takes several of it."""
    most = limits.max_pixels // _SCREENS
    if width * height > most:
        message = f"too many pixels: an animation of {width} x {height}, limit {most}"
        raise DecodeError(message, ErrorKind.TOO_LARGE)


def choose_frames(durations_ms: Sequence[float], most: int, *, first: bool) -> set[int]:
    """Return the numbers of the frames shown longest, at most `most`; ties go to the earlier.

    With `first`, frame 0 is always among them, since it is what a still picture of it shows.
    """
    numbers = range(1 if first else 0, len(durations_ms))
    chosen = set(heapq.nlargest(most - first, numbers, key=lambda at: (durations_ms[at], -at)))
    return chosen | {0} if first else chosen


def make_frames_error(n_chosen: int, n_frames: int) -> DecodeError:
    """Return the error for an animation of which some frames were not looked at.

    `n_frames` is `MOST_FRAMES` if there are more.
    """
    found = n_frames if n_frames < MOST_FRAMES else f"more than {n_frames}"
    message = f"too many frames: {n_chosen} of {found} were examined, those shown longest"
    return DecodeError(message, ErrorKind.TOO_MANY_FRAMES)


def make_incomplete_error(part: str, file_format: str) -> DecodeError:
    """Return the error for further frames or pages (`part`: one of them) that nobody asked for."""
    message = (
        f"only the first {part} of the {file_format} was examined: "
        "the policy's views leave out frames"
    )
    return DecodeError(message, ErrorKind.INCOMPLETE)


def play(
    canvas: Canvas,
    placements: Sequence[Placement],
    decode: Callable[[int], tuple[Layer, tuple[int, ...]]],
    *,
    chosen: set[int],
    budget: PixelBudget,
) -> Iterator[Layer]:
    """Yield the screen as it is at each of the chosen frames; it changes when the iterator goes on.

    Parameters
    ----------
    canvas, placements
        The screen, and where each frame is drawn.
    decode : callable
        Decodes a frame by its number; returns it and the colour under what it clears.
    chosen : set of int
        Numbers of the frames to yield; the others are drawn as well, since each builds on the last.
    budget : PixelBudget
        Spent on the screen or the frame, the larger, for each frame.
    """
    elapsed_ms = 0.0
    missing = None
    last = max(chosen, default=-1)
    for number, where in enumerate(placements[: last + 1]):
        budget.spend(max(canvas.alpha.size, where.width * where.height))
        layer, ground = decode(number)
        for shown in canvas.show(layer, where, ground):
            missing = missing or shown.missing
            if number in chosen:
                yield replace(shown, missing=missing, timestamp_s=elapsed_ms / 1000)
                missing = None
        elapsed_ms += where.duration_ms
