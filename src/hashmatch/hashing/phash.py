"""pHash: the lowest 8 x 8 cosine coefficients of 32 x 32 grey values against their median; 64 bits.

Equal to ``imagehash.phash`` of the same pixels. Where a picture is symmetric or flat, many
coefficients are 0 but for rounding errors, and imagehash makes bits of these; so the coefficients
are computed by the very operations that SciPy's transform takes, in their order, on every machine,
and equal those of SciPy's x86-64 wheels to the last bit (`csrc/hash/phash_transform.cpp`).

References
----------
.. [1] https://github.com/JohannesBuchner/imagehash
"""

from __future__ import annotations

import numpy as np

from hashmatch._core import phash_coefficients
from hashmatch.hashing.algorithm import PixelHash, Pixels
from hashmatch.hashing.grey import grey_of, resize
from hashmatch.values import Code


class PHash(PixelHash):
    """pHash of grey pixels; it has no quality."""

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (8,), and None."""
        low = phash_coefficients(resize(grey_of(pixels), 32, 32))
        ordered = np.sort(low, axis=None)
        median = (ordered[31] + ordered[32]) / 2.0  # as numpy.median rounds it
        return np.packbits(low > median), None


PHASH = PHash(name="phash", bits=64, default_radius=8, consumes="grey")
