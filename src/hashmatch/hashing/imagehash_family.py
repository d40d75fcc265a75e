"""The hashes of imagehash: pHash, difference, average, wavelet and crop-resistant hash.

Codes have 64 bits and no quality, and equal those of imagehash [1]_ of the same pixels, with its
defaults, rounding errors included.

References
----------
.. [1] https://github.com/JohannesBuchner/imagehash
.. [2] M. Steinebach, H. Liu, Y. Yannikos, Efficient Cropping-Resistant Robust Image Hashing, ARES
   2014, https://doi.org/10.1109/ARES.2014.85
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hashmatch._core import phash_coefficients, whash_approximation, whash_sums
from hashmatch.errors import AlgorithmError, DecodeError, ErrorKind
from hashmatch.hashing.algorithm import Consumes, PixelHash, Pixels, SegmentHash
from hashmatch.hashing.grey import Grey, grey_of, resize
from hashmatch.values import Code

_Bits: TypeAlias = Any
"""bool (8, 8), with the most significant bit first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyHash(PixelHash):
    """A hash whose bits a function computes from grey pixels."""

    compute: Callable[[Grey], _Bits]
    bits: int = 64
    consumes: Consumes = "grey"
    complements_negatives: bool = True

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, None]:
        """Return the code, uint8 (8,), and None."""
        return np.packbits(self.compute(grey_of(pixels))), None


def _phash(grey: Grey) -> _Bits:
    """Compare the lowest 8 x 8 cosine coefficients of 32 x 32 pixels with their median.

    If a picture is symmetric or flat, many coefficients are 0 except for rounding errors, which
    then decide imagehash's bits. So the coefficients are computed by the operations of SciPy's
    transform in their order, on every machine, and equal those of its x86-64 wheels to the last bit
    (`csrc/hash/phash_transform.cpp`).
    """
    return _is_above_median(phash_coefficients(resize(grey, 32, 32)))


def _dhash(grey: Grey) -> _Bits:
    """Find where pixels get brighter along 8 rows of 9; they are bytes, so nothing is rounded."""
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

    The picture is resized to a square whose side is the largest power of two up to its shorter
    side, and at least 8 px, and its mean is subtracted.

    An approximation is the sum of a block, apart from a factor and rounding errors, and the mean
    subtracted is the same for all. So the integer sums of blocks decide every bit, unless the two
    middle sums, whose mean is the median, are equal. If they differ, twice a sum and their total
    differ by at least 1, which is 1e-6 of an approximation even at a side of 16,384 px, where all
    rounding errors together stay below 1e-9. If they are equal, as in pictures with flat parts,
    rounding errors decide imagehash's bits, and the floating-point operations of
    PyWavelets are repeated one by one (`csrc/hash/whash_transform.cpp`); they equal those of its
    x86-64 wheels to the last bit.
    """
    side_px = max(8, 1 << (min(grey.shape).bit_length() - 1))
    square = resize(grey, side_px, side_px)
    sums = whash_sums(square)
    lower, upper = np.sort(sums, axis=None)[31:33]
    if lower != upper:
        return 2 * sums > lower + upper
    return _is_above_median(whash_approximation(square))


def _is_above_median(values: NDArray[np.float64]) -> _Bits:
    lower, upper = np.sort(values, axis=None)[31:33]
    return values > (lower + upper) / 2.0  # as numpy.median rounds it


class CropResistantHash(SegmentHash):
    """Crop-resistant hash [2]_: a difference hash of each bright or dark part of a picture.

    Computed by imagehash itself (extra ``compat``). To imagehash, two pictures match if a part of
    one lies within 16 bits of a part of the other; a search for all parts with that radius, in a
    list with a row for each part, finds the same. This hash takes 100 times as long as the others.
    """

    def check_usable(self) -> None:
        """Raise AlgorithmError where imagehash is not installed."""
        try:
            import imagehash  # noqa: F401, PLC0415  (an extra)
        except ImportError:
            raise AlgorithmError(
                f"{self.name} is computed by imagehash; install it: pip install 'hashmatch[compat]'"
            ) from None

    def hash_segments(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Return a code for each part, uint8 (n, 8), in the order of imagehash.

        AlgorithmError if imagehash is not installed; DecodeError if the picture cannot be hashed.
        """
        self.check_usable()
        import imagehash  # noqa: PLC0415  (an extra)
        from PIL import Image  # noqa: PLC0415  (for this hash alone)

        image = Image.fromarray(np.ascontiguousarray(pixels))
        try:
            found = imagehash.crop_resistant_hash(image).segment_hashes
        except MemoryError:
            raise
        except Exception as error:
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"imagehash cannot hash it by {self.name}: {problem}"
            raise DecodeError(message, ErrorKind.NOT_HASHED) from error
        return np.stack([np.packbits(segment.hash) for segment in found])


PHASH = GreyHash(name="phash", default_radius=8, compute=_phash)
DHASH = GreyHash(name="dhash", default_radius=6, compute=_dhash)
AHASH = GreyHash(name="ahash", default_radius=5, compute=_ahash)
WHASH = GreyHash(name="whash", default_radius=5, compute=_whash)
CROP_RESISTANT = CropResistantHash(
    name="crop-resistant", bits=64, default_radius=16, consumes="rgb"
)
