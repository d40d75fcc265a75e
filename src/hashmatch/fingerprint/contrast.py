"""Contrast of faint pictures, stretched for hashes that resize a picture to a few bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashmatch.hashing import Pixels

_LARGEST_GAIN, _LEAST_GAIN = 8.0, 2.0
_SIDE_CELLS, _SIDE_AREAS = 64, (8, 16)
_LEAST_DETAIL = 1.0  # levels
_CLEAR_RANGE = 255 / _LEAST_GAIN
_DROPPED = _SIDE_CELLS**2 // 100


def stretch_contrast(grey: Pixels) -> Pixels | None:
    """Return a faint picture, uint8 (H, W), with its luma stretched over 0..255.

    The gain is that of `csrc/hash/pdq_contrast.h`, of the means of 64 x 64 cells. None if it is
    below 2, if the detail may be noise or an uneven light, or if a side is under 64 px.
    """
    height, width = grey.shape
    if min(height, width) < _SIDE_CELLS:
        return None
    sample = grey[:: height // _SIDE_CELLS, :: width // _SIDE_CELLS]
    if np.ptp(np.percentile(sample, (10, 90))) > _CLEAR_RANGE:  # so are 98 in 100
        return None
    cells = _cell_means(grey)
    for n_areas in _SIDE_AREAS:
        areas = cells.reshape(n_areas, -1, n_areas, _SIDE_CELLS // n_areas).mean((1, 3))
        if np.square(np.diff(np.diff(areas, axis=0), axis=1)).mean() < _LEAST_DETAIL**2:
            return None
    levels = np.sort(cells, axis=None)
    low, high = levels[_DROPPED], levels[-1 - _DROPPED]
    gain = min(255 / (high - low), _LARGEST_GAIN)
    if gain < _LEAST_GAIN:
        return None
    stretched = ((np.arange(256) - low) * gain).round().clip(0, 255).astype(np.uint8)
    found: Pixels = stretched[grey]
    return found


def _cell_means(grey: Pixels) -> NDArray[np.float64]:
    # In bands of rows: the wide sums would take four times the memory of the picture.
    tops, lefts = (np.arange(_SIDE_CELLS) * side // _SIDE_CELLS for side in grey.shape)
    heights, widths = np.diff([*tops, grey.shape[0]]), np.diff([*lefts, grey.shape[1]])
    bands = zip(tops, heights, strict=True)
    rows = [
        np.add.reduceat(grey[top : top + n].sum(axis=0, dtype=np.uint32) / n, lefts)
        for top, n in bands
    ]
    means: NDArray[np.float64] = np.stack(rows) / widths
    return means
