"""Plain borders around a picture: letterbox bars, pillars, a frame, a margin.

From each side inwards, lines belong to the border as long as their luma stays near the level of the
outermost line, by mean absolute deviation; a gradient or a fade to black ends the border.  JPEG
causes ringing within 8 px of an edge, so the cut is placed at the largest step between neighbouring
lines there.  Rows are trimmed first, then columns of what is left, each side once, and all sides
must have the same level: a picture whose own edges are plain loses no more than those edges.

All sums are integer sums, so every machine finds the same border.  The luma plane of a JPEG can
give a different border from its exact pixels only where a comparison is close; `possible_borders`
returns every border that close comparisons leave open.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashmatch._core import line_deviations

GLANCE_SPREAD = 48  # levels; a line is no border if two of about 16 sampled pixels differ by more
LINE_DEVIATION = 4  # levels; largest mean difference of a border line from the outermost one
SIDES_APART = 8  # levels; largest difference between two sides of one border
LEAST_STEP = 3  # levels; where a border ends, the deviation rises by more from one line to the next

# A border leaves at least this much of the picture, both ways; otherwise it is not a border.
LEAST_LEFT_PX, LEAST_LEFT_SHARE = 64, 1 / 4
LEAST_CUT_SHARE = 1 / 128  # of the height or width, for a side; less hardly moves a hash

# Levels by which the Y plane and the luma of exact pixels, both rounded, may differ where no
# channel is clipped: in the mean of a line, and in the difference between two pixels.
_MEAN_DRIFT, _GLANCE_DRIFT = 0.5, 2

_RINGING_PX = 8
_MOST_BORDERS = 8
_SIDES = ("top", "bottom", "left", "right")

Inside = tuple[slice, slice]


class _Box(NamedTuple):
    """The part of a picture left after some sides were trimmed, and the level of those sides."""

    top: int
    bottom: int
    left: int
    right: int
    level: float | None

    def without(self, side: str, n_lines: int, level: float) -> _Box:
        change = n_lines if side in {"top", "left"} else -n_lines
        moved = self._replace(**{side: getattr(self, side) + change})
        return moved if self.level is not None else moved._replace(level=level)


def find_border(pixels: NDArray[np.uint8]) -> Inside | None:
    """Find the plain border of a picture.

    Parameters
    ----------
    pixels : ndarray of uint8
        Shape (H, W, 3), RGB, or (H, W), luma.

    Returns
    -------
    tuple of slice, or None
        Rows and columns inside the border; None if there is no border worth trimming.

    Notes
    -----
    Thread-safe.  Reads 16 pixels of each side without a border, and about a hundred pixels of each
    border line.
    """
    borders = _search(pixels, only_likeliest=True)
    assert borders is not None  # there is one
    return borders[0]


def possible_borders(pixels: NDArray[np.uint8]) -> tuple[Inside | None, ...] | None:
    """Find every border that `find_border` may find when the picture is decoded another way.

    Returns
    -------
    tuple, or None
        The border that `find_border` finds in these pixels, then the other possible results; None
        if there are more than 8 in all.
    """
    return _search(pixels, only_likeliest=False)


def _search(pixels: NDArray[np.uint8], *, only_likeliest: bool) -> tuple[Inside | None, ...] | None:
    height, width = pixels.shape[:2]
    boxes = [_Box(0, height, 0, width, None)]
    for number, side in enumerate(_SIDES):
        trimmed = dict.fromkeys(
            box.without(side, n_lines, level) if n_lines else box
            for box in boxes
            for n_lines, level in _cuts(pixels, box, number)
        )
        boxes = list(trimmed)[:1] if only_likeliest else list(trimmed)
        if len(boxes) > _MOST_BORDERS:
            return None
    # As corners, since slices cannot be keys.
    kept = dict.fromkeys(box[:4] if _leaves_enough(box, height, width) else None for box in boxes)
    return tuple(corners and (slice(*corners[:2]), slice(*corners[2:])) for corners in kept)


def _leaves_enough(box: _Box, height: int, width: int) -> bool:
    """Return whether there is a border, and enough of the picture inside it."""
    left_px = box.bottom - box.top, box.right - box.left
    return (
        left_px != (height, width)
        and min(left_px) >= LEAST_LEFT_PX
        and min(left_px[0] / height, left_px[1] / width) >= LEAST_LEFT_SHARE
    )


def _cuts(pixels: NDArray[np.uint8], box: _Box, side: int) -> list[tuple[int, float]]:
    """Return the possible border widths of a side, in lines, with their level; likeliest first."""
    nothing = (0, 0.0)
    spread, level, off = line_deviations(
        pixels,
        *box[:4],
        side,
        GLANCE_SPREAD + _GLANCE_DRIFT,
        LINE_DEVIATION + _MEAN_DRIFT,
        _RINGING_PX,
    )
    apart = 0.0 if box.level is None else abs(level - box.level)
    if not off or off[0] > LINE_DEVIATION + _MEAN_DRIFT or apart > SIDES_APART + _MEAN_DRIFT:
        return [nothing]
    n_lines = box.bottom - box.top if side < 2 else box.right - box.left
    cuts = [(n_cut, level) if n_cut else nothing for n_cut in _edges(off, n_lines)]
    if spread > GLANCE_SPREAD or apart > SIDES_APART:
        cuts = [nothing, *cuts]
    elif spread >= GLANCE_SPREAD - _GLANCE_DRIFT or apart >= SIDES_APART - _MEAN_DRIFT:
        cuts = [*cuts, nothing]
    return list(dict.fromkeys(cuts))


def _edges(off: Sequence[float], n_lines: int) -> list[int]:
    """Return the possible numbers of border lines, likeliest first, from each line's deviation."""
    # Another decode may see the border end at other lines, but mostly at the same edge.
    last = next(
        (n for n, value in enumerate(off) if value > LINE_DEVIATION + _MEAN_DRIFT), n_lines - 1
    )
    ends = [n for n in range(last + 1) if off[n] > LINE_DEVIATION - _MEAN_DRIFT]
    likeliest = next((n for n in ends if off[n] > LINE_DEVIATION), n_lines)
    least = LEAST_CUT_SHARE * n_lines
    found = dict.fromkeys(
        n_cut if n_cut >= least else 0 for end in (likeliest, *ends) for n_cut in _steps(off, end)
    )
    return list(found)


def _steps(off: Sequence[float], end: int) -> list[int]:
    """Return where a border that seems to end near line `end` may really end, likeliest first.

    A 0 means no border: all of the picture is plain, or the border fades out without a step.
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
