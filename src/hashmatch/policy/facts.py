"""Facts that rules ask about: of matches, of the views that meet them, of the whole content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Sighting(NamedTuple):
    """Distance in bits between one view and an entry; quality of the view as in `MatchGroup`."""

    distance: int
    quality: int | None


@dataclass(frozen=True, slots=True)
class MatchGroup:
    """Matches of one content that no rule can tell apart, with their number.

    Parameters
    ----------
    list, harm : str
        The list of the matched entries, and what they show.
    classification : str or None
        The list's own grading of the entries, None if it gives none.
    algorithm : str
        Name of the hash algorithm that found the matches.
    distance : int
        In bits, of the nearest view.
    quality : int or None
        Quality of that view, 0..100; None if the algorithm has none.
    n_matches : int
        How many matches there are, at least 1.
    clearer : tuple of (int, int)
        Distance and quality of views of better quality that meet the same entries from farther
        off, both rising. A rule fits a match if one view meets all of its conditions.

    Raises
    ------
    ValueError
        The distance is negative, or there is no match.
    """

    list: str
    harm: str
    classification: str | None
    algorithm: str
    distance: int
    quality: int | None
    n_matches: int = 1
    clearer: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.distance < 0:
            raise ValueError(f"distance must be at least 0 bits, not {self.distance}")
        if self.n_matches < 1:
            raise ValueError(f"n_matches must be at least 1, not {self.n_matches}")

    @property
    def sightings(self) -> tuple[Sighting, ...]:
        """Every view that counts, nearest first."""
        return (Sighting(self.distance, self.quality), *map(Sighting._make, self.clearer))


@dataclass(frozen=True, slots=True)
class ContentFacts:
    """Facts about a content as a whole, by name: strings and numbers; absent if unknown."""

    values: Mapping[str, str | float] = field(default_factory=dict)
