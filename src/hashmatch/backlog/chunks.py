"""One chunk of a scan, in the process at hand or in a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hashmatch.backlog.listing import Listed
from hashmatch.backlog.rows import json_row
from hashmatch.errors import HashmatchError
from hashmatch.screener import Screener, ScreeningOptions
from hashmatch.values import IndexRef, PolicyRef

CHUNK_FILES = 32
"""Files handed out at a time: enough for a batched query, few enough for smooth progress."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker needs to decide as its parent would."""

    index_dir: str
    policy_path: str
    options: ScreeningOptions
    index_ref: IndexRef
    policy_ref: PolicyRef


@dataclass(frozen=True, slots=True)
class ChunkRows:
    """Decision rows of a chunk as bytes of JSON lines, and what they amount to."""

    rows: bytes
    n_files: int
    n_errors: int
    n_with_matches: int
    n_matches: int
    actions: Counter[str] = field(default_factory=Counter)


def screen_chunk(screener: Screener, chunk: Sequence[Listed]) -> ChunkRows:
    """Decide about the files of a chunk, in order."""
    readable = [listed.path for listed in chunk if listed.problem is None]
    screened = iter(screener.screen_many(readable))
    decisions = [
        next(screened) if listed.problem is None else screener.reject(listed.path, listed.problem)
        for listed in chunk
    ]
    return ChunkRows(
        rows=b"".join(json_row(decision.to_dict()) for decision in decisions),
        n_files=len(decisions),
        n_errors=sum(decision.error is not None for decision in decisions),
        n_with_matches=sum(decision.n_matches > 0 for decision in decisions),
        n_matches=sum(decision.n_matches for decision in decisions),
        actions=Counter(decision.action for decision in decisions),
    )


def screen_chunk_in_worker(setup: Setup, chunk: Sequence[Listed]) -> ChunkRows:
    """Decide about the files of a chunk in a worker process, which opens the index once."""
    return screen_chunk(_screener(setup), chunk)


_open: dict[Setup, Screener] = {}


def close_screeners() -> None:
    """End what the screener of a worker process has started."""
    for screener in _open.values():
        screener.close()


def _screener(setup: Setup) -> Screener:
    if setup in _open:
        return _open[setup]
    screener = Screener.open(setup.index_dir, setup.policy_path, options=setup.options)
    if (screener.index_ref, screener.policy_ref) != (setup.index_ref, setup.policy_ref):
        raise HashmatchError("the index or the policy changed while the scan started; run it again")
    _open[setup] = screener
    return screener
