"""TIFF tags that Pillow ignores for wide samples, and the orientation that it applies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile
from PIL.ExifTags import Base as Tag

from hashmatch.decode.pixels import Samples

_WHITE_IS_ZERO, _UNSIGNED = 0, 1

_UNDO: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: np.rot90,
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels, -1),
}
"""By orientation tag, what turns upright pixels back."""


def read_samples(image: ImageFile.ImageFile) -> Samples:
    """Read the layout of samples wider than 8 bits, which Pillow does not report."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits = int(tags.get(Tag.BitsPerSample, (1,))[0])
    return Samples(
        bits=bits if bits in (12, 16) else 16,
        unsigned=bits == 32 and tags.get(Tag.SampleFormat, (_UNSIGNED,))[0] == _UNSIGNED,
        white_is_zero=tags.get(Tag.PhotometricInterpretation) == _WHITE_IS_ZERO,
    )


def read_orientation(image: ImageFile.ImageFile) -> int:
    """Return the orientation that Pillow will apply when it loads the pixels (1: none)."""
    value = image.getexif().get(Tag.Orientation, 1)
    return value if value in _UNDO else 1


def undo_orientation(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn upright pixels, (H, W, 3) or (H, W), back to the order in which they are stored."""
    return np.ascontiguousarray(_UNDO[orientation](pixels))
