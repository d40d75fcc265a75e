"""Crop-resistant hash: a difference hash of each bright or dark part of a picture; 64 bits each.

Computed by imagehash itself (extra ``compat``), with its defaults. Two pictures match by imagehash
where a part of the one lies within 16 bits of a part of the other; a search for all parts with that
radius, in a list with a row for each part, finds the same. It takes a hundred times as long as the
other hashes.

References
----------
.. [1] M. Steinebach, H. Liu, Y. Yannikos, Efficient Cropping-Resistant Robust Image Hashing, ARES
   2014, https://doi.org/10.1109/ARES.2014.85
.. [2] https://github.com/JohannesBuchner/imagehash
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashmatch.errors import AlgorithmError, DecodeError, ErrorKind
from hashmatch.hashing.algorithm import Pixels, SegmentHash


class CropResistantHash(SegmentHash):
    """Crop-resistant hash by imagehash."""

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

        AlgorithmError if imagehash is not installed, DecodeError if it cannot hash the picture.
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


CROP_RESISTANT = CropResistantHash(
    name="crop-resistant", bits=64, default_radius=16, consumes="rgb"
)
