"""PDQ of a picture of which only the means of square cells are known.

PDQ's filters and sampling are one linear operator on the pixels. Applied to a picture in which
every pixel has the mean of its cell, its weights may be summed over each cell first, so that the
picture need not be made: the grid is that of the full size, and no other scaling comes in.

Weights and sums are whole numbers, so every machine finds the same grid.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashmatch.hashing import pdq
from hashmatch.values import Code

_GRID_SIDE = 64
_MOST_SIDE_PX = 128 * 181
"""As for the fast way of `pdq.hash`; of longer sides the sums would outgrow 64 bits in the end."""


def hash_cells(
    means: NDArray[np.uint8], cell_px: int, height_px: int, width_px: int
) -> tuple[Code, int]:
    """Hash a picture of luma by the means of its cells.

    Parameters
    ----------
    means : ndarray of uint8
        Shape (ceil(height_px / cell_px), ceil(width_px / cell_px)).
    cell_px : int
        Side of a cell.
    height_px, width_px : int
        Of the picture, each from 65 to 23,168.

    Returns
    -------
    code : ndarray of uint8, shape (32,)
    quality : int
        0..100.

    Raises
    ------
    ValueError
        `means` has another shape, or a side is out of range.

    Notes
    -----
    Thread-safe.  Some 16 multiplications a cell, or fewer.
    """
    if not _GRID_SIDE < min(height_px, width_px) <= max(height_px, width_px) <= _MOST_SIDE_PX:
        raise ValueError(f"sides must be from 65 to 23168 px, not {height_px} x {width_px}")
    n_cells = tuple(-(-side // cell_px) for side in (height_px, width_px))
    if means.shape != n_cells:
        raise ValueError(f"means {means.shape} are not those of {height_px} x {width_px} px")
    down, across = _tents(height_px, cell_px), _tents(width_px, cell_px)
    rows = np.stack([tent.weights @ means[tent.cells].astype(np.int64) for tent in down])
    sums = np.stack([rows[:, tent.cells] @ tent.weights for tent in across], axis=1)
    totals = [np.array([tent.weights.sum() for tent in tents]) for tents in (down, across)]
    grid = sums / np.outer(*totals)
    return pdq.hash(grid.astype(np.float32))


class _Tent(NamedTuple):
    """The cells from which one sample is made, and what each weighs."""

    cells: slice
    weights: NDArray[np.int64]

    @classmethod
    def at(cls, first: int, weights: NDArray[np.int64]) -> _Tent:
        return cls(slice(first, first + weights.size), weights)


def _tents(side_px: int, cell_px: int) -> list[_Tent]:
    """Return the 64 samples of a side: means over windows of means over windows of pixels."""
    window_px = (side_px + 127) // 128
    start_px = [
        (2 * number + 1) * side_px // (2 * _GRID_SIDE) - 2 * ((window_px - 1) // 2)
        for number in range(_GRID_SIDE)
    ]
    # All but the last lie inside (csrc/hash/pdq_tents.cpp).
    box = np.ones(window_px, dtype=np.int64)
    inside, last = np.convolve(box, box), _last_weights(window_px, side_px - start_px[-1])
    of_cells = [_of_cells(inside, before_px, cell_px) for before_px in range(cell_px)]
    tents = [_Tent.at(start // cell_px, of_cells[start % cell_px]) for start in start_px[:-1]]
    first, before_px = divmod(start_px[-1], cell_px)
    return [*tents, _Tent.at(first, _of_cells(last, before_px, cell_px))]


def _last_weights(window_px: int, n_px: int) -> NDArray[np.int64]:
    """Return the weights of pixels where `n_px` of them are left; windows that are cut weigh more.

    Windows of windows begin (window_px - 1) // 2 before their centre.
    """
    before = (window_px - 1) // 2
    starts = range(max(0, min(window_px, n_px - before)))
    ends = [min(start + window_px, n_px) for start in starts]
    divisor = math.lcm(*(end - start for start, end in zip(starts, ends, strict=True)))
    weights = np.zeros(ends[-1], dtype=np.int64)
    for start, end in zip(starts, ends, strict=True):
        weights[start:end] += divisor // (end - start)
    return weights


def _of_cells(weights: NDArray[np.int64], before_px: int, cell_px: int) -> NDArray[np.int64]:
    """Sum the weights of pixels over cells, of which the first begins `before_px` before them."""
    after_px = -(before_px + weights.size) % cell_px
    cells = np.pad(weights, (before_px, after_px)).reshape(-1, cell_px)
    summed: NDArray[np.int64] = cells.sum(axis=1)
    return summed
