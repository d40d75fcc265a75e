"""hashmatch: hash uploads, match them exactly against known-harm lists, decide by policy.

Names are loaded when they are first used, so that importing the package stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hashmatch._version import __version__
from hashmatch.errors import (
    AlgorithmError,
    DecodeError,
    ErrorKind,
    HashListError,
    HashmatchError,
    IndexFormatError,
    PolicyError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from hashmatch.backlog import hash_many, scan
    from hashmatch.decode import DecodeLimits, VideoLimits
    from hashmatch.fingerprint import digests, hash_image, hash_segments, hash_video
    from hashmatch.hamming import HammingIndex, SearchResult
    from hashmatch.hashing import pdq
    from hashmatch.matching import VideoLibrary, VideoMatch, match_videos
    from hashmatch.policy import Policy
    from hashmatch.screener import Screener, ScreeningOptions
    from hashmatch.values import Decision, Hash, Match, VideoHash
    from hashmatch.workers import Isolation

_NAMES_BY_PACKAGE = {
    "backlog": ("hash_many", "scan"),
    "decode": ("DecodeLimits", "VideoLimits"),
    "fingerprint": ("digests", "hash_image", "hash_segments", "hash_video"),
    "hamming": ("HammingIndex", "SearchResult"),
    "hashing": ("pdq",),
    "matching": ("VideoLibrary", "VideoMatch", "match_videos"),
    "policy": ("Policy",),
    "screener": ("Screener", "ScreeningOptions"),
    "values": ("Decision", "Hash", "Match", "VideoHash"),
    "workers": ("Isolation",),
}
_PACKAGES = {name: package for package, names in _NAMES_BY_PACKAGE.items() for name in names}

__all__ = [
    "AlgorithmError",
    "Decision",
    "DecodeError",
    "DecodeLimits",
    "ErrorKind",
    "HammingIndex",
    "Hash",
    "HashListError",
    "HashmatchError",
    "IndexFormatError",
    "Isolation",
    "Match",
    "Policy",
    "PolicyError",
    "Screener",
    "ScreeningOptions",
    "SearchResult",
    "UnknownNameError",
    "VideoHash",
    "VideoLibrary",
    "VideoLimits",
    "VideoMatch",
    "__version__",
    "digests",
    "hash_image",
    "hash_many",
    "hash_segments",
    "hash_video",
    "match_videos",
    "pdq",
    "scan",
]


def __getattr__(name: str) -> Any:
    if name not in _PACKAGES:
        raise AttributeError(f"module 'hashmatch' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"hashmatch.{_PACKAGES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
