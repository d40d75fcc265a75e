"""Find a plain border around a picture: letterbox bars, pillars, a frame, a margin.

From each side, lines are border as long as their luma stays near the level of the outermost line,
by mean absolute deviation, so that a gradient or a picture that fades to black ends it.  JPEG rings
within 8 px of an edge, so the cut is placed at the largest step between neighbouring lines there.
First rows, then columns of what is left, each side once, and all sides of one level: a picture
that ends in plain colours itself loses no more than that.

Sums are of integers, so every machine finds the same.  The luma plane of a JPEG can give another
answer than its exact pixels only where a comparison is close; `possible_borders` gives every answer
that close comparisons leave open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

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

_GLANCE_DRIFT = 2
"""The same for the difference of two pixels, which are both rounded."""

_RINGING_PX = 8
_GLANCES = 16
_SAMPLES = 96
"""A line is judged by about this many of its pixels."""

_FIRST_BLOCK_LINES = 8
_LEVEL_BITS = 4
_MOST_ANSWERS = 8
_RED, _GREEN, _BLUE = 19595, 38470, 7471  # 0.299, 0.587, 0.114 in 1 / 65536

Inside = tuple[slice, slice]


class _Box(NamedTuple):
    """What is left so far, and the level of the sides that came off."""

    top: int
    bottom: int
    left: int
    right: int
    level: float | None

    def lines(self, pixels: NDArray[np.uint8], side: str) -> NDArray[np.uint8]:
        """Return the lines of a side, the outermost first."""
        inside = pixels[self.top : self.bottom, self.left : self.right]
        lines = inside if side in {"top", "bottom"} else inside.swapaxes(0, 1)
        return lines[::-1] if side in {"bottom", "right"} else lines

    def without(self, side: str, n_lines: int, level: float) -> _Box:
        change = n_lines if side in {"top", "left"} else -n_lines
        moved = self._replace(**{side: getattr(self, side) + change})
        return moved if self.level is not None else moved._replace(level=level)


def find_border(pixels: NDArray[np.uint8]) -> Inside | None:
    """Find the border of a picture.

    Parameters
    ----------
    pixels : ndarray of uint8
        Shape (H, W, 3), RGB, or (H, W), luma.

    Returns
    -------
    tuple of slice, or None
        Rows and columns of what it leaves; None where there is no border worth trimming.

    Notes
    -----
    Thread-safe. Where there is no border, some tens of microseconds, whatever the size of the
    picture; else a look at about a hundred pixels of each of its lines.
    """
    answers = _search(pixels, only_likeliest=True)
    assert answers is not None  # there is one at least
    return answers[0]


def possible_borders(pixels: NDArray[np.uint8]) -> tuple[Inside | None, ...] | None:
    """Find every border that a picture may turn out to have when it is decoded another way.

    Parameters
    ----------
    pixels : ndarray of uint8
        As for `find_border`.

    Returns
    -------
    tuple, or None
        What `find_border` gives, then what it might give; None instead of the tuple where that is
        too much to tell.
    """
    return _search(pixels, only_likeliest=False)


def _search(pixels: NDArray[np.uint8], *, only_likeliest: bool) -> tuple[Inside | None, ...] | None:
    height, width = pixels.shape[:2]
    pixels = pixels.reshape(height, width, -1)
    boxes = [_Box(0, height, 0, width, None)]
    for side in ("top", "bottom", "left", "right"):
        cut = dict.fromkeys(
            box.without(side, n_lines, level) if n_lines else box
            for box in boxes
            for n_lines, level in _cuts(box.lines(pixels, side), box.level)
        )
        boxes = list(cut)[:1] if only_likeliest else list(cut)
        if len(boxes) > _MOST_ANSWERS:
            return None
    kept = dict.fromkeys(box[:4] if _is_worth_it(box, height, width) else None for box in boxes)
    return tuple(
        None if corners is None else (slice(*corners[:2]), slice(*corners[2:])) for corners in kept
    )


def _is_worth_it(box: _Box, height: int, width: int) -> bool:
    left_px = box.bottom - box.top, box.right - box.left
    return (
        left_px != (height, width)
        and min(left_px) >= LEAST_LEFT_PX
        and min(left_px[0] / height, left_px[1] / width) >= LEAST_LEFT_SHARE
    )


def _cuts(lines: NDArray[np.uint8], others: float | None) -> list[tuple[int, float]]:
    """Return how many of the first lines may be border, and their level; the likeliest first."""
    nothing = (0, 0.0)
    if not len(lines):
        return [nothing]
    glance = _luma(lines[0, :: max(1, lines.shape[1] // _GLANCES)])
    spread = int(glance.max()) - int(glance.min())
    if spread > GLANCE_SPREAD + _GLANCE_DRIFT:
        return [nothing]
    lines = lines[:, :: max(1, lines.shape[1] // _SAMPLES)]
    level = int(_luma(lines[0]).sum()) / lines.shape[1]
    if others is not None and abs(level - others) > SIDES_APART + _MEAN_DRIFT:
        return [nothing]
    cuts = [(n_lines, level) for n_lines in _edges(lines, level)]
    is_close = abs(spread - GLANCE_SPREAD) <= _GLANCE_DRIFT
    passes = spread <= GLANCE_SPREAD
    if others is not None:
        is_close |= abs(abs(level - others) - SIDES_APART) <= _MEAN_DRIFT
        passes &= abs(level - others) <= SIDES_APART
    if is_close and cuts != [nothing]:
        cuts = [*cuts, nothing] if passes else [nothing, *cuts]
    return list(dict.fromkeys(cuts))


def _edges(lines: NDArray[np.uint8], level: float) -> list[int]:
    """Return how many of the first lines may be border, by their own looks; the likeliest first."""
    if _deviations(lines[:1], level)[0] > LINE_DEVIATION + _MEAN_DRIFT:
        return [0]
    off = _first_deviations(lines, level)
    # Where another decode might see the border end, it mostly meets the same edge.
    last = next(_beyond(off, 0), len(off) - 1)
    ends = [n for n in range(last + 1) if off[n] > LINE_DEVIATION - _MEAN_DRIFT]
    likeliest = next((n for n in ends if off[n] > LINE_DEVIATION), len(lines))
    least = LEAST_CUT_SHARE * len(lines)
    found = dict.fromkeys(
        n_lines if n_lines >= least else 0
        for end in (likeliest, *ends)
        for n_lines in _steps(off, end)
    )
    return list(found)


def _steps(off: Sequence[float], end: int) -> list[int]:
    """Return where a border may end that is judged to end about a line; the likeliest first.

    Lines without end are no border but a plain picture, of which nothing would be left; and where
    nothing steps there is none.
    """
    if end == 0:
        return [0]
    steps = [after - before for before, after in pairwise(off[end - 1 : end + _RINGING_PX])]
    largest = max(steps, default=0.0)
    if largest <= LEAST_STEP - 2 * _MEAN_DRIFT:
        return [0]
    near = [end + n for n, step in enumerate(steps) if step >= largest - 2 * _MEAN_DRIFT]
    likeliest = end + steps.index(largest) if largest > LEAST_STEP else 0
    return [likeliest, *near] + [0] * (largest <= LEAST_STEP + 2 * _MEAN_DRIFT)


def _first_deviations(lines: NDArray[np.uint8], level: float) -> list[float]:
    """Return the deviations of lines until past a border, or of all of them."""
    off: list[float] = []
    block_lines = _FIRST_BLOCK_LINES
    while len(off) < len(lines):
        start = len(off)
        off += _deviations(lines[start : start + block_lines], level)
        first = next(_beyond(off, start), None)
        if first is not None:
            return off + _deviations(lines[len(off) : first + _RINGING_PX], level)
        block_lines *= 2
    return off


def _beyond(off: Sequence[float], start: int) -> Iterator[int]:
    """Yield the numbers of lines that are no border, whatever the decode."""
    return (n for n in range(start, len(off)) if off[n] > LINE_DEVIATION + _MEAN_DRIFT)


def _deviations(lines: NDArray[np.uint8], level: float) -> list[float]:
    """Return how far each line is off a level, in the mean over its pixels."""
    off = np.abs((_luma(lines) << _LEVEL_BITS) - round(level * (1 << _LEVEL_BITS)))
    return [total / (off.shape[1] << _LEVEL_BITS) for total in off.sum(axis=1).tolist()]


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return luma as Pillow rounds it; the last axis is one channel of luma, or RGB."""
    if pixels.shape[-1] == 1:
        return pixels[..., 0].astype(np.int32)
    wide = pixels.astype(np.int32)
    return (wide[..., 0] * _RED + wide[..., 1] * _GREEN + wide[..., 2] * _BLUE + 0x8000) >> 16
