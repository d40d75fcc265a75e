"""pHash, difference, average and wavelet hash: 64 bits of grey pixels, without a quality.

Equal to the functions of imagehash [1]_ of the same pixels, with their defaults, rounding errors
included.

References
----------
.. [1] https://github.com/JohannesBuchner/imagehash
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hashmatch._core import phash_coefficients, whash_approximation, whash_sums
from hashmatch.hashing.algorithm import Consumes, PixelHash, Pixels
from hashmatch.hashing.grey import Grey, grey_of, resize
from hashmatch.values import Code

_Bits: TypeAlias = Any
"""bool (8, 8), whose most significant bit comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyHash(PixelHash):
    """A hash whose bits a function computes from grey pixels."""

    compute: Callable[[Grey], _Bits]
    bits: int = 64
    consumes: Consumes = "grey"

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, None]:
        """Return the code, uint8 (8,), and None."""
        return np.packbits(self.compute(grey_of(pixels))), None


def _phash(grey: Grey) -> _Bits:
    """Compare the lowest 8 x 8 cosine coefficients of 32 x 32 pixels with their median.

    Where a picture is symmetric or flat, many coefficients are 0 but for rounding errors, and
    imagehash makes bits of these. So they are computed by the very operations that SciPy's
    transform takes, in their order, on every machine, and equal those of SciPy's x86-64 wheels to
    the last bit (`csrc/hash/phash_transform.cpp`).
    """
    low = phash_coefficients(resize(grey, 32, 32))
    lower, upper = _middle(low)
    return low > (lower + upper) / 2.0  # as numpy.median rounds it


def _dhash(grey: Grey) -> _Bits:
    """Find where 8 rows of 9 pixels rise from one to the next; bytes, so nothing is rounded."""
    small = resize(grey, 8, 9)
    return small[:, 1:] > small[:, :-1]


def _ahash(grey: Grey) -> _Bits:
    """Find which of 8 x 8 pixels lie above their mean.

    The mean of imagehash is exact (a sum of 64 bytes, divided by 64), so the comparison in integers
    gives the same bits.
    """
    small = resize(grey, 8, 8).astype(np.int64)
    return 64 * small > small.sum()


def _whash(grey: Grey) -> _Bits:
    """Compare 8 x 8 Haar approximations of a picture with their median.

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
    side_px = max(8, 1 << (min(grey.shape).bit_length() - 1))
    square = resize(grey, side_px, side_px)
    sums = whash_sums(square)
    lower, upper = _middle(sums)
    if lower != upper:
        return 2 * sums > lower + upper
    low = whash_approximation(square)
    lower, upper = _middle(low)
    return low > (lower + upper) / 2.0


def _middle(values: NDArray[Any]) -> NDArray[Any]:
    """Return the two middle ones of 8 x 8 values, whose mean is their median."""
    return np.sort(values, axis=None)[31:33]


PHASH = GreyHash(name="phash", default_radius=8, compute=_phash)
DHASH = GreyHash(name="dhash", default_radius=6, compute=_dhash)
AHASH = GreyHash(name="ahash", default_radius=5, compute=_ahash)
WHASH = GreyHash(name="whash", default_radius=5, compute=_whash)
