"""Conversion of every pixel mode of Pillow to 8-bit RGB.

Modes of 8 bits a channel go through Pillow's own conversion.  The wide modes do not, since Pillow
would clip them to white:

- ``I;16`` in all byte orders: the high byte, as Pillow itself does for 16-bit colour.
- ``I`` (32-bit integer) and ``F`` (float) state no full scale, so it is the smallest of 1 (F only),
  255 and 65,535 that holds the largest value, and beyond that the largest value itself.  An ``I``
  up to 255 and an ``F`` above 1 and up to 255 thus keep their values, as Pillow's conversion from
  ``L`` to these modes wrote them.  Negative values and NaN are black.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode.quiet import make_hushable
from hashmatch.decode.reasons import translate_errors

make_hushable(Image)

PillowImage = Image.Image
"""The type that `to_rgb` accepts, for packages that do not import Pillow."""

_HAS_RGB_PACKER = ("RGB", "RGBA", "RGBX")


@dataclass(frozen=True, slots=True)
class Samples:
    """Layout of samples wider than 8 bits.

    `bits` is the depth of the ``I;16`` modes, `unsigned` is True where ``I`` holds uint32, and
    `white_is_zero` where the scale is inverted.
    """

    bits: int = 16
    unsigned: bool = False
    white_is_zero: bool = False


PLAIN_SAMPLES = Samples()


def to_rgb(image: PillowImage) -> NDArray[np.uint8]:
    """Return the pixels of a Pillow image as 8-bit RGB.

    The current frame is converted as it is, neither turned nor checked against limits.  The image
    is loaded if it was not, otherwise left untouched.

    Parameters
    ----------
    image : PIL.Image.Image
        In any mode.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Contiguous and read-only.

    Raises
    ------
    DecodeError
        The pixels cannot be loaded or converted.
    """
    with translate_errors(image.format or "image"):
        image.load()
        return rgb_pixels(image, PLAIN_SAMPLES)


def rgb_pixels(image: Image.Image, samples: Samples) -> NDArray[np.uint8]:
    """Convert a loaded image; raises whatever Pillow raises.  See `to_rgb`."""
    if image.mode in _HAS_RGB_PACKER:
        return packed_pixels(image, "RGB")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _grey_as_rgb(_to_uint8(np.asarray(image), image.mode, samples))
    if image.mode == "La":
        image = image.convert("LA")
    elif "transparency" in image.info:
        # Pillow would look for a colour that means "transparent" in the result, warn, or fail.
        image = image.copy()
        del image.info["transparency"]
    return packed_pixels(image.convert("RGB"), "RGB")


def packed_pixels(image: Image.Image, raw_mode: str) -> NDArray[np.uint8]:
    """Copy 8-bit pixels once: uint8 (H, W) for raw mode ``L``, (H, W, 3) for ``RGB``.

    `numpy.asarray(image)` and `Image.tobytes` join pieces of 64 KiB, at several times the cost.
    """
    width, height = image.size
    channels = len(raw_mode)
    shape = (height, width) if channels == 1 else (height, width, channels)
    encoder = Image._getencoder(image.mode, "raw", (raw_mode,))
    encoder.setimage(image.im, (0, 0, width, height))
    data: Any = encoder.encode(width * height * channels)[2]
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _to_uint8(values: NDArray[Any], mode: str, samples: Samples) -> NDArray[np.uint8]:
    if mode.startswith("I;16"):
        narrow = (values >> (samples.bits - 8)).astype(np.uint8)
        return ~narrow if samples.white_is_zero else narrow
    if mode == "F":
        values = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=0.0)
        finite = values[np.isfinite(values)]
    else:
        finite = values = values.view(np.uint32) if samples.unsigned else values
    largest = float(finite.max(initial=0))
    steps = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    full_scale = next((step for step in steps if largest <= step), largest)
    # Truncated, not rounded, as Pillow does; in doubles, so that 65535 comes out as 255 exactly.
    scaled = np.clip(values.astype(np.float64), 0.0, full_scale) * 255.0 / full_scale
    if samples.white_is_zero:
        scaled = 255.0 - scaled
    return scaled.astype(np.uint8)


def _grey_as_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return packed_pixels(Image.fromarray(grey).convert("RGB"), "RGB")
