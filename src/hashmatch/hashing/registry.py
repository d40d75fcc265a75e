"""Which algorithms there are, and what each must be able to do."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hashmatch.hashing import pdq
from hashmatch.values import Code

Pixels = NDArray[np.uint8] | NDArray[np.float32]
"""uint8 luma (H, W), uint8 red, green, blue (H, W, 3), or float32 luma (H, W) of 0..255."""


class Algorithm(Protocol):
    """One perceptual hash."""

    @property
    def name(self) -> str:
        """Name in the registry, in lists and in decisions."""
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
    def orientations(self) -> tuple[str, ...]:
        """Names of the views that `hash_orientations` gives, ``"as_stored"`` first."""
        ...

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (bits / 8,), and the quality 0..100 or None."""
        ...

    def hash_orientations(
        self, pixels: Pixels, *, tolerance_bits: int = 0
    ) -> tuple[NDArray[np.uint8], int | None]:
        """Return one code for each orientation, uint8 (n, bits / 8), and the quality.

        Codes may be off by `tolerance_bits` where that saves time.
        """
        ...


_ALGORITHMS: dict[str, Algorithm] = {algorithm.name: algorithm for algorithm in (pdq.PDQ,)}


def algorithms() -> dict[str, Algorithm]:
    """Return the known algorithms by name; the dict is the caller's own."""
    return dict(_ALGORITHMS)


def get_algorithm(name: str) -> Algorithm:
    """Return the algorithm of this name.

    Raises
    ------
    ValueError
        Where there is none; the message names those there are.
    """
    try:
        return _ALGORITHMS[name]
    except KeyError:
        known = ", ".join(sorted(_ALGORITHMS))
        raise ValueError(f"unknown hash algorithm {name!r}; known: {known}") from None
