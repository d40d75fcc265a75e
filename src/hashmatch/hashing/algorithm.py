"""Base classes of algorithms, one for each kind of input.

A `PixelHash` gives one code for a picture. An `OrientedHash` also gives one for each orientation,
and hashes a video frame as the decoder returns it. A `SegmentHash` gives one code for each part
that it finds in a picture; a `Digest` gives one for the bytes of a file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashmatch.values import Code

Pixels = NDArray[np.uint8]
"""uint8 red, green, blue (H, W, 3), or uint8 grey (H, W)."""

Luma = NDArray[np.uint8] | NDArray[np.float32]
"""uint8 or float32 (H, W)."""

Consumes = Literal["rgb", "grey"]
"""Input of a hash of pixels. ``"rgb"``: colours, or grey if only grey is available. ``"grey"``:
8-bit grey (H, W) as Pillow makes it of RGB, once for all algorithms that ask for it."""


@dataclass(frozen=True, slots=True)
class LumaDrift:
    """Margins for the distance of hashes of a JPEG's luma plane from those of its exact pixels.

    A search with hashes of luma is widened by `margin_bits`, so that it finds what exact hashes of
    ordinary photographs would find, if the quality is at least `min_quality`; other hashes cannot
    be relied on. Colours that leave the gamut of RGB can drift further, without any bound. To save
    time, hashes of luma may be off by `tolerance_bits`, within the margin, from rounding errors;
    those of trimmed views, whose borders may also be a line off, by `trimmed_tolerance_bits`.
    """

    margin_bits: int
    min_quality: int = 0
    tolerance_bits: int = 0
    trimmed_tolerance_bits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm(ABC):
    """A hash algorithm. Its methods are thread-safe.

    `name`, in lower case, is used in the registry, lists and decisions; `bits` is the width of the
    codes, a multiple of 8; `default_radius` is the usual search radius in bits, inclusive.
    `exact_only` is true if codes are equal or unrelated, so that distances other than 0 mean
    nothing. `complements_negatives` is true if a negative has the complement of the code, to within
    a few bits. Given `luma_drift`, screening with ``decode="luma"`` nominates pictures within its
    margins by hashes of luma; if it is None, pictures are decoded exactly.
    """

    name: str
    bits: int
    default_radius: int
    exact_only: bool = False
    complements_negatives: bool = False
    luma_drift: LumaDrift | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelHash(Algorithm):
    """A perceptual hash of a whole picture, from the pixels that it `consumes`."""

    consumes: Consumes

    @abstractmethod
    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (bits / 8,), and the quality 0..100 or None."""


class OrientedCodes(NamedTuple):
    """One code for each orientation, uint8 (n, bits / 8), and the qualities that they share.

    `quality` is that of the picture as shown, `stretched_quality` that of the picture with its
    contrast stretched if it is faint: 0..100, None if the algorithm has none.
    """

    codes: NDArray[np.uint8]
    quality: int | None
    stretched_quality: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrientedHash(PixelHash):
    """A perceptual hash that computes all orientations of a picture in one pass, also from luma.

    `orientations` names the codes that `hash_orientations` returns, ``"as_stored"`` first.
    """

    orientations: tuple[str, ...]

    @abstractmethod
    def hash_orientations(self, pixels: Pixels, *, tolerance_bits: int = 0) -> OrientedCodes:
        """Return one code for each orientation, and the qualities.

        Codes may be off by `tolerance_bits` where that saves time.
        """

    @abstractmethod
    def hash_luma(self, luma: Luma, gain: float, *, is_oriented: bool) -> OrientedCodes:
        """Return the codes of all orientations, or only the first code, and the qualities.

        `luma` is that of a video as the decoder returns it, or pixels with a `gain` of 1.
        Multiplying its differences by `gain` gives the differences in the picture as shown.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentHash(Algorithm):
    """A perceptual hash of each part that it finds in a picture."""

    consumes: Consumes

    @abstractmethod
    def check_usable(self) -> None:
        """Raise AlgorithmError if a package that the algorithm needs is not installed."""

    @abstractmethod
    def hash_segments(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Return one code for each part, uint8 (n, bits / 8), n at least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest(Algorithm):
    """A digest of the bytes of a file, from `hashlib` by its name."""

    default_radius: int = 0
    exact_only: bool = True
