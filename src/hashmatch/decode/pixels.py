"""Pixels of a Pillow image of any mode as 8-bit RGB, and its alpha.

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

from hashmatch.decode.pillow_errors import translate_errors

PillowImage = Image.Image
"""The type that `to_rgb` accepts, for packages that do not import Pillow."""

_OPAQUE = 255


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

    The current frame is converted as is, neither turned nor checked against limits.

    Parameters
    ----------
    image : PIL.Image.Image
        In any mode. Loaded if necessary, otherwise left untouched.

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
    if image.mode in ("RGB", "RGBA", "RGBX"):
        return packed_pixels(image, "RGB")
    if image.mode == "F" or _is_wide_integer(image):
        grey = _scale_to_uint8(np.asarray(image), image.mode, samples)
        return packed_pixels(Image.fromarray(grey).convert("RGB"), "RGB")
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


def read_alpha(image: Image.Image) -> NDArray[np.uint8] | None:
    """Return the alpha of a loaded image, uint8 (H, W); None where all of it is opaque."""
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        plane = packed_pixels(image.getchannel("A"), "L")
    elif "transparency" not in image.info:
        return None
    elif _is_wide_integer(image):
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
    """Lay a transparent picture on a plain background, as a viewer does.

    Parameters
    ----------
    rgb, alpha : ndarray of uint8, shapes (H, W, 3) and (H, W)
        Colours, not premultiplied by alpha; alpha, where 0 is transparent.
    ground : int
        Level of the background in every channel: 255 is white, 0 black.
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
        flat[lines] = (rgb[lines] * cover + ground * (255 - cover) + 127) // 255
    return flat


def _is_wide_integer(image: Image.Image) -> bool:
    return image.mode == "I" or image.mode.startswith("I;16")


def _scale_to_uint8(values: NDArray[Any], mode: str, samples: Samples) -> NDArray[np.uint8]:
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
