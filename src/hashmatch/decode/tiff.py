"""TIFF: what Pillow leaves aside or applies on its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from hashmatch.decode.modes import Samples

_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_ORIENTATION = 274
_SAMPLE_FORMAT = 339

_WHITE_IS_ZERO = 0
_UNSIGNED = 1


def samples_of(image: ImageFile.ImageFile) -> Samples:
    """Read from the tags what Pillow does not tell of samples wider than 8 bits."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits = int(tags.get(_BITS_PER_SAMPLE, (1,))[0])
    return Samples(
        bits=bits if bits in (12, 16) else 16,
        unsigned=bits == 32 and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED,
        white_is_zero=tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
    )


def orientation_of(image: ImageFile.ImageFile) -> int:
    """Return the orientation that Pillow will apply when it loads the pixels (1: none)."""
    value = image.getexif().get(_ORIENTATION, 1)
    return value if value in range(2, 9) else 1


def as_stored(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn upright pixels, (H, W, 3) or (H, W), back to the order in which the file holds them."""
    match orientation:
        case 2:
            stored = pixels[:, ::-1]
        case 3:
            stored = pixels[::-1, ::-1]
        case 4:
            stored = pixels[::-1]
        case 5:
            stored = pixels.swapaxes(0, 1)
        case 6:
            stored = np.rot90(pixels)
        case 7:
            stored = pixels[::-1, ::-1].swapaxes(0, 1)
        case 8:
            stored = np.rot90(pixels, -1)
        case _:
            stored = pixels
    return np.ascontiguousarray(stored)
