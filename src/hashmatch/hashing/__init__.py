"""Hashes of pixels and digests of bytes: one small protocol, one registry, one module each.

docs/algorithms.md says what each is good for and how a third party adds one.
"""

from hashmatch.hashing import pdq
from hashmatch.hashing.algorithm import (
    Algorithm,
    Digest,
    LumaHash,
    OrientedHash,
    PixelHash,
    Pixels,
    SegmentHash,
    is_digest,
    is_luma_hash,
    is_oriented_hash,
    is_segment_hash,
)
from hashmatch.hashing.digests import digest_blocks
from hashmatch.hashing.grey import grey_of
from hashmatch.hashing.registry import (
    algorithms,
    get_algorithm,
    get_pixel_hash,
    load_algorithms,
    problems,
)

__all__ = [
    "Algorithm",
    "Digest",
    "LumaHash",
    "OrientedHash",
    "PixelHash",
    "Pixels",
    "SegmentHash",
    "algorithms",
    "digest_blocks",
    "get_algorithm",
    "get_pixel_hash",
    "grey_of",
    "is_digest",
    "is_luma_hash",
    "is_oriented_hash",
    "is_segment_hash",
    "load_algorithms",
    "pdq",
    "problems",
]
