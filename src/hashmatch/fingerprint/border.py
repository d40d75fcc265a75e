"""Find a plain border around a picture: letterbox bars, pillars, a frame, a margin.

From each side, lines are border as long as their luma stays near the level of the outermost line,
by mean absolute deviation, so that a gradient or a picture that fades to black ends it.  JPEG rings
within 8 px of an edge, so the cut is placed at the largest step between neighbouring lines there.
First rows, then columns of what is left, each side once, and all sides of one level: a picture
that ends in plain colours itself loses no more than that.

Everything is integer arithmetic on 8-bit luma, the same on every machine.  The luma plane of a JPEG
can give another answer than its exact pixels only where a comparison is close; `Border.sure` tells
whether none was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

GLANCE_SPREAD = 48
"""A line of whose pixels, 16 or so looked at, two differ by more levels than this is no border."""

LINE_DEVIATION = 4
"""A border line is at most so many levels off the outermost one, in the mean over its pixels."""

SIDES_APART = 8
"""The levels of two sides of one border differ by at most this."""

LEAST_LEFT_PX = 64
LEAST_LEFT_SHARE = 1 / 4
"""What a border leaves is at least 64 px and a quarter of the picture, both ways; where less would
be left, what looks like a border is the picture."""

LEAST_CUT_SHARE = 1 / 128
"""A border takes at least this share of the height, or of the width, off its side: less hardly
moves a hash."""

LEAST_STEP = 3
"""Where a border ends, the deviation of lines rises by more than this from one line to the next."""

_MEAN_DRIFT = 0.5
"""By how many levels the mean over a line may differ between the Y plane and the luma of the exact
pixels, of which each is rounded, where no channel is clipped."""

_LEVEL_BITS = 4

_RINGING_PX = 8
_SAMPLES = 16
_FIRST_BLOCK_LINES = 16
_RED, _GREEN, _BLUE = 19595, 38470, 7471  # 0.299, 0.587, 0.114 in 1 / 65536


@dataclass(frozen=True, slots=True)
class Border:
    """What a border leaves of a picture.

    Parameters
    ----------
    inside : tuple of slice, or None
        Rows and columns; None where there is no border worth trimming.
    sure : bool
        Whether pixels that are as far apart as two ways to decode would give the same answer.
    """

    inside: tuple[slice, slice] | None
    sure: bool


@dataclass(slots=True)
class _Comparisons:
    """Compares, and remembers whether any comparison was close."""

    sure: bool = True

    def exceeds(self, value: float, bound: float, drift: float) -> bool:
        self.sure &= abs(value - bound) > drift
        return value > bound


def find_border(pixels: NDArray[np.uint8]) -> Border:
    """Find the border of a picture.

    Parameters
    ----------
    pixels : ndarray of uint8
        Shape (H, W, 3), RGB, or (H, W), luma.

    Returns
    -------
    Border

    Notes
    -----
    Thread-safe. Where there is no border, some tens of microseconds, whatever the size of the
    picture; else one pass over the border.
    """
    height, width = pixels.shape[:2]
    pixels = pixels.reshape(height, width, -1)
    compare = _Comparisons()
    top, bottom, left, right = 0, height, 0, width
    level: float | None = None
    for side in ("top", "bottom", "left", "right"):
        box = pixels[top:bottom, left:right]
        lines = box if side in {"top", "bottom"} else box.swapaxes(0, 1)
        if side in {"bottom", "right"}:
            lines = lines[::-1]
        spread = _glance(lines[0])
        if spread > GLANCE_SPREAD + 2:
            continue
        own_level = int(_luma(lines[0]).sum(dtype=np.int64)) / lines.shape[1]
        n_lines = _border_lines(lines, own_level, compare)
        if n_lines == len(lines):
            return Border(None, compare.sure)  # plain all over
        if n_lines == 0 or compare.exceeds(spread, GLANCE_SPREAD, 2):
            continue
        if level is None:
            level = own_level
        elif compare.exceeds(abs(own_level - level), SIDES_APART, _MEAN_DRIFT):
            continue
        top += n_lines * (side == "top")
        bottom -= n_lines * (side == "bottom")
        left += n_lines * (side == "left")
        right -= n_lines * (side == "right")
    left_px = bottom - top, right - left
    if left_px == (height, width) or min(left_px) < LEAST_LEFT_PX:
        return Border(None, compare.sure)
    if min(left_px[0] / height, left_px[1] / width) < LEAST_LEFT_SHARE:
        return Border(None, compare.sure)
    return Border((slice(top, bottom), slice(left, right)), compare.sure)


def _glance(line: NDArray[np.uint8]) -> int:
    """Return how many levels a few pixels of a line are apart: mostly enough to see no border."""
    luma = _luma(line[:: max(1, len(line) // _SAMPLES)])
    return int(luma.max()) - int(luma.min())


def _border_lines(lines: NDArray[np.uint8], level: float, compare: _Comparisons) -> int:
    """Return how many of the first lines are border."""
    if _deviations(lines[:1], level)[0] > LINE_DEVIATION + _MEAN_DRIFT:
        return 0
    off = _first_deviations(lines, level)
    end = next((n for n, value in enumerate(off) if value > LINE_DEVIATION), None)
    if end is None:
        compare.sure &= all(value <= LINE_DEVIATION - _MEAN_DRIFT for value in off)
        return len(lines)
    # Where another decode might see the border end, it mostly meets the same edge.
    last = next(
        (n for n, value in enumerate(off) if value > LINE_DEVIATION + _MEAN_DRIFT), len(off) - 1
    )
    least = LEAST_CUT_SHARE * len(lines)
    if last + _RINGING_PX < least:
        return 0
    ends = [n for n in range(last + 1) if off[n] > LINE_DEVIATION - _MEAN_DRIFT]
    if len({_edge(off, other, compare) for other in ends}) > 1:
        compare.sure = False
    n_lines = _edge(off, end, compare)
    return n_lines if n_lines >= least else 0


def _edge(off: Sequence[float], end: int, compare: _Comparisons) -> int:
    """Return where a border ends that reaches its threshold at a line; 0 where nothing steps."""
    steps = [after - before for before, after in pairwise(off[max(end - 1, 0) : end + _RINGING_PX])]
    largest = max(steps, default=0.0)
    if end == 0 or not compare.exceeds(largest, LEAST_STEP, 2 * _MEAN_DRIFT):
        return 0
    edge = steps.index(largest)
    for number, step in enumerate(steps):
        if number != edge:
            compare.exceeds(step, largest, 2 * _MEAN_DRIFT)
    return end + edge


def _first_deviations(lines: NDArray[np.uint8], level: float) -> list[float]:
    """Return the deviations of lines until past a border, or of all of them."""
    off: list[float] = []
    block_lines = _FIRST_BLOCK_LINES
    while len(off) < len(lines):
        start = len(off)
        off += _deviations(lines[start : start + block_lines], level)
        beyond = (n for n in range(start, len(off)) if off[n] > LINE_DEVIATION + _MEAN_DRIFT)
        first = next(beyond, None)
        if first is not None:
            rest = lines[len(off) : first + _RINGING_PX]
            return off + _deviations(rest, level)
        block_lines *= 2
    return off


def _deviations(lines: NDArray[np.uint8], level: float) -> list[float]:
    """Return how far each line is off a level, in the mean over its pixels."""
    scale = 1 << _LEVEL_BITS
    off = np.abs((_luma(lines) << _LEVEL_BITS) - round(level * scale))
    return [total / (off.shape[1] * scale) for total in off.sum(axis=1, dtype=np.int64).tolist()]


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return luma as Pillow rounds it; the last axis is one channel of luma, or RGB."""
    wide = pixels.astype(np.int32)
    if wide.shape[-1] == 1:
        return wide[..., 0]
    return (wide[..., 0] * _RED + wide[..., 1] * _GREEN + wide[..., 2] * _BLUE + 0x8000) >> 16
