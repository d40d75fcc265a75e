"""Lay a transparent picture on a plain ground, as whoever shows it does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES = 1 << 22


def flatten(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], ground: int) -> NDArray[np.uint8]:
    """Return what a picture looks like on a ground.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        The colours, not multiplied by alpha.
    alpha : ndarray of uint8, shape (H, W)
        0 is transparent.
    ground : int
        Level of the ground in every channel: 255 is white, 0 black.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Rounded to nearest, as `PIL.Image.composite` does.
    """
    height, width = alpha.shape
    flat = np.empty((height, width, 3), dtype=np.uint8)
    n_lines = max(1, _BLOCK_BYTES // (12 * width))
    for start in range(0, height, n_lines):  # in blocks: the wide sums are four times the picture
        lines = slice(start, start + n_lines)
        cover = alpha[lines, :, None].astype(np.uint32)
        total = rgb[lines] * cover + ground * (255 - cover) + 127
        flat[lines] = total // 255
    return flat
