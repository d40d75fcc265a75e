"""Matching: fingerprints against an index, and videos against each other.

`match_fingerprints` gives one match per entry and algorithm. `VideoLibrary` compares whole videos:
vPDQ's matching gives the share of the frames of each that are near a frame of the other, in any
order; `hashmatch.matching.alignment` adds at what times.
"""

from hashmatch.matching.alignment import AlignedInterval, Alignment
from hashmatch.matching.search import DEFAULT_BLOCK_VIEWS, search_views
from hashmatch.matching.table import MatchTable, match_fingerprints, match_many
from hashmatch.matching.videos import VideoLibrary, VideoMatch, match_videos

__all__ = [
    "DEFAULT_BLOCK_VIEWS",
    "AlignedInterval",
    "Alignment",
    "MatchTable",
    "VideoLibrary",
    "VideoMatch",
    "match_fingerprints",
    "match_many",
    "match_videos",
    "search_views",
]
