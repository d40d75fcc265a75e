"""Nomination: the luma-decoded contents that exact decoding might match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hashmatch.index import Index
from hashmatch.matching import DEFAULT_BLOCK_VIEWS, search_views
from hashmatch.values import Fingerprint, Fingerprints

LUMA_MARGIN_BITS = {"pdq": 16}
"""Bits by which a search with a hash of luma-decoded pixels is widened, by algorithm.

Twice the largest drift from the exactly decoded hash seen on pictures of quality 50 and more: 4
bits on 1,013 photographs, 8 on a reference picture. Other algorithms are decoded exactly at once.
"""

CONFIRM_BELOW_QUALITY = 50
"""Quality below which luma-decoded views are decoded exactly before any search: on a nearly blank
picture the drift has no useful bound (36 bits at quality 3)."""


def nominate(
    index: Index,
    contents: Sequence[Fingerprints],
    radii: Mapping[str, int],
    *,
    block_views: int = DEFAULT_BLOCK_VIEWS,
) -> list[int]:
    """Return the positions of the contents to decode exactly, in order.

    They are those with a luma fingerprint that is near a row of the index by radius and margin, of
    low quality, or incomplete.
    """
    nominated: set[int] = set()
    for algorithm, radius in radii.items():
        positions, searched = [], []
        for position, fingerprints in enumerate(contents):
            fingerprint = fingerprints.get(algorithm)
            if fingerprint is None or fingerprint.decode != "luma":
                continue
            if _is_reliable(fingerprint):
                positions.append(position)
                searched.append(fingerprint)
            else:
                nominated.add(position)
        wide = min(radius + LUMA_MARGIN_BITS.get(algorithm, 0), index.bits(algorithm))
        hits = search_views(index, algorithm, searched, wide, block_views=block_views)
        nominated.update(positions[hit.position] for hit in hits)
    return sorted(nominated)


def _is_reliable(fingerprint: Fingerprint) -> bool:
    return fingerprint.is_complete and all(
        quality is not None and quality >= CONFIRM_BELOW_QUALITY
        for quality in fingerprint.qualities
    )
