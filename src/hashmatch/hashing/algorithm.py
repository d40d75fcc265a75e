"""What an algorithm must be able to do to be known to the registry.

Every algorithm has a `name`, a width in `bits` and a `default_radius`. What it makes codes of tells
its kind: a `PixelHash` gives one code of a picture, an `OrientedHash` further ones of its
orientations, a `LumaHash` those of a frame of a video as the decoder has it, a `SegmentHash` one of
each part that it finds, a `Digest` one of the bytes of a file.
"""

from __future__ import annotations

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


class Algorithm(Protocol):
    """What there is to know of every algorithm."""

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


@runtime_checkable
class PixelHash(Algorithm, Protocol):
    """A perceptual hash of a whole picture. This is what a third party provides."""

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

        Differences of luma are to be multiplied by `gain` to be those of the picture as shown.
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
        """Raise AlgorithmError where a package that it needs is not installed."""
        ...

    def hash_segments(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Return one code for each part, uint8 (n, bits / 8), n at least 1."""
        ...


class RunningDigest(Protocol):
    """A digest under way, as `hashlib` has them."""

    def update(self, data: bytes, /) -> None:
        """Take in the next bytes."""
        ...

    def digest(self) -> bytes:
        """Return the digest of all bytes so far."""
        ...


@runtime_checkable
class Digest(Algorithm, Protocol):
    """A digest of the bytes of a file: equal or not, so the radius is 0."""

    def start(self) -> RunningDigest:
        """Begin a digest."""
        ...


def is_pixel_hash(algorithm: object) -> TypeGuard[PixelHash]:
    """Whether an algorithm gives one code of a picture."""
    return _is(algorithm, PixelHash)


def is_oriented_hash(algorithm: object) -> TypeGuard[OrientedHash]:
    """Whether an algorithm has the orientations of a picture from one look."""
    return _is(algorithm, OrientedHash)


def is_luma_hash(algorithm: object) -> TypeGuard[LumaHash]:
    """Whether an algorithm takes the luma of a video as it is."""
    return _is(algorithm, LumaHash)


def is_segment_hash(algorithm: object) -> TypeGuard[SegmentHash]:
    """Whether an algorithm gives a code of each part that it finds."""
    return _is(algorithm, SegmentHash)


def is_digest(algorithm: object) -> TypeGuard[Digest]:
    """Whether an algorithm is a digest of bytes."""
    return _is(algorithm, Digest)


_found: dict[tuple[int, type], tuple[object, bool]] = {}


def _is(algorithm: object, kind: type) -> bool:
    """Return isinstance() from memory: asked of a protocol it takes as long as hashing a photo."""
    known = _found.get((id(algorithm), kind))
    if known is None or known[0] is not algorithm:
        known = _found[id(algorithm), kind] = algorithm, isinstance(algorithm, kind)
    return known[1]
