"""Transparency: the alpha of a loaded picture, and the picture on a plain ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode.modes import packed_pixels

_ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")
_OPAQUE = 255


def read_alpha(image: Image.Image) -> NDArray[np.uint8] | None:
    """Return the alpha of a loaded image, uint8 (H, W); None where all of it is opaque."""
    if image.mode in _ALPHA_MODES:
        plane = packed_pixels(image.getchannel("A"), "L")
    elif "transparency" not in image.info:
        return None
    elif image.mode == "I" or image.mode.startswith("I;16"):
        transparent = np.asarray(image) == image.info["transparency"]
        plane = np.where(transparent, 0, _OPAQUE).astype(np.uint8)
    else:
        image = image.copy()
        colour = image.info["transparency"]
        if isinstance(colour, tuple) and max(colour) > _OPAQUE:  # of 16 bits, as the pixels were
            image.info["transparency"] = tuple(value >> 8 for value in colour)
        plane = packed_pixels(image.convert("RGBA").getchannel("A"), "L")
    return None if int(plane.min()) == _OPAQUE else plane


def flatten(
    rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], ground: int, *, block_bytes: int = 1 << 22
) -> NDArray[np.uint8]:
    """Lay a transparent picture on a plain ground, as a viewer does.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        Colours, not multiplied by alpha.
    alpha : ndarray of uint8, shape (H, W)
        0 is transparent.
    ground : int
        Level of the ground in every channel: 255 is white, 0 black.
    block_bytes : int
        Memory for the wide sums, which are four times the size of the pixels.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Rounded to nearest, as by `PIL.Image.composite`.
    """
    height, width = alpha.shape
    flat = np.empty((height, width, 3), dtype=np.uint8)
    n_lines = max(1, block_bytes // (12 * width))
    for start in range(0, height, n_lines):
        lines = slice(start, start + n_lines)
        cover = alpha[lines, :, None].astype(np.uint32)
        total = rgb[lines] * cover + ground * (255 - cover) + 127
        flat[lines] = total // 255
    return flat
