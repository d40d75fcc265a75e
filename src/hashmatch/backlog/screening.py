"""One chunk of a scan, screened in this process or in a worker process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from hashmatch.backlog.listing import ScanInput
from hashmatch.backlog.rows import json_row
from hashmatch.errors import HashmatchError
from hashmatch.screener import Screener, ScreeningOptions
from hashmatch.values import Decision, IndexRef, PolicyRef


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Everything that a worker process needs to decide as its parent would."""

    index_dir: str
    policy_path: str
    options: ScreeningOptions
    index_ref: IndexRef
    policy_ref: PolicyRef


@dataclass(slots=True)
class ScanSummary:
    """Totals of a scan, or of a part of one.

    Parameters
    ----------
    n_files : int
        Rows written: one for each path.
    n_errors : int
        Files that could not be read or decoded, in whole or in part.
    n_with_matches : int
        Files with at least one match.
    n_matches : int
        Matches of all files together.
    actions : Counter of str
        Number of files by action.
    elapsed_s : float
        Wall time in seconds, of a finished scan.
    """

    n_files: int = 0
    n_errors: int = 0
    n_with_matches: int = 0
    n_matches: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0

    def count(self, decisions: Iterable[Decision]) -> None:
        """Add decisions to the totals."""
        for decision in decisions:
            self.n_files += 1
            self.n_errors += decision.error is not None
            self.n_with_matches += decision.n_matches > 0
            self.n_matches += decision.n_matches
            self.actions[decision.action] += 1

    def add(self, part: ScanSummary) -> None:
        """Add the totals of a part of the scan."""
        self.n_files += part.n_files
        self.n_errors += part.n_errors
        self.n_with_matches += part.n_with_matches
        self.n_matches += part.n_matches
        self.actions += part.actions

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain values, ready for JSON."""
        return {
            "n_files": self.n_files,
            "n_errors": self.n_errors,
            "n_with_matches": self.n_with_matches,
            "n_matches": self.n_matches,
            "actions": dict(sorted(self.actions.items())),
            "elapsed_s": round(self.elapsed_s, 3),
        }


class ChunkRows(NamedTuple):
    """Decision rows of a chunk as bytes of JSON lines, and their totals."""

    rows: bytes
    totals: ScanSummary


def screen_chunk(screener: Screener, chunk: Sequence[ScanInput]) -> ChunkRows:
    """Decide about the files of a chunk, in order."""
    screened = iter(screener.screen_many([file.path for file in chunk if file.problem is None]))
    decisions = [
        next(screened) if file.problem is None else screener.reject(file.path, file.problem)
        for file in chunk
    ]
    totals = ScanSummary()
    totals.count(decisions)
    return ChunkRows(b"".join(json_row(decision.to_dict()) for decision in decisions), totals)


def screen_chunk_in_worker(config: WorkerConfig, chunk: Sequence[ScanInput]) -> ChunkRows:
    """Decide about the files of a chunk in a worker process.

    Raises
    ------
    HashmatchError
        The index or the policy is not the one that the parent opened.
    """
    return screen_chunk(_open_screener(config), chunk)


@lru_cache(maxsize=1)
def _open_screener(config: WorkerConfig) -> Screener:
    """Open the screener of a worker process, once for all of its chunks."""
    screener = Screener.open(config.index_dir, config.policy_path, options=config.options)
    if (screener.index_ref, screener.policy_ref) != (config.index_ref, config.policy_ref):
        raise HashmatchError("the index or the policy changed while the scan started; run it again")
    return screener
