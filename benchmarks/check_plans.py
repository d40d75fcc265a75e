"""Whether the cost model ever chooses what a scan would beat: `python -m benchmarks.check_plans`.

Searches indexes of many sizes and widths at many radii with few and many queries, half of them near
a stored code, once as the model chooses and once by scan, turn by turn, in processor time, the best
of several rounds.  Results must be the same.  Cases in which the model chose the scan are not
timed.  Exits 1 where a choice takes over 10% longer than the scan.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashmatch import HammingIndex, _core

WIDTHS_BITS = (64, 128, 256, 512)
N_QUERIES = (1, 8, 100, 1000, 10_000)
MOST_SLOWER = 1.1
MOST_PAIRS = 2e9
ROUND_S = 2e-3
CASE_S = 0.15
LEAST_ROUNDS = 7


class Case(NamedTuple):
    """Times of one query in microseconds."""

    bits: int
    n: int
    radius: int
    n_queries: int
    way: str
    chosen_us: float
    scan_us: float

    @property
    def ratio(self) -> float:
        return self.chosen_us / self.scan_us

    def __str__(self) -> str:
        return (
            f"{self.bits} bits, {self.n:,} codes, radius {self.radius}, {self.n_queries:,} queries:"
            f" {self.way} {self.chosen_us:.2f} us, scan {self.scan_us:.2f} us, {self.ratio:.2f}"
        )


def radii_of(bits: int) -> list[int]:
    """Return radii around the customary one, and far beyond."""
    usual = bits // 8 - 1
    shares = (0, 1 / 4, 1 / 2, 3 / 4, 1, 9 / 8, 5 / 4, 3 / 2, 7 / 4, 2)
    return sorted({*(round(share * usual) for share in shares), bits // 3})


def cases(sizes: list[int], rng: np.random.Generator) -> Iterator[Case]:
    for bits in WIDTHS_BITS:
        for n in sizes:
            codes = rng.integers(0, 256, (n, bits // 8), dtype=np.uint8)
            index = HammingIndex.build(codes)
            for radius in radii_of(bits):
                for n_queries in N_QUERIES:
                    way = index.plan(radius, queries=n_queries).strategy
                    if way != "scan" and n * n_queries <= MOST_PAIRS:
                        yield measured(index, draw(codes, n_queries, rng), radius, way)


def draw(codes: NDArray[np.uint8], n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    queries = codes[rng.integers(0, len(codes), n)]
    queries[:, 0] ^= 1
    queries[n // 2 :] = rng.integers(0, 256, queries[n // 2 :].shape, dtype=np.uint8)
    return queries


def measured(index: HammingIndex, queries: NDArray[np.uint8], radius: int, way: str) -> Case:
    core, scan = index._core, _core.Strategy.scan
    assert core is not None
    chosen, scanned = core.search(queries, radius, 1), core.search(queries, radius, 1, scan)
    assert all(np.array_equal(a, b) for a, b in zip(chosen, scanned, strict=True))
    best_s = turn_by_turn(
        lambda: core.search(queries, radius, 1), lambda: core.search(queries, radius, 1, scan)
    )
    chosen_us, scan_us = (1e6 * value / len(queries) for value in best_s)
    return Case(index.bits, len(index), radius, len(queries), way, chosen_us, scan_us)


def turn_by_turn(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    n = max(1, int(ROUND_S / max(timed(one, 1), timed(other, 1), 1e-7)))
    times: list[tuple[float, float]] = []
    end_s = time.perf_counter() + CASE_S
    while len(times) < LEAST_ROUNDS or time.perf_counter() < end_s:
        times.append((timed(one, n), timed(other, n)))
    return min(a for a, _ in times), min(b for _, b in times)


def timed(job: Callable[[], object], n: int) -> float:
    start_s = time.process_time()
    for _ in range(n):
        job()
    return (time.process_time() - start_s) / n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--codes", nargs="+", type=float, default=[1e3, 4e3, 1e4, 4e4, 1e5, 3e5], metavar="N"
    )
    parser.add_argument("--seed", type=int, default=20261122)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    found = list(cases([int(n) for n in given.codes], rng))
    slower = [case for case in found if case.ratio > MOST_SLOWER]
    for case in slower:
        print(case)
    worst = max(found, key=lambda case: case.ratio, default=None)
    print(
        f"{len(found)} choices of tables, {len(slower)} over 10% slower than a scan; worst: {worst}"
    )
    sys.exit(bool(slower))


if __name__ == "__main__":
    main()
