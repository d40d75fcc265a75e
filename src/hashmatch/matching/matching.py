"""What a query and one entry have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hashmatch.matching.segments import Alignment, Hits, Segment, align
from hashmatch.matching.usable import UsableFrames


@dataclass(frozen=True, slots=True)
class VideoMatch:
    """A query and an entry with at least one frame in common.

    Parameters
    ----------
    entry_id : str
        Which entry.
    n_query_frames, n_entry_frames : int
        Frames of good enough quality in either: the denominators of the percentages.
    n_query_matched, n_entry_matched : int
        How many of them have a frame of the other within the radius.
    distance : int
        Of the nearest pair of frames, in bits.
    segments : tuple of Segment
        In the order of the query; none where frames match in no common order.
    """

    entry_id: str
    n_query_frames: int
    n_query_matched: int
    n_entry_frames: int
    n_entry_matched: int
    distance: int
    segments: tuple[Segment, ...]

    @property
    def query_percent(self) -> float:
        """Share of the query's frames that are in the entry, 0..100: how much of it is known."""
        return 100 * self.n_query_matched / self.n_query_frames

    @property
    def index_percent(self) -> float:
        """Share of the entry's frames that are in the query, 0..100: how much of it is there."""
        return 100 * self.n_entry_matched / self.n_entry_frames

    def reaches(self, query_percent: float, index_percent: float) -> bool:
        """Return whether both percentages are at least these, which is what vPDQ calls a match."""
        return self.query_percent >= query_percent and self.index_percent >= index_percent


def compare(
    entry_id: str, hits: Hits, query: UsableFrames, entry: UsableFrames, alignment: Alignment
) -> VideoMatch:
    """Return what the hits of one query and one entry, at least one, amount to."""
    return VideoMatch(
        entry_id=entry_id,
        n_query_frames=len(query.times_s),
        n_query_matched=np.unique(hits.query).size,
        n_entry_frames=len(entry.times_s),
        n_entry_matched=np.unique(hits.entry).size,
        distance=int(hits.distances.min()),
        segments=align(hits, query.times_s, entry.times_s, alignment),
    )
