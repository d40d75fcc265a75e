"""Average hash: which of 8 x 8 grey values lie above their mean; 64 bits.

Equal to ``imagehash.average_hash`` of the same pixels. The mean of imagehash is exact (a sum of 64
bytes, divided by 64), so the comparison here, in integers, gives the same bits.

References
----------
.. [1] https://github.com/JohannesBuchner/imagehash
"""

from __future__ import annotations

import numpy as np

from hashmatch.hashing.algorithm import PixelHash, Pixels
from hashmatch.hashing.grey import grey_of, resize
from hashmatch.values import Code


class AverageHash(PixelHash):
    """Average hash of grey pixels; it has no quality."""

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (8,), and None."""
        small = resize(grey_of(pixels), 8, 8).astype(np.int64)
        return np.packbits(64 * small > small.sum()), None


AHASH = AverageHash(name="ahash", bits=64, default_radius=5, consumes="grey")
