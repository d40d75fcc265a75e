"""Results of searches, and plans that describe a search in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class SearchResult(NamedTuple):
    """Matches of a batch of queries.

    The matches of query ``i`` are ``ids[offsets[i]:offsets[i + 1]]``, ordered by (distance, id);
    the same slice of ``distances`` holds their distances.
    """

    offsets: NDArray[np.int64]  # (n_queries + 1,)
    ids: NDArray[np.int64]  # (n_matches,)
    distances: NDArray[np.int32]  # (n_matches,), in bits


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """The strategy that the cost model chose for a batch of queries; every strategy is exact.

    "scan" compares every code; "probe" looks up the keys near each query's substrings;
    "batch_probe" does so for many queries, sorted by key so that each bucket is read once. Counts
    and times are expected values for one query over uniformly distributed codes, on the machine
    where the cost model was measured: ratios carry over to other machines, absolute times do not.
    """

    strategy: str
    radius: int
    n_queries: int
    n_codes: int
    n_substrings: int  # tables, 0 if there are none
    substring_bits: int
    thresholds: tuple[int, ...]  # bits by which each key may differ; -1: not looked up
    filter_bits: int  # leading bits that a scan compares first; 0: whole codes at once
    probes: float  # keys looked up
    candidates: float  # sketches compared
    verified: float  # whole codes compared
    cost_us: float
    scan_cost_us: float

    def __str__(self) -> str:
        """Explain the plan in one or two sentences."""
        whole = f"{self.n_codes:,} codes at radius {self.radius}"
        if self.strategy == "scan":
            how = f"by their first {self.filter_bits} bits" if self.filter_bits else "whole"
            why = "tables would cost more" if self.n_substrings else "there are no tables"
            return f"scan: {whole} compared {how}, {self.cost_us:,.1f} us a query; {why}"
        is_batch = self.strategy == "batch_probe"
        together = f", {self.n_queries:,} queries grouped by key" if is_batch else ""
        return (
            f"{self.strategy}: {whole} through {self.n_substrings} tables of "
            f"{self.substring_bits}-bit substrings{together}; {self.probes:,.0f} keys, "
            f"{self.candidates:,.0f} sketches and {self.verified:,.1f} codes compared a query, "
            f"{self.cost_us:,.1f} us against {self.scan_cost_us:,.1f} us by scan"
        )


def order_pairs(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    distances: NDArray[np.int32],
    ids: NDArray[np.int64] | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """Turn distinct pairs of rows ``a < b`` into pairs of ids ``a < b``, ordered by (a, b)."""
    if ids is not None:
        a, b = np.minimum(ids[a], ids[b]), np.maximum(ids[a], ids[b])
    order = np.lexsort((b, a))
    return a[order], b[order], distances[order]
