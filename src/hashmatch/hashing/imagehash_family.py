"""pHash, difference, average and wavelet hash: 64 bits of grey pixels, without a quality.

Equal to the functions of imagehash [1]_ of the same pixels, with their defaults, rounding errors
included.

References
----------
.. [1] https://github.com/JohannesBuchner/imagehash
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch._core import phash_coefficients, whash_approximation, whash_sums
from hashmatch.hashing.algorithm import PixelHash, Pixels
from hashmatch.hashing.grey import grey_of, resize
from hashmatch.values import Code


class PHash(PixelHash):
    """pHash: the lowest 8 x 8 cosine coefficients of 32 x 32 pixels against their median.

    Where a picture is symmetric or flat, many coefficients are 0 but for rounding errors, and
    imagehash makes bits of these. So they are computed by the very operations that SciPy's
    transform takes, in their order, on every machine, and equal those of SciPy's x86-64 wheels to
    the last bit (`csrc/hash/phash_transform.cpp`).
    """

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, None]:
        """Return the code, uint8 (8,), and None."""
        low = phash_coefficients(resize(grey_of(pixels), 32, 32))
        lower, upper = _middle(low)
        return np.packbits(low > (lower + upper) / 2.0), None  # as numpy.median rounds it


class DifferenceHash(PixelHash):
    """Difference hash: where 8 rows of 9 pixels rise from one to the next.

    It compares bytes, so nothing is rounded.
    """

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, None]:
        """Return the code, uint8 (8,), and None."""
        small = resize(grey_of(pixels), 8, 9)
        return np.packbits(small[:, 1:] > small[:, :-1]), None


class AverageHash(PixelHash):
    """Average hash: which of 8 x 8 pixels lie above their mean.

    The mean of imagehash is exact (a sum of 64 bytes, divided by 64), so the comparison in integers
    gives the same bits.
    """

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, None]:
        """Return the code, uint8 (8,), and None."""
        small = resize(grey_of(pixels), 8, 8).astype(np.int64)
        return np.packbits(64 * small > small.sum()), None


class WaveletHash(PixelHash):
    """Wavelet hash: 8 x 8 Haar approximations of a picture against their median.

    The picture is resized to a square whose side is the largest power of two that its shorter side
    holds, and at least 8 px; its mean is taken out; Haar approximations of 8 x 8 blocks are
    compared with their median.

    An approximation is the sum of a block but for a factor and rounding errors, and the mean that
    is taken out is the same for all. So the sums of blocks, which are integers, decide every bit,
    unless the two in the middle are equal: two different sums, or twice a sum and two others,
    differ by at least 1, which is 1e-6 of an approximation even at a side of 16,384 px, where all
    rounding errors together stay below 1e-9. Where the two in the middle are equal, as in pictures
    with flat parts, imagehash makes bits of rounding errors, and the floating point operations of
    PyWavelets are repeated one by one (`csrc/hash/whash_transform.cpp`); they equal those of its
    x86-64 wheels to the last bit.
    """

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, None]:
        """Return the code, uint8 (8,), and None."""
        grey = grey_of(pixels)
        side_px = max(8, 1 << (min(grey.shape).bit_length() - 1))
        square = resize(grey, side_px, side_px)
        sums = whash_sums(square)
        lower, upper = _middle(sums)
        if lower != upper:
            return np.packbits(2 * sums > lower + upper), None
        low = whash_approximation(square)
        lower, upper = _middle(low)
        return np.packbits(low > (lower + upper) / 2.0), None


def _middle(values: NDArray[Any]) -> NDArray[Any]:
    """Return the two middle ones of 8 x 8 values, whose mean is their median."""
    return np.sort(values, axis=None)[31:33]


PHASH = PHash(name="phash", bits=64, default_radius=8, consumes="grey")
DHASH = DifferenceHash(name="dhash", bits=64, default_radius=6, consumes="grey")
AHASH = AverageHash(name="ahash", bits=64, default_radius=5, consumes="grey")
WHASH = WaveletHash(name="whash", bits=64, default_radius=5, consumes="grey")
