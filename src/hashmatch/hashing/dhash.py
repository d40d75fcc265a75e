"""Difference hash: where 8 rows of 9 grey values rise from one to the next; 64 bits.

Equal to ``imagehash.dhash`` of the same pixels; it compares bytes, so nothing is rounded.

References
----------
.. [1] https://github.com/JohannesBuchner/imagehash
"""

from __future__ import annotations

import numpy as np

from hashmatch.hashing.algorithm import PixelHash, Pixels
from hashmatch.hashing.grey import grey_of, resize
from hashmatch.values import Code


class DifferenceHash(PixelHash):
    """Difference hash of grey pixels; it has no quality."""

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (8,), and None."""
        small = resize(grey_of(pixels), 8, 9)
        return np.packbits(small[:, 1:] > small[:, :-1]), None


DHASH = DifferenceHash(name="dhash", bits=64, default_radius=6, consumes="grey")
