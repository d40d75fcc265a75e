"""How a search will be carried out, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """The way the cost model chose for a batch of queries; every way is exact.

    Attributes
    ----------
    way : str
        "scan": every code is compared; "probe": each query looks up the keys near its own parts;
        "grouped": queries are sorted by key and meet each bucket together.
    radius, n_queries, n_codes : int
    n_parts, part_bits : int
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

    way: str
    radius: int
    n_queries: int
    n_codes: int
    n_parts: int
    part_bits: int
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
        numbers = told | {"way": told["way"].name, "thresholds": tuple(told["thresholds"])}
        return cls(radius=radius, n_queries=n_queries, n_codes=n_codes, **numbers)

    def __str__(self) -> str:
        """Explain the plan in one sentence or two."""
        whole = f"{self.n_codes:,} codes at radius {self.radius}"
        if self.way == "scan":
            how = f"by their first {self.filter_bits} bits" if self.filter_bits else "whole"
            why = "there are no tables" if not self.n_parts else "tables would cost more"
            return f"scan: {whole} compared {how}, {self.cost_us:,.1f} us a query; {why}"
        together = f", {self.n_queries:,} queries grouped by key" if self.way == "grouped" else ""
        return (
            f"{self.way}: {whole} through {self.n_parts} tables of {self.part_bits}-bit parts"
            f"{together}; {self.probes:,.0f} keys, {self.candidates:,.0f} sketches and "
            f"{self.verified:,.1f} codes compared a query, {self.cost_us:,.1f} us against "
            f"{self.scan_cost_us:,.1f} us by scan"
        )
