"""Borders around a picture: letterbox bars, pillars, frames, margins, with or without a caption.

Two finders look for them, from each side inwards, rows before columns of what is left:

- a plain border goes on as long as lines stay near the level of the outermost one, by mean absolute
  deviation, and ends at a step; all sides have the same level.  JPEG causes ringing within 8 px of
  an edge, so the cut is placed at the largest step between neighbouring lines there.
- any other ends at a straight edge: a step in most samples along one line, outside which most lines
  are calm, both along and across.  Noise, two shades, gradients, marks, captions and blurred copies
  of the picture are calm enough; sides are judged apart.  Where only one of two sides shows an
  edge, the picture may lie in the middle all the same.  What is left is searched again, as bars
  may lie within bars (`csrc/image/border_edges.cpp` has the details).

A picture whose own edges are plain or straight loses a part by either.  Such a part is one more
view: the picture as stored is always looked at as well.  All sums are integer sums, so every
machine finds the same borders.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashmatch._core import border_edge, line_deviations

GLANCE_SPREAD = 48  # levels; a line is not plain if two of about 16 sampled pixels differ by more
LINE_DEVIATION = 4  # levels; largest mean difference of a plain line from the outermost one
SIDES_APART = 8  # levels; largest difference between two sides of one plain border
LEAST_STEP = 3  # levels; where a plain border ends, the deviation rises by more at once

# A border leaves at least this much of the picture, both ways; otherwise it is not a border.
LEAST_LEFT_PX, LEAST_LEFT_SHARE = 32, 1 / 8
LEAST_CUT_SHARE = 1 / 128  # of the height or width, for a side; less hardly moves a hash

MOST_INSIDES = 4
_MOST_PEELS = 3
_SURE_SCORE = 0.75  # of a straight edge; below, the columns may be the picture's own
_SAME_SHARE = 1 / 256  # of the height or width; insides that differ by less have the same hash

_RINGING_PX = 8

Inside = tuple[slice, slice]


class _Box(NamedTuple):
    """A part of a picture; its sides are numbered from 0, in this order."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size_px(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    def without(self, side: int, n_lines: int) -> _Box:
        corners = list(self)
        corners[side] += -n_lines if side % 2 else n_lines
        return _Box(*corners)


def find_borders(pixels: NDArray[np.uint8]) -> tuple[Inside, ...]:
    """Find what may be inside the border of a picture.

    Parameters
    ----------
    pixels : ndarray of uint8
        Shape (H, W, 3), RGB, or (H, W), luma, in which edges between colours of the same luma do
        not show.

    Returns
    -------
    tuple of (slice, slice)
        Rows and columns of at most 4 rectangles, outer ones first except that a plain border comes
        before all others; empty if there is no border worth trimming.

    Notes
    -----
    Thread-safe.  Without a border, 32 pixels of each of the outermost lines are read: 32 lines and
    an eighth of all, of each side.
    """
    whole = _Box(0, pixels.shape[0], 0, pixels.shape[1])
    plain = _trim_plain(pixels, whole)
    found = [plain] if _leaves_enough(plain, whole) else []
    last = whole
    for number in range(_MOST_PEELS):
        peeled = _peel(pixels, last, whole)
        if not peeled:
            break
        found += peeled
        last = peeled[0]
        if number == 0:
            found += _peel(pixels, whole, whole, is_balanced=True)[:1]
    kept: list[_Box] = []
    for box in found:
        if not any(_look_the_same(box, other, whole) for other in kept):
            kept.append(box)
    return tuple(
        (slice(box.top, box.bottom), slice(box.left, box.right)) for box in kept[:MOST_INSIDES]
    )


def _leaves_enough(box: _Box, whole: _Box) -> bool:
    """Return whether there is a border, and enough of the picture inside it."""
    return box != whole and all(
        left_px >= max(LEAST_LEFT_PX, LEAST_LEFT_SHARE * px)
        for left_px, px in zip(box.size_px, whole.size_px, strict=True)
    )


def _look_the_same(one: _Box, other: _Box, whole: _Box) -> bool:
    height, width = whole.size_px
    return all(
        abs(a - b) <= _SAME_SHARE * px
        for a, b, px in zip(one, other, (height, height, width, width), strict=True)
    )


def _peel(
    pixels: NDArray[np.uint8], box: _Box, whole: _Box, *, is_balanced: bool = False
) -> list[_Box]:
    """Return a box without its outermost straight edges; then, if in doubt, with its columns.

    If balanced, as much is cut off both sides where only one of the two has an edge, a sure one.
    """
    rows, _ = _trim_edges(pixels, box, 0, is_balanced=is_balanced)
    rows = rows if _leaves_enough(rows, whole) else box
    columns, score = _trim_edges(pixels, rows, 2, is_balanced=is_balanced)
    if columns == rows or not _leaves_enough(columns, whole):
        return [rows] if rows != box else []
    return [columns, rows] if rows != box and score < _SURE_SCORE else [columns]


def _trim_edges(
    pixels: NDArray[np.uint8], box: _Box, side: int, *, is_balanced: bool
) -> tuple[_Box, float]:
    """Cut off what lies outside the straight edges of a side and the opposite one.

    Return the lower score of the two as well.
    """
    n_lines = box.size_px[side // 2]
    first, last = border_edge(pixels, *box, side), border_edge(pixels, *box, side + 1)
    if n_lines - first[0] - last[0] < max(LEAST_LEFT_PX, LEAST_LEFT_SHARE * n_lines):
        # One of them saw the edge that the other one should have found.
        if first[1] >= last[1]:
            last = border_edge(pixels, *box.without(side, first[0]), side + 1)
        else:
            first = border_edge(pixels, *box.without(side + 1, last[0]), side)
    least = max(1, LEAST_CUT_SHARE * n_lines)
    cuts = [(n_cut, score) if n_cut >= least else (0, 1.0) for n_cut, score in (first, last)]
    if is_balanced and not all(n_cut for n_cut, _ in cuts) and max(cuts)[1] >= _SURE_SCORE:
        cuts = [max(cuts)] * 2
    for number, (n_cut, _) in enumerate(cuts):
        box = box.without(side + number, n_cut)
    return box, min(score for _, score in cuts)


def _trim_plain(pixels: NDArray[np.uint8], box: _Box) -> _Box:
    """Cut off plain lines of one level, each side once."""
    level: float | None = None
    for side in range(4):
        _, side_level, off = line_deviations(
            pixels, *box, side, GLANCE_SPREAD, LINE_DEVIATION, _RINGING_PX
        )
        if not off or (level is not None and abs(side_level - level) > SIDES_APART):
            continue
        n_cut = _end_of_plain_lines(off, box.size_px[side // 2])
        if n_cut > 0:
            box = box.without(side, n_cut)
            level = side_level if level is None else level
    return box


def _end_of_plain_lines(off: list[float], n_lines: int) -> int:
    """Return the number of plain border lines from the deviation of each line; 0 for no border."""
    end = next((n for n, value in enumerate(off) if value > LINE_DEVIATION), n_lines)
    if end in {0, n_lines}:
        return 0
    steps = [after - before for before, after in pairwise(off[end - 1 : end + _RINGING_PX])]
    largest = max(steps)
    n_cut = end + steps.index(largest)
    return n_cut if largest > LEAST_STEP and n_cut >= LEAST_CUT_SHARE * n_lines else 0
