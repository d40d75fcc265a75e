"""Difference hash: where 8 rows of 9 grey values rise from one to the next; 64 bits.

Equal to ``imagehash.dhash`` of the same pixels; it compares bytes, so nothing is rounded.

References
----------
.. [1] https://github.com/JohannesBuchner/imagehash
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hashmatch.hashing.algorithm import Consumes, PixelHash, Pixels
from hashmatch.hashing.grey import grey_of, resized
from hashmatch.values import Code


@dataclass(frozen=True, slots=True)
class DifferenceHash(PixelHash):
    """Difference hash as the registry knows it."""

    name: str = "dhash"
    bits: int = 64
    default_radius: int = 6
    consumes: Consumes = "grey"

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (8,), and None: it has no quality. Thread-safe."""
        small = resized(grey_of(pixels), 8, 9)
        return np.packbits(small[:, 1:] > small[:, :-1]), None


DHASH = DifferenceHash()
