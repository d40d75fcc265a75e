"""Nomination: the luma-decoded contents that are near enough to the index to be decoded exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hashmatch.hashing import get_algorithm
from hashmatch.index import Index
from hashmatch.matching import DEFAULT_BLOCK_VIEWS, search_views
from hashmatch.values import Fingerprint, Fingerprints


def nominate(
    index: Index,
    contents: Sequence[Fingerprints],
    radii: Mapping[str, int],
    *,
    block_views: int = DEFAULT_BLOCK_VIEWS,
) -> list[int]:
    """Return the positions of the luma-decoded contents that are to be decoded exactly, in order.

    A content is nominated if a luma fingerprint is incomplete, has a quality too low for the margin
    of luma drift, or lies within the radius plus that margin of a row of the index (`LumaDrift`).
    What exact decoding would match from further away is missed.
    """
    nominated: set[int] = set()
    for algorithm, radius in radii.items():
        drift = get_algorithm(algorithm).luma_drift
        if drift is None:
            continue
        searched: dict[int, Fingerprint] = {}
        for position, fingerprints in enumerate(contents):
            fingerprint = fingerprints.get(algorithm)
            if fingerprint is None or fingerprint.decode != "luma":
                continue
            if fingerprint.is_complete and all(
                quality is not None and quality >= drift.min_quality
                for quality in fingerprint.qualities
            ):
                searched[position] = fingerprint
            else:
                nominated.add(position)
        positions, sought = list(searched), list(searched.values())
        wide = min(radius + drift.margin_bits, index.bits(algorithm))
        hits = search_views(index, algorithm, sought, wide, block_views=block_views)
        nominated.update(positions[number] for number, _ in hits)
    return sorted(nominated)
