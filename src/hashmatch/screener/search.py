"""Find what contents match: wide for luma-decoded ones, then exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hashmatch.fingerprint import Fingerprint
from hashmatch.hamming import SearchResult
from hashmatch.screener.matching import Found, one_per_entry, worth_keeping
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
    """One item on its way.

    `data` is kept only while a decode may still be needed; of a video in a file it is the path.
    """

    content_id: str
    sha256: str | None = None
    data: bytes | str = b""
    error: str | None = None
    fingerprints: dict[str, Fingerprint] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)


class _Answer(NamedTuple):
    """What was found for some views of a content: from `first_view` on, those of `queries`."""

    content: Content
    first_view: int
    result: SearchResult
    queries: slice


def _query(
    state: State, algorithm: str, radius: int, contents: Sequence[Content], block_views: int
) -> Iterator[_Answer]:
    """Search for the views of all contents, so many at once, and answer in order."""
    n_views = [len(content.fingerprints[algorithm].codes) for content in contents]
    for block in _blocks(n_views, block_views):
        codes = [contents[at].fingerprints[algorithm].codes[views] for at, views in block]
        result = state.index.search(algorithm, np.concatenate(codes), radius)
        start = 0
        for (at, views), own in zip(block, codes, strict=True):
            queries = slice(start, start + len(own))
            yield _Answer(contents[at], views.start, result, queries)
            start = queries.stop


def _blocks(n_views: Sequence[int], block_views: int) -> Iterator[list[tuple[int, slice]]]:
    """Divide the views of contents into blocks of `block_views`, in order."""
    block: list[tuple[int, slice]] = []
    room = block_views
    for at, n_left in enumerate(n_views):
        first = 0
        while first < n_left:
            views = slice(first, min(n_left, first + room))
            block.append((at, views))
            room -= views.stop - first
            first = views.stop
            if not room:
                yield block
                block, room = [], block_views
    if block:
        yield block


def to_confirm(
    state: State, algorithm: str, radius: int, contents: Sequence[Content], block_views: int
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
    bits = state.index.bits(algorithm)
    wide = min(radius + LUMA_MARGIN_BITS.get(algorithm, 0), bits)
    for content, _, result, queries in _query(state, algorithm, wide, safe, block_views):
        is_near = result.offsets[queries.start] != result.offsets[queries.stop]
        if is_near and (not confirm or confirm[-1] is not content):
            confirm.append(content)
    return confirm


def search(
    state: State, algorithm: str, radius: int, contents: Sequence[Content], block_views: int
) -> None:
    """Add what every content matches that is exactly decoded or needs no decoding."""
    exact = [
        content
        for content in contents
        if algorithm in content.fingerprints and content.fingerprints[algorithm].decode != "luma"
    ]
    met: dict[int, Found] = {}
    for content, first_view, result, queries in _query(
        state, algorithm, radius, exact, block_views
    ):
        offsets = result.offsets[queries.start : queries.stop + 1]
        if offsets[0] == offsets[-1]:
            continue
        hits = slice(offsets[0], offsets[-1])
        views = first_view + np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        found = Found(
            algorithm,
            radius,
            result.ids[hits],
            result.distances[hits],
            views,
            content.fingerprints[algorithm].qualities,
        )
        # Of a long video views come in blocks; what the earlier ones have met is thinned out, so
        # that memory grows with the entries met, not with how often.
        earlier = met.get(id(content))
        if earlier is not None:
            found = worth_keeping(state.index, earlier.joined(found))
        met[id(content)] = found
    for content in exact:
        if id(content) in met:
            content.found.append(one_per_entry(state.index, met[id(content)]))
