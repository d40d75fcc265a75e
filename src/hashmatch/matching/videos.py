"""Matches of whole videos: shares of their frames, and aligned intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashmatch.hamming import HammingIndex
from hashmatch.matching.alignment import AlignedInterval, Alignment, Hits, align
from hashmatch.values import VideoHash

DEFAULT_MIN_QUALITY = 50
DEFAULT_RADIUS = 31
_DEFAULT_ALIGNMENT = Alignment()

_TimesS = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VideoMatch:
    """A query and an entry with at least one frame in common.

    `entry_id` names the entry. `n_query_frames` and `n_entry_frames` count the frames of sufficient
    quality in each, the denominators of the percentages; `n_query_matched` and `n_entry_matched`
    count those with a frame of the other video within the radius. `distance` is that of the nearest
    pair of frames, in bits. `intervals` are in the order of the query; there are none if the frames
    match in no common order.
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
        """Percentage of the query's frames found in the entry: how much of the query is known."""
        return 100 * self.n_query_matched / self.n_query_frames

    @property
    def index_percent(self) -> float:
        """Percentage of the entry's frames found in the query: how much of it the query has."""
        return 100 * self.n_entry_matched / self.n_entry_frames

    def reaches(self, query_percent: float, index_percent: float) -> bool:
        """Return whether both percentages reach these minimums, as vPDQ defines a match."""
        return self.query_percent >= query_percent and self.index_percent >= index_percent


class VideoLibrary:
    """The frames of known videos in one index; immutable, safe to share between threads."""

    def __init__(self, index: HammingIndex, times_s: dict[str, _TimesS], min_quality: int) -> None:
        self._index = index
        self._ids = list(times_s)
        self._times_s = list(times_s.values())
        sizes = [len(times) for times in self._times_s]
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._min_quality = min_quality

    @classmethod
    def build(
        cls,
        entries: Mapping[str, VideoHash],
        *,
        min_quality: int = DEFAULT_MIN_QUALITY,
        threads: int = 1,
    ) -> VideoLibrary:
        """Build a library in memory, which takes the memory of the index and 8 bytes per frame.

        `entries` are the known videos by id. A video without a frame of sufficient quality is kept
        but never matches; `featureless` lists those. `min_quality` is the least quality of frames
        used, of the entries and of every query, inclusive. `threads` threads build the index.
        """
        usable = {name: _usable_frames(video, min_quality) for name, video in entries.items()}
        codes = [np.empty((0, 32), np.uint8), *(codes for codes, _ in usable.values())]
        index = HammingIndex.build(np.concatenate(codes), algorithm="pdq", threads=threads)
        return cls(index, {name: times_s for name, (_, times_s) in usable.items()}, min_quality)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def featureless(self) -> tuple[str, ...]:
        """Ids of the entries that never match, as none of their frames is of sufficient quality."""
        pairs = zip(self._ids, self._times_s, strict=True)
        return tuple(name for name, times_s in pairs if not len(times_s))

    def match(
        self,
        query: VideoHash,
        *,
        radius: int = DEFAULT_RADIUS,
        alignment: Alignment = _DEFAULT_ALIGNMENT,
        threads: int = 1,
    ) -> tuple[VideoMatch, ...]:
        """Return every entry with a frame within the radius of a frame of the query.

        Sorted by query percentage, then index percentage, both descending, then as in `entries`.

        Parameters
        ----------
        query : VideoHash
            Frames below `min_quality` are left out. If its `error` is set, only the part that could
            be decoded is matched, and a lack of matches does not mean that the video is harmless;
            nor does it if no frame of the query is of sufficient quality.
        radius : int
            Largest distance in bits, inclusive; ValueError if the index does not accept it.
        alignment : Alignment
            Bounds on what counts as an aligned interval.
        threads : int
            Number of threads that search; the result does not depend on it.

        Notes
        -----
        One search covers all frames and all entries; further memory and time grow with the number
        of hits. Two still videos of n and m frames have n * m hits.
        """
        codes, query_times_s = _usable_frames(query, self._min_quality)
        found = self._index.search(codes, radius=radius, threads=threads)
        rows: NDArray[np.int64] = found.ids
        query_rows = np.repeat(np.arange(len(codes)), np.diff(found.offsets))
        owners = np.searchsorted(self._starts, rows, side="right") - 1
        order = np.argsort(owners, kind="stable")
        bounds = np.flatnonzero(np.diff(owners[order])) + 1
        matches = []
        for own in np.split(order, bounds) if order.size else ():
            owner = int(owners[own[0]])
            hits = Hits(query_rows[own], rows[own] - self._starts[owner], found.distances[own])
            entry_times_s = self._times_s[owner]
            match = VideoMatch(
                entry_id=self._ids[owner],
                n_query_frames=len(query_times_s),
                n_query_matched=np.unique(hits.query).size,
                n_entry_frames=len(entry_times_s),
                n_entry_matched=np.unique(hits.entry).size,
                distance=int(hits.distances.min()),
                intervals=align(hits, query_times_s, entry_times_s, alignment),
            )
            matches.append(match)
        return tuple(
            sorted(matches, key=lambda match: (-match.query_percent, -match.index_percent))
        )


def match_videos(
    query: VideoHash,
    entry: VideoHash,
    *,
    radius: int = DEFAULT_RADIUS,
    min_quality: int = DEFAULT_MIN_QUALITY,
    alignment: Alignment = _DEFAULT_ALIGNMENT,
) -> VideoMatch | None:
    """Match two videos; return None if no frame of one is near a frame of the other.

    The same as `VideoLibrary.match` with a single entry, whose id is the empty string.
    """
    library = VideoLibrary.build({"": entry}, min_quality=min_quality)
    found = library.match(query, radius=radius, alignment=alignment)
    return found[0] if found else None


def _usable_frames(video: VideoHash, min_quality: int) -> tuple[NDArray[np.uint8], _TimesS]:
    """Return the codes and times of the frames of sufficient quality."""
    is_usable = video.qualities >= min_quality
    return video.codes[is_usable], video.timestamps_s[is_usable]
