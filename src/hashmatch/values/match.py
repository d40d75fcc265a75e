"""Matches: entries of lists that a content meets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """An entry of a list within the radius of a view of the content; one per entry and algorithm.

    `distance` and `radius` are in bits, both inclusive. `timestamp_s` is the time of the content's
    frame in seconds, None for a still picture and for the first frame of an animation; `quality` is
    that of the view, 0..100, None if the algorithm has none; `entry_timestamp_s` is the time of the
    entry's frame in seconds, None if its list states none.
    """

    list: str
    list_version: str
    entry_id: str
    harm: str
    algorithm: str
    distance: int
    radius: int
    view: str
    timestamp_s: float | None = None
    quality: int | None = None
    entry_timestamp_s: float | None = None
