"""How a search will be carried out, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """The strategy that the cost model chose for a batch of queries; every strategy is exact.

    Attributes
    ----------
    strategy : str
        "scan": every code is compared; "probe": each query looks up the keys near its own parts;
        "batch_probe": queries are sorted by key and meet each bucket together.
    radius, n_queries, n_codes : int
    n_substrings, substring_bits : int
        How codes are cut into keys; 0 where the index has no tables.
    thresholds : tuple of int
        Bits by which each part's key may differ; -1 where a part is not asked. Empty for a scan.
    filter_bits : int
        Leading bits that a scan compares before it compares whole codes; 0: whole codes at once.
    probes, candidates, verified : float
        Keys looked up, sketches compared and whole codes compared, expected of one query over
        uniformly spread codes.
    cost_us, scan_cost_us : float
        Expected time of one query, and of the same by scan, in microseconds on the machine the cost
        model was measured on; ratios carry over to others, absolute times do not.
    """

    strategy: str
    radius: int
    n_queries: int
    n_codes: int
    n_substrings: int
    substring_bits: int
    thresholds: tuple[int, ...]
    filter_bits: int
    probes: float
    candidates: float
    verified: float
    cost_us: float
    scan_cost_us: float

    @classmethod
    def of(cls, told: dict[str, Any], radius: int, n_queries: int, n_codes: int) -> SearchPlan:
        """Make a plan of what the native planner tells."""
        strategy, thresholds = told["strategy"].name, tuple(told["thresholds"])
        numbers = told | {"strategy": strategy, "thresholds": thresholds}
        return cls(radius=radius, n_queries=n_queries, n_codes=n_codes, **numbers)

    def __str__(self) -> str:
        """Explain the plan in one sentence or two."""
        whole = f"{self.n_codes:,} codes at radius {self.radius}"
        if self.strategy == "scan":
            how = f"by their first {self.filter_bits} bits" if self.filter_bits else "whole"
            why = "there are no tables" if not self.n_substrings else "tables would cost more"
            return f"scan: {whole} compared {how}, {self.cost_us:,.1f} us a query; {why}"
        is_batch = self.strategy == "batch_probe"
        together = f", {self.n_queries:,} queries grouped by key" if is_batch else ""
        return (
            f"{self.strategy}: {whole} through {self.n_substrings} tables of "
            f"{self.substring_bits}-bit substrings{together}; {self.probes:,.0f} keys, "
            f"{self.candidates:,.0f} sketches and "
            f"{self.verified:,.1f} codes compared a query, {self.cost_us:,.1f} us against "
            f"{self.scan_cost_us:,.1f} us by scan"
        )
