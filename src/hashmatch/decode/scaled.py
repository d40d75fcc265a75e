"""A large JPEG as the means of square cells, which its decoder makes in less time than pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode.formats import JPEG, identify
from hashmatch.decode.limits import DEFAULT_LIMITS, DecodeLimits
from hashmatch.decode.plain_jpeg import plain_pixels
from hashmatch.decode.reasons import decode_errors

LEAST_CELLS = 512
"""Cells that the shorter side of a picture must keep; else it is not decoded to cells."""

_CELL_SIDES_PX = (8, 4)  # of 2 px, what is spared is spent on the hash
_MOST_SIDE_PX = 23_168


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Means of luma over cells of `cell_px` x `cell_px`; the last ones of a side may be cut.

    Parameters
    ----------
    means : ndarray of uint8
        Shape (rows of cells, columns of cells).
    cell_px : int
        4 or 8.
    height_px, width_px : int
        Of the picture.
    """

    means: NDArray[np.uint8]
    cell_px: int
    height_px: int
    width_px: int


def decode_cells(data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS) -> Cells | None:
    """Decode the Y plane of a large plain JPEG to cells; None for every other content.

    Cells are as large as leaves 512 of them along the shorter side.

    Raises
    ------
    DecodeError
        The header is damaged, or the content over a limit; other damage gives None.

    Notes
    -----
    Thread-safe; releases the GIL.
    """
    limits.check_bytes(len(data))
    if identify(data) is not JPEG:
        return None
    with decode_errors(JPEG.name):
        image = JPEG.open(data)
        limits.check_pixels(*image.size)
        width_px, height_px = image.size
        cell_px = _cell_px(height_px, width_px)
        if cell_px is None:
            return None
        means = plain_pixels(data, image, luma=True, cell_px=cell_px)
    return None if means is None else Cells(means, cell_px, height_px, width_px)


def _cell_px(height_px: int, width_px: int) -> int | None:
    if max(height_px, width_px) > _MOST_SIDE_PX:
        return None
    shorter_px = min(height_px, width_px)
    return next((side for side in _CELL_SIDES_PX if shorter_px >= LEAST_CELLS * side), None)
