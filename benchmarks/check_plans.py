"""Check that no choice of the cost model is slower than a scan: `python -m benchmarks.check_plans`.

Searches indexes of many sizes and widths at many radii with few and many queries, half of them near
a stored code, as the model chooses and by scan, alternately, in processor time, the best of several
rounds. Results must be the same. Cases in which the model chose the scan are not timed. Exits 1 if
a choice takes over 10% longer than the scan.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

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
    strategy: str
    chosen_us: float
    scan_us: float

    @property
    def ratio(self) -> float:
        return self.chosen_us / self.scan_us

    def __str__(self) -> str:
        return (
            f"{self.bits} bits, {self.n:,} codes, radius {self.radius}, "
            f"{self.n_queries:,} queries: {self.strategy} {self.chosen_us:.2f} us, "
            f"scan {self.scan_us:.2f} us, {self.ratio:.2f}"
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
                    strategy = index.plan(radius, queries=n_queries).strategy
                    if strategy != "scan" and n * n_queries <= MOST_PAIRS:
                        queries = draw(codes, n_queries, rng)
                        yield measure(index, queries, radius, strategy)


def draw(codes: NDArray[np.uint8], n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    queries = codes[rng.integers(0, len(codes), n)]
    queries[:, 0] ^= 1
    queries[n // 2 :] = rng.integers(0, 256, queries[n // 2 :].shape, dtype=np.uint8)
    return queries


def measure(index: HammingIndex, queries: NDArray[np.uint8], radius: int, strategy: str) -> Case:
    native, scan = index._native, _core.Strategy.scan

    def as_chosen() -> Any:
        return native.search(queries, radius, 1)

    def by_scan() -> Any:
        return native.search(queries, radius, 1, scan)

    assert all(np.array_equal(a, b) for a, b in zip(as_chosen(), by_scan(), strict=True))
    best_s = alternate(as_chosen, by_scan)
    chosen_us, scan_us = (1e6 * value / len(queries) for value in best_s)
    return Case(index.bits, len(index), radius, len(queries), strategy, chosen_us, scan_us)


def alternate(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    n = max(1, int(ROUND_S / max(time_s(first, 1), time_s(second, 1), 1e-7)))
    times: list[tuple[float, float]] = []
    end_s = time.perf_counter() + CASE_S
    while len(times) < LEAST_ROUNDS or time.perf_counter() < end_s:
        times.append((time_s(first, n), time_s(second, n)))
    return min(a for a, _ in times), min(b for _, b in times)


def time_s(job: Callable[[], object], n: int) -> float:
    """Return the processor time of a call, on average over n."""
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
