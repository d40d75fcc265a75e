"""Two videos to what they have in common: percentages of frames, and aligned segments.

vPDQ's matching tells what share of the frames of each has a near frame in the other, in whatever
order. What it throws away is kept here: *when*. See `hashmatch.matching.segments`.
"""

from hashmatch.matching.library import VideoLibrary, match_videos
from hashmatch.matching.matching import VideoMatch
from hashmatch.matching.segments import Alignment, Segment

__all__ = ["Alignment", "Segment", "VideoLibrary", "VideoMatch", "match_videos"]
