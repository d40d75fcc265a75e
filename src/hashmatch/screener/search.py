"""Find what contents match: wide for luma-decoded ones, then exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from hashmatch.fingerprint import Fingerprint
from hashmatch.index import SearchResult
from hashmatch.screener.matching import Found, one_per_entry
from hashmatch.screener.state import State

LUMA_MARGIN_BITS = {"pdq": 16}
"""By how much a search with a hash of luma-decoded pixels is widened, for each algorithm.

Twice the largest drift from the exactly decoded hash seen on pictures of quality 50 and more: 4
bits on 1,013 photographs, 8 on a reference picture. An algorithm not named is decoded exactly.
"""

CONFIRM_BELOW_QUALITY = 50
"""Luma-decoded views below this quality are decoded exactly before any search: on a near-blank
picture the drift has no useful bound (36 bits at quality 3)."""


@dataclass(slots=True)
class Content:
    """One item on its way; `data` is kept only while an exact decode may still be needed."""

    content_id: str
    sha256: str | None = None
    data: bytes = b""
    error: str | None = None
    fingerprints: dict[str, Fingerprint] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)


def _query(
    state: State, algorithm: str, radius: int, contents: Sequence[Content]
) -> Iterator[tuple[Content, SearchResult, slice]]:
    """Search for all views of all contents at once; the slice is the content's queries."""
    if not contents:
        return
    codes = [content.fingerprints[algorithm].codes for content in contents]
    result = state.catalog.search(algorithm, np.concatenate(codes), radius)
    start = 0
    for content, own in zip(contents, codes, strict=True):
        yield content, result, slice(start, start + len(own))
        start += len(own)


def to_confirm(
    state: State, algorithm: str, radius: int, contents: Sequence[Content]
) -> list[Content]:
    """Return the luma-decoded contents that the exact decode might match."""
    confirm: list[Content] = []
    safe: list[Content] = []
    for content in contents:
        made = content.fingerprints.get(algorithm)
        if made is not None and made.decode == "luma":
            is_clear = all(
                quality is not None and quality >= CONFIRM_BELOW_QUALITY
                for quality in made.qualities
            )
            (safe if is_clear and made.sure else confirm).append(content)
    bits = state.catalog.bits(algorithm)
    wide = min(radius + LUMA_MARGIN_BITS.get(algorithm, 0), bits)
    for content, result, queries in _query(state, algorithm, wide, safe):
        if result.offsets[queries.start] != result.offsets[queries.stop]:
            confirm.append(content)
    return confirm


def search(state: State, algorithm: str, radius: int, contents: Sequence[Content]) -> None:
    """Add what every content matches that is exactly decoded or needs no decoding."""
    exact = [
        content
        for content in contents
        if algorithm in content.fingerprints and content.fingerprints[algorithm].decode != "luma"
    ]
    for content, result, queries in _query(state, algorithm, radius, exact):
        offsets = result.offsets[queries.start : queries.stop + 1]
        if offsets[0] == offsets[-1]:
            continue
        hits = slice(offsets[0], offsets[-1])
        views = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        found = Found(
            algorithm,
            radius,
            result.ids[hits],
            result.distances[hits],
            views,
            content.fingerprints[algorithm].qualities,
        )
        content.found.append(one_per_entry(state.catalog, found))
