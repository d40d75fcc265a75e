"""Wavelet hash: 8 x 8 Haar approximations of a picture against their median; 64 bits.

Equal to ``imagehash.whash`` of the same pixels, with its defaults: the grey picture is resize to
a square whose side is the largest power of two that its shorter side holds, and at least 8 px; its
mean is taken out; Haar approximations of 8 x 8 blocks are compared with their median.

An approximation is the sum of a block but for a factor and rounding errors, and the mean that is
taken out is the same for all. So the sums of blocks, which are integers, decide every bit, unless
the two in the middle are equal: two different sums, or twice a sum and two others, differ by at
least 1, which is 1e-6 of an approximation even at a side of 16,384 px, where all rounding errors
together stay below 1e-9. Where the two in the middle are equal, as in pictures with flat parts,
imagehash makes bits of rounding errors, and the floating point operations of PyWavelets are
repeated one by one (`csrc/hash/whash_transform.cpp`); they equal those of its x86-64 wheels to the
last bit.

References
----------
.. [1] https://github.com/JohannesBuchner/imagehash
"""

from __future__ import annotations

import numpy as np

from hashmatch._core import whash_approximation, whash_sums
from hashmatch.hashing.algorithm import PixelHash, Pixels
from hashmatch.hashing.grey import grey_of, resize
from hashmatch.values import Code


class WaveletHash(PixelHash):
    """Wavelet hash of grey pixels; it has no quality."""

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (8,), and None."""
        grey = grey_of(pixels)
        side_px = max(8, 1 << (min(grey.shape).bit_length() - 1))
        square = resize(grey, side_px, side_px)
        sums = whash_sums(square)
        ordered = np.sort(sums, axis=None)
        if ordered[31] != ordered[32]:
            return np.packbits(2 * sums > ordered[31] + ordered[32]), None
        low = whash_approximation(square)
        exact = np.sort(low, axis=None)
        return np.packbits(low > (exact[31] + exact[32]) / 2.0), None


WHASH = WaveletHash(name="whash", bits=64, default_radius=5, consumes="grey")
