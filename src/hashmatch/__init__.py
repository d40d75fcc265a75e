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
    HashListError,
    HashmatchError,
    IndexFormatError,
    PolicyError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from hashmatch.backlog import hash_many
    from hashmatch.fingerprint import digests, hash_image, hash_segments, hash_video
    from hashmatch.hamming import HammingIndex, SearchResult
    from hashmatch.hashing import pdq
    from hashmatch.matching import VideoLibrary, VideoMatch, match_videos
    from hashmatch.screener import Screener, ScreeningOptions
    from hashmatch.values import Decision, Hash, Match, VideoHash

_HOMES = {
    "Decision": "hashmatch.values",
    "HammingIndex": "hashmatch.hamming",
    "Hash": "hashmatch.values",
    "Match": "hashmatch.values",
    "Screener": "hashmatch.screener",
    "ScreeningOptions": "hashmatch.screener",
    "SearchResult": "hashmatch.hamming",
    "VideoHash": "hashmatch.values",
    "VideoLibrary": "hashmatch.matching",
    "VideoMatch": "hashmatch.matching",
    "digests": "hashmatch.fingerprint",
    "hash_image": "hashmatch.fingerprint",
    "hash_many": "hashmatch.backlog",
    "hash_segments": "hashmatch.fingerprint",
    "hash_video": "hashmatch.fingerprint",
    "match_videos": "hashmatch.matching",
    "pdq": "hashmatch.hashing",
}

__all__ = [
    "AlgorithmError",
    "Decision",
    "DecodeError",
    "HammingIndex",
    "Hash",
    "HashListError",
    "HashmatchError",
    "IndexFormatError",
    "Match",
    "PolicyError",
    "Screener",
    "ScreeningOptions",
    "SearchResult",
    "UnknownNameError",
    "VideoHash",
    "VideoLibrary",
    "VideoMatch",
    "__version__",
    "digests",
    "hash_image",
    "hash_many",
    "hash_segments",
    "hash_video",
    "match_videos",
    "pdq",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'hashmatch' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
