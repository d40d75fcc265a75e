"""Colours that stand for transparent pixels in a PNG or GIF."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from hashmatch.decode.formats import Format
from hashmatch.decode.pixels import Box, opaque_block, packed_pixels

_DEPTHS = {"1": 1, "L;2": 2, "L;4": 4, "RGB;16B": 16}
"""Bits of a sample of a PNG, by the raw mode in which Pillow decodes it; otherwise 8, or as wide as
the pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class ColourKey:
    """One colour, grey or red, green and blue, in the bits that the file has for a sample.

    `low_bytes` is the same picture, decoded to the low bytes of samples of 16 bits, of which Pillow
    keeps only the high ones; None if there are none.
    """

    colour: tuple[int, ...]
    depth_bits: int
    low_bytes: Image.Image | None = None

    def matches(self, image: Image.Image, box: Box) -> NDArray[np.bool_]:
        """Return where the pixels in a box of a loaded image have this colour, bool (h, w)."""
        if image.mode.startswith("I"):
            found: NDArray[np.bool_] = np.asarray(image.crop(box)) == self.colour[0]
            return found
        if image.mode == "RGB" and len(self.colour) == 3:
            if self.depth_bits != 16:
                return _equals(image, box, [level & 255 for level in self.colour])
            found = _equals(image, box, [level >> 8 for level in self.colour])
            if self.low_bytes is not None:
                found &= _equals(self.low_bytes, box, [level & 255 for level in self.colour])
            return found
        # As libpng: the lowest bits count, and stand for a level from black to white.
        most = (1 << self.depth_bits) - 1
        level = (self.colour[0] & most) * 255 // most
        levels = packed_pixels(opaque_block(image, box).convert("L"), "L")
        return np.equal(levels, level)


def read_key(image: ImageFile.ImageFile, accepted: Format) -> ColourKey | None:
    """Return the transparent colour of an image that is not loaded yet; None if it has none."""
    colour = image.info.get("transparency")
    if not isinstance(colour, int | tuple) or image.mode == "P":
        return None
    colour = colour if isinstance(colour, tuple) else (colour,)
    raw_mode = image.tile[0].args if image.tile else None
    depth_bits = _DEPTHS.get(raw_mode, 8) if isinstance(raw_mode, str) else 8
    if depth_bits != 16 or not isinstance(image.fp, BytesIO) or image.tell():
        return ColourKey(colour, depth_bits)
    low_bytes = accepted.open(image.fp.getvalue())
    low_bytes.tile = [low_bytes.tile[0]._replace(args="RGB;16L")]  # the other byte comes first
    low_bytes.load()
    return ColourKey(colour, depth_bits, low_bytes)


def _equals(image: Image.Image, box: Box, colour: list[int]) -> NDArray[np.bool_]:
    pixels = packed_pixels(image.crop(box), "RGB")
    found: NDArray[np.bool_] = (pixels == np.array(colour, np.uint8)).all(axis=2)
    return found
