"""PDQ, the 256-bit perceptual hash of photographs, equal to the reference's to the last bit.

Pixels are uint8 luma (H, W), uint8 red, green, blue (H, W, 3) or float32 luma (H, W). Luma of
colours is 0.299 R + 0.587 G + 0.114 B, unrounded; uint8 luma counts as grey of that value. So uint8
pixels are hashed as PyPI's pdqhash hashes the picture in colours, and float32 luma as
ThreatExchange's C++ hashes it.

Exactness: PDQ's filters are applied as one linear operator, in nearly exact arithmetic. The
reference's float32 sums drift from that. Where the drift could change a bit or the quality, the
reference's own arithmetic is repeated step by step, which takes some ten times as long: for about 8
photos in 100 (one hash) or 28 (eight), and for nearly blank pictures. The bound on the drift is
measured on pictures meant to provoke it, not proven. The reference is the C++ compiled for x86-64:
a compiler for another machine may fuse its multiplications and additions, which flips bits of
nearly blank pictures now and then.

A picture with a side under 5 px has the all-zero hash and quality 0.

References
----------
.. [1] https://github.com/facebook/ThreatExchange/tree/main/pdq
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashmatch._core import pdq_dihedral, pdq_hash
from hashmatch.hashing.algorithm import Luma, LumaDrift, OrientedCodes, OrientedHash, Pixels
from hashmatch.values import Code
from hashmatch.views import ORIENTATIONS


def hash(pixels: Luma | Pixels, *, gain: float = 1.0) -> tuple[Code, int]:
    """Hash a picture as it is stored, normally in one pass over the pixels.

    Thread-safe; releases the GIL. ValueError for a wrong dtype or shape, an empty array, or luma or
    `gain` that is not finite or is out of range.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W), uint8 (H, W, 3) or float32 (H, W); float32 from -65535 to 65535, usually 0 to
        255. Rows may lie apart, as in a part of a picture; other arrays that are
        not contiguous are copied.
    gain : float
        From 1 to 2: the quality is computed with all differences of luma multiplied by this, such
        as 255 / 219 for luma that spans 16 to 235, as in most video. The code is not affected.

    Returns
    -------
    code : ndarray of uint8, shape (32,)
        ``code.tobytes().hex()`` is the hash as ThreatExchange prints it.
    quality : int
        0..100; hashes below 50 are usually not used.
    """
    code, quality, _ = pdq_hash(pixels, gain)
    return code, quality


def dihedral(
    pixels: Luma | Pixels, *, tolerance_bits: int = 0, gain: float = 1.0
) -> tuple[NDArray[np.uint8], int]:
    """Hash a picture in all eight orientations at once, at little more than the cost of one.

    All hashes come from one transform by changing signs, as in pdqhash.compute_dihedral, and are
    close to, but not always equal to, the hashes of the turned pictures. Row 0 is the hash that
    `hash` gives; only at 64 x 64 px, rounding may differ, as it does in pdqhash.

    Parameters
    ----------
    pixels, gain
        As for `hash`, as are the errors and thread safety.
    tolerance_bits : int
        Bits by which a code may differ from the exact one if that avoids the reference's own
        arithmetic; the quality may then be slightly off. For pixels that are inexact anyway.
        ValueError if below 0.

    Returns
    -------
    codes : ndarray of uint8, shape (8, 32)
        In the order of `ORIENTATIONS`.
    quality : int
        0..100, the same for all.
    """
    codes, quality, _ = pdq_dihedral(pixels, tolerance_bits, gain)
    return codes, quality


class Pdq(OrientedHash):
    """PDQ, in all orientations and of luma."""

    def hash_pixels(self, pixels: Luma) -> tuple[Code, int | None]:
        """Return the code, uint8 (32,), and the quality."""
        return hash(pixels)

    def hash_orientations(self, pixels: Luma, *, tolerance_bits: int = 0) -> OrientedCodes:
        """Return the codes, uint8 (8, 32), and the qualities."""
        return OrientedCodes(*pdq_dihedral(pixels, tolerance_bits, 1.0))

    def hash_luma(self, luma: Luma, gain: float, *, is_oriented: bool) -> OrientedCodes:
        """Return the codes, uint8 (8, 32) or (1, 32), and the qualities."""
        if is_oriented:
            return OrientedCodes(*pdq_dihedral(luma, 0, gain))
        code, *qualities = pdq_hash(luma, gain)
        return OrientedCodes(code[None, :], *qualities)


LUMA_DRIFT = LumaDrift(margin_bits=16, min_quality=50, tolerance_bits=8, trimmed_tolerance_bits=4)
"""The margin is twice the largest drift from the exactly decoded hash seen on photographs of
quality 50 and more: 4 bits on 1,013 of them, 8 on a reference picture, roundings included. It is no
bound: halftones of red and blue drift by 24 bits, false colours by 58, a JPEG made to deceive by
118, and a near-blank picture by 36 (quality 3)."""

PDQ = Pdq(
    name="pdq",
    bits=256,
    default_radius=31,
    complements_negatives=True,
    luma_drift=LUMA_DRIFT,
    consumes="rgb",
    orientations=ORIENTATIONS,
)
