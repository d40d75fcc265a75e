"""Protocols of algorithms.

Every algorithm has a name, a width in bits and a customary radius. What its codes are computed from
tells its kind: a `PixelHash` gives one code of a picture, an `OrientedHash` further ones of its
orientations, a `LumaHash` those of a video's frame as the decoder has it, a `SegmentHash` one of
each part that it finds, a `Digest` one of the bytes of a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hashmatch.values import Code

Pixels = NDArray[np.uint8]
"""uint8 red, green, blue (H, W, 3), or uint8 grey (H, W)."""

Consumes = Literal["rgb", "grey"]
"""What a hash of pixels is given. ``"rgb"``: colours, or grey where that is all there is.
``"grey"``: 8-bit grey (H, W) as Pillow makes it of RGB, once for all algorithms that ask for it."""

CONSUMES: tuple[Consumes, ...] = ("rgb", "grey")


@dataclass(frozen=True, slots=True)
class LumaDrift:
    """How far hashes of a JPEG's luma plane lie from those of its exactly decoded pixels.

    Parameters
    ----------
    margin_bits : int
        A search with hashes of luma is widened by this, so that it finds what exact ones would.
    min_quality : int
        The margin holds for hashes of this quality or more; others are of no use.
    tolerance_bits : int
        Rounding error accepted in hashes of luma to save time, within the margin.
    trimmed_tolerance_bits : int
        The same for trimmed views, whose borders may be a line off as well.
    """

    margin_bits: int
    min_quality: int = 0
    tolerance_bits: int = 0
    trimmed_tolerance_bits: int = 0


class Algorithm(Protocol):
    """What every algorithm says of itself."""

    @property
    def name(self) -> str:
        """Name in the registry, in lists and in decisions; in lower case."""
        ...

    @property
    def bits(self) -> int:
        """Width of the codes, a multiple of 8."""
        ...

    @property
    def default_radius(self) -> int:
        """Customary search radius in bits, inclusive."""
        ...

    @property
    def exact_only(self) -> bool:
        """Whether codes are equal or unrelated, so that any distance but 0 means nothing."""
        return False

    @property
    def luma_drift(self) -> LumaDrift | None:
        """Bounds within which hashes of luma nominate; None: pictures are decoded exactly."""
        return None


@runtime_checkable
class PixelHash(Algorithm, Protocol):
    """A perceptual hash of a whole picture."""

    @property
    def consumes(self) -> Consumes:
        """What `hash_pixels` is given."""
        ...

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (bits / 8,), and the quality 0..100 or None."""
        ...


@runtime_checkable
class OrientedHash(PixelHash, Protocol):
    """A perceptual hash that has the eight orientations of a picture from one look at it."""

    @property
    def orientations(self) -> tuple[str, ...]:
        """Names of what `hash_orientations` gives, ``"as_stored"`` first."""
        ...

    def hash_orientations(
        self, pixels: Pixels, *, tolerance_bits: int = 0
    ) -> tuple[NDArray[np.uint8], int | None]:
        """Return one code for each orientation, uint8 (n, bits / 8), and the quality.

        Codes may be off by `tolerance_bits` where that saves time.
        """
        ...


@runtime_checkable
class LumaHash(OrientedHash, Protocol):
    """A perceptual hash that takes the luma of a video as the decoder has it."""

    def hash_luma(
        self,
        luma: NDArray[np.uint8] | NDArray[np.float32],
        gain: float,
        *,
        is_oriented: bool,
    ) -> tuple[NDArray[np.uint8], int | None]:
        """Return the codes of all orientations, or the first alone, and the quality.

        Differences of luma, multiplied by `gain`, are those of the picture as shown.
        """
        ...


@runtime_checkable
class SegmentHash(Algorithm, Protocol):
    """A perceptual hash of the parts that it finds in a picture."""

    @property
    def consumes(self) -> Consumes:
        """What `hash_segments` is given."""
        ...

    def check_usable(self) -> None:
        """Raise AlgorithmError if a package that it needs is not installed."""
        ...

    def hash_segments(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Return one code for each part, uint8 (n, bits / 8), n at least 1."""
        ...


class RunningDigest(Protocol):
    """A digest in progress, as `hashlib` has them."""

    def update(self, data: bytes, /) -> None:
        """Feed the next bytes."""
        ...

    def digest(self) -> bytes:
        """Return the digest of all bytes so far."""
        ...


@runtime_checkable
class Digest(Algorithm, Protocol):
    """A digest of the bytes of a file; `exact_only`, with a radius of 0."""

    def start(self) -> RunningDigest:
        """Begin a digest."""
        ...


def is_pixel_hash(algorithm: object) -> TypeGuard[PixelHash]:
    """Return whether an algorithm gives one code of a picture."""
    return _is(algorithm, PixelHash)


def is_oriented_hash(algorithm: object) -> TypeGuard[OrientedHash]:
    """Return whether an algorithm has the orientations of a picture from one look."""
    return _is(algorithm, OrientedHash)


def is_luma_hash(algorithm: object) -> TypeGuard[LumaHash]:
    """Return whether an algorithm takes the luma of a video as it is."""
    return _is(algorithm, LumaHash)


def is_segment_hash(algorithm: object) -> TypeGuard[SegmentHash]:
    """Return whether an algorithm gives a code of each part that it finds."""
    return _is(algorithm, SegmentHash)


def is_digest(algorithm: object) -> TypeGuard[Digest]:
    """Return whether an algorithm is a digest of bytes."""
    return _is(algorithm, Digest)


_known_kinds: dict[tuple[int, type], tuple[object, bool]] = {}


def _is(algorithm: object, kind: type) -> bool:
    """Return isinstance(), cached: on a protocol it costs as much as hashing a photo."""
    known = _known_kinds.get((id(algorithm), kind))
    if known is None or known[0] is not algorithm:
        known = _known_kinds[id(algorithm), kind] = algorithm, isinstance(algorithm, kind)
    return known[1]
