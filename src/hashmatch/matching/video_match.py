"""Matches of two videos: shares of their frames, and aligned intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashmatch.matching.alignment import AlignedInterval, Alignment, Hits, align
from hashmatch.values import VideoHash


@dataclass(frozen=True, slots=True, eq=False)
class UsableFrames:
    """Frames of sufficient quality: codes, uint8 (n, 32), and times in seconds, float64 (n,)."""

    codes: NDArray[np.uint8]
    times_s: NDArray[np.float64]

    @classmethod
    def of(cls, video: VideoHash, min_quality: int) -> UsableFrames:
        """Return the frames of at least a quality."""
        is_usable = video.qualities >= min_quality
        return cls(video.codes[is_usable], video.timestamps_s[is_usable])


@dataclass(frozen=True, slots=True)
class VideoMatch:
    """A query and an entry with at least one frame in common.

    Parameters
    ----------
    entry_id : str
        Name of the entry.
    n_query_frames, n_entry_frames : int
        Frames of sufficient quality in either: the denominators of the percentages.
    n_query_matched, n_entry_matched : int
        Those of them that have a frame of the other within the radius.
    distance : int
        Of the nearest pair of frames, in bits.
    intervals : tuple of AlignedInterval
        In the order of the query; none if frames match in no common order.
    """

    entry_id: str
    n_query_frames: int
    n_query_matched: int
    n_entry_frames: int
    n_entry_matched: int
    distance: int
    intervals: tuple[AlignedInterval, ...]

    @property
    def query_percent(self) -> float:
        """Share of the query's frames that are in the entry, 0..100: how much of it is known."""
        return 100 * self.n_query_matched / self.n_query_frames

    @property
    def index_percent(self) -> float:
        """Share of the entry's frames that are in the query, 0..100: how much of it is there."""
        return 100 * self.n_entry_matched / self.n_entry_frames

    def reaches(self, query_percent: float, index_percent: float) -> bool:
        """Return whether both percentages are at least these, as vPDQ defines a match."""
        return self.query_percent >= query_percent and self.index_percent >= index_percent


def compare(
    entry_id: str, hits: Hits, query: UsableFrames, entry: UsableFrames, alignment: Alignment
) -> VideoMatch:
    """Return the match of one query and one entry from their hits, at least one."""
    return VideoMatch(
        entry_id=entry_id,
        n_query_frames=len(query.times_s),
        n_query_matched=np.unique(hits.query).size,
        n_entry_frames=len(entry.times_s),
        n_entry_matched=np.unique(hits.entry).size,
        distance=int(hits.distances.min()),
        intervals=align(hits, query.times_s, entry.times_s, alignment),
    )
