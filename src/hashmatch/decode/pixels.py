"""Pixels of a Pillow image of any mode as 8-bit RGB, and its alpha.

Modes of 8 bits a channel go through Pillow's own conversion.  The wide modes do not, since Pillow
would clip them to white:

- ``I;16`` in all byte orders: the high byte, as Pillow itself does for 16-bit colour.
- ``I`` (32-bit integer) and ``F`` (float) state no full scale, so it is the smallest of 1 (F only),
  255 and 65,535 that holds the largest value, and beyond that the largest value itself.  An ``I``
  up to 255 and an ``F`` above 1 and up to 255 thus keep their values, as Pillow's conversion from
  ``L`` to these modes wrote them.  Negative values and NaN are black.

Everything is converted in blocks, so that a picture of any mode and shape takes little more memory
than Pillow's copy of it and the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode.pillow_errors import translate_errors

PillowImage = Image.Image
"""The type that `to_rgb` accepts, for packages that do not import Pillow."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of a picture, as in Pillow."""

_OPAQUE = 255
_BLOCK_PX = 1 << 20


class Key(Protocol):
    """A colour that stands for transparent pixels."""

    def matches(self, image: Image.Image, box: Box) -> NDArray[np.bool_]:
        """Return where the pixels in a box of a loaded image have that colour, bool (h, w)."""


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
        return scale_pixels(lambda box: np.asarray(image.crop(box)), image.size, samples)

    def convert(box: Box) -> NDArray[np.uint8]:
        block = opaque_block(image, box)
        block = block.convert("LA") if block.mode == "La" else block
        return packed_pixels(block.convert("RGB"), "RGB")

    return fill_blocks((*image.size[::-1], 3), convert)


def scale_pixels(
    read: Callable[[Box], NDArray[Any]], size: tuple[int, int], samples: Samples
) -> NDArray[np.uint8]:
    """Scale wide samples to 8 bits; return RGB, uint8 (height, width, 3).

    `read` returns the samples in a box: grey (h, w) or colours (h, w, 3), of 16 bits unsigned,
    or of any other type, whose full scale depends on the largest value of the picture.
    """

    def read_numbers(box: Box) -> NDArray[Any]:
        values = read(box)
        return values.view(np.uint32) if samples.unsigned else values

    scale = 0.0
    if read((0, 0, 1, 1)).dtype.newbyteorder("=") != np.uint16:
        largest, steps = 0.0, [255.0, 65535.0]
        for box in blocks(size):
            values = read_numbers(box)
            if values.dtype.kind == "f":
                values, steps = values[np.isfinite(values)], [1.0, 255.0, 65535.0]
            largest = max(largest, float(values.max(initial=0)))
        scale = next((step for step in steps if largest <= step), largest)

    def convert(box: Box) -> NDArray[np.uint8]:
        if scale:
            narrow = _scale_to_uint8(read_numbers(box), scale, samples)
        else:
            narrow = (read(box) >> (samples.bits - 8)).astype(np.uint8)
            narrow = ~narrow if samples.white_is_zero else narrow
        return narrow if narrow.ndim == 3 else narrow[:, :, None]

    return fill_blocks((*size[::-1], 3), convert)


def opaque_block(image: Image.Image, box: Box) -> Image.Image:
    """Return a part of an image for conversion, without a colour that means "transparent".

    Pillow would look for that colour in the result, warn, or fail.
    """
    if "transparency" not in image.info and box == (0, 0, *image.size):
        return image
    block = image.crop(box)
    block.info.pop("transparency", None)
    return block


def blocks(size: tuple[int, int], block_px: int = _BLOCK_PX) -> Iterator[Box]:
    """Yield boxes of at most `block_px` pixels, each, which together make up a picture."""
    width, height = size
    n_columns = min(width, block_px)
    n_rows = max(1, block_px // n_columns)
    for top in range(0, height, n_rows):
        for left in range(0, width, n_columns):
            yield left, top, min(left + n_columns, width), min(top + n_rows, height)


def fill_blocks(
    shape: tuple[int, ...], convert: Callable[[Box], NDArray[np.uint8]], block_px: int = _BLOCK_PX
) -> NDArray[np.uint8]:
    """Return pixels that are converted block by block, so that little but the result is held."""
    pixels: NDArray[np.uint8] | None = None
    for box in blocks((shape[1], shape[0]), block_px):
        converted = convert(box)
        if converted.shape == shape:  # most pictures are one block
            pixels = np.ascontiguousarray(converted)
            break
        if pixels is None:
            pixels = np.empty(shape, np.uint8)
        left, top, right, bottom = box
        pixels[top:bottom, left:right] = converted
    assert pixels is not None
    pixels.flags.writeable = False
    return pixels


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


def read_alpha(image: Image.Image, key: Key | None) -> NDArray[np.uint8] | None:
    """Return the alpha of a loaded image, uint8 (H, W); None where all of it is opaque.

    `key` is the colour that is transparent, if one is.
    """
    read = _alpha_reader(image, key)
    if read is None:
        return None
    plane = fill_blocks(image.size[::-1], read)
    return None if int(plane.min()) == _OPAQUE else plane


def _alpha_reader(image: Image.Image, key: Key | None) -> Callable[[Box], NDArray[np.uint8]] | None:
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        return lambda box: packed_pixels(image.crop(box).getchannel("A"), "L")
    transparency = image.info.get("transparency")
    if image.mode == "P" and transparency is not None:
        table = np.full(256, _OPAQUE, np.uint8)
        if isinstance(transparency, bytes):
            table[: len(transparency)] = np.frombuffer(transparency[:256], np.uint8)
        else:
            table[transparency] = 0
        return lambda box: table[packed_pixels(image.crop(box), "P")]
    if key is not None:
        return lambda box: np.where(key.matches(image, box), 0, _OPAQUE).astype(np.uint8)
    return None


def flatten(
    rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], ground: int, *, block_px: int = 1 << 18
) -> NDArray[np.uint8]:
    """Lay a transparent picture on a plain background, as a viewer does.

    Parameters
    ----------
    rgb, alpha : ndarray of uint8, shapes (H, W, 3) and (H, W)
        Colours, not premultiplied by alpha; alpha, where 0 is transparent.
    ground : int
        Level of the background in every channel: 255 is white, 0 black.
    block_px : int
        Pixels computed at a time, with sums of four times their size.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        Rounded to nearest, as by `PIL.Image.composite`.
    """

    def compose(box: Box) -> NDArray[np.uint8]:
        left, top, right, bottom = box
        inside = slice(top, bottom), slice(left, right)
        cover = alpha[inside][:, :, None].astype(np.uint32)
        flat = (rgb[inside] * cover + ground * (255 - cover) + 127) // 255
        return flat.astype(np.uint8)

    return fill_blocks(rgb.shape, compose, block_px)


def _is_wide_integer(image: Image.Image) -> bool:
    return image.mode == "I" or image.mode.startswith("I;16")


def _scale_to_uint8(values: NDArray[Any], scale: float, samples: Samples) -> NDArray[np.uint8]:
    # Truncated, not rounded, as Pillow does; in doubles, so that 65535 comes out as 255 exactly.
    wide = values.astype(np.float64)
    np.nan_to_num(wide, copy=False, nan=0.0, posinf=np.inf, neginf=0.0)
    np.clip(wide, 0.0, scale, out=wide)
    wide *= 255.0
    wide /= scale
    return (255.0 - wide if samples.white_is_zero else wide).astype(np.uint8)
