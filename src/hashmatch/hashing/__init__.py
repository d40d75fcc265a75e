"""Hash algorithms: one small protocol and one registry.

docs/algorithms.md says what each is good for and how a third party adds one.
"""

from hashmatch.hashing import pdq
from hashmatch.hashing.algorithm import (
    Algorithm,
    Digest,
    LumaDrift,
    OrientedCodes,
    OrientedHash,
    PixelHash,
    Pixels,
    SegmentHash,
)
from hashmatch.hashing.digests import DIGESTS, digest_blocks
from hashmatch.hashing.grey import grey_of
from hashmatch.hashing.registry import (
    algorithms,
    get_algorithm,
    get_pixel_hash,
    load_algorithms,
    problems,
    register,
    unregister,
)

__all__ = [
    "DIGESTS",
    "Algorithm",
    "Digest",
    "LumaDrift",
    "OrientedCodes",
    "OrientedHash",
    "PixelHash",
    "Pixels",
    "SegmentHash",
    "algorithms",
    "digest_blocks",
    "get_algorithm",
    "get_pixel_hash",
    "grey_of",
    "load_algorithms",
    "pdq",
    "problems",
    "register",
    "unregister",
]
