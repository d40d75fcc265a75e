"""Pictures between a decoder and its caller: pixels, and how Pillow is asked for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from hashmatch.decode.limits import DecodeLimits
from hashmatch.errors import DecodeError

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Decoded pixels of one picture, frame or page.

    `rgb` is (H, W, 3), `alpha` (H, W), None where all is opaque or alpha was not asked for; they
    may change afterwards if they are writable.  The other fields are those of `DecodedPicture`.
    """

    rgb: Pixels
    alpha: Pixels | None = None
    missing: DecodeError | None = None
    timestamp_s: float | None = None
    page: int | None = None


class Loader(Protocol):
    """Pillow as the decoder of one format, within the limits."""

    @property
    def name(self) -> str:
        """Name of the format."""

    @property
    def limits(self) -> DecodeLimits:
        """The limits on what is decoded."""

    def open(self, data: bytes) -> ImageFile.ImageFile:
        """Parse the header, check the size, decode no pixel; raises whatever Pillow raises."""

    def load(self, image: ImageFile.ImageFile, *, alpha: bool) -> Layer:
        """Load the picture at which an image is positioned; raises whatever Pillow raises."""

    def load_first(self, data: bytes, *, alpha: bool, profile: bytes | None = None) -> Layer:
        """Open a file and load its first picture; `profile` becomes its colour profile.

        DecodeError for whatever Pillow raises.
        """


class Show(Protocol):
    """Yields the pictures of a file of one format, in order."""

    def __call__(
        self, data: bytes, loader: Loader, *, alpha: bool, frames: bool
    ) -> Iterator[Layer]:
        """Yield the first picture and, if `frames`, all the others; alpha only if asked for.

        DecodeError at the end if not all of them were looked at.
        """
