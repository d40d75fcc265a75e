"""Check that time does not reveal what was searched: `python -m benchmarks.check_constant_time`.

The test of Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (DATE 2017): two
kinds of input that differ only in content are timed in random order, at the same addresses, and
Welch's t tells whether both take the same time on average, over all times and over those below
some percentiles, which excludes interruptions by the machine. |t| above 10 is a certain difference;
below 4.5 none was found.

`HammingIndex.scan_constant_time` must take the same time whether everything in an index matches or
nothing does, with each kernel. `HammingIndex.search` is measured in the same way and must differ,
or else the check is too blunt to prove anything. Writes benchmarks/results/constant-time.md and
.json; exits 1 if either fails.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch import _core
from hashmatch.interop import describe_machine

RESULTS = Path(__file__).parent / "results"
RADIUS = 31
N_BYTES = 32
SEARCHES = ("scan_constant_time", "search")
LEAK = 10.0
SUSPECT = 4.5
LEAST_TIMES = 30
PERCENTILES = (100.0, 99.0, 90.0, 75.0, 50.0)

Codes = NDArray[np.uint8]
Times = NDArray[np.float64]


class Bench:
    """An index whose codes are exchanged in place, so that only their content can differ."""

    def __init__(self, n_codes: int) -> None:
        self.codes = np.zeros((n_codes, N_BYTES), np.uint8)
        self.planes = _core.pack_planes(self.codes)
        self.index = _core.Index(self.codes, self.planes, None, None)
        self.query = np.zeros((1, N_BYTES), np.uint8)

    def timed(self, search: str, pair: tuple[Codes, Codes], n: int, seed: int) -> list[Times]:
        """Time n searches of each of two contents in random order, in nanoseconds."""
        ask = self.index.constant_time if search == "scan_constant_time" else self.index.search
        first, planes = pair[0], _core.pack_planes(pair[0])
        other, other_planes = first ^ pair[1], planes ^ _core.pack_planes(pair[1])
        kinds = np.random.default_rng(seed).permutation(np.repeat([0, 1], n))
        taken_ns = np.empty(2 * n)
        for turn, kind in enumerate(kinds.tolist()):
            # Both contents are read whichever is put in, so that they leave the same caches behind.
            mask = np.uint8(255 * kind)
            np.bitwise_xor(first, other & mask, out=self.codes)
            np.bitwise_xor(planes, other_planes & mask, out=self.planes)
            ask(self.query, RADIUS, 1)
            start = time.perf_counter_ns()
            ask(self.query, RADIUS, 1)
            taken_ns[turn] = time.perf_counter_ns() - start
        return [taken_ns[kinds == kind] for kind in (0, 1)]


def contents(n_codes: int, seed: int) -> dict[str, tuple[Codes, Codes]]:
    """Return, by name, pairs of codes to search for zeros."""
    zeros = np.zeros((n_codes, N_BYTES), np.uint8)
    noise = np.random.default_rng(seed).integers(0, 256, zeros.shape, dtype=np.uint8)
    some = np.where(noise[:, :1] % 2, zeros, noise)
    return {
        "all match / none does": (zeros, noise),
        "all match / some do, by chance": (zeros, some),
        "none matches, all alike / none does": (~zeros, noise),
    }


def welch_t(a: Times, b: Times) -> float:
    """Return Welch's t of two samples; 0 if neither varies and both agree."""
    error = math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    difference = float(a.mean() - b.mean())
    return difference / error if error else math.copysign(math.inf, difference) * (difference != 0)


def largest_t(a: Times, b: Times) -> float:
    """Return the t of largest magnitude over all times and over those below each percentile."""
    both = np.concatenate([a, b])
    found = []
    for limit in np.percentile(both, PERCENTILES):
        below_a, below_b = a[a <= limit], b[b <= limit]
        if min(len(below_a), len(below_b)) < LEAST_TIMES:  # one kind is always the slower
            return math.copysign(math.inf, len(below_b) - len(below_a))
        found.append(welch_t(below_a, below_b))
    return max(found, key=abs)


def measure(n_codes: int, n_times: int, seed: int) -> list[dict[str, Any]]:
    """Return one row for each kernel, search and pair of contents."""
    bench, cases = Bench(n_codes), contents(n_codes, seed)
    rows, before = [], _core.active_kernel()
    for kernel, (case, pair), search in itertools.product(
        _core.runnable_kernels(), cases.items(), SEARCHES
    ):
        _core.select_kernel(kernel)
        a, b = bench.timed(search, pair, n_times, seed)
        t = largest_t(a, b)
        medians_us = [float(np.median(times)) / 1000 for times in (a, b)]
        rows.append(
            {"kernel": kernel, "search": search, "contents": case, "t": t}
            | {"median_us": medians_us, "verdict": verdict(t)}
        )
        print(f"{kernel}: {search}, {case}: t = {t:.1f}, {verdict(t)}", file=sys.stderr)
    _core.select_kernel(before)
    return rows


def verdict(t: float) -> str:
    if abs(t) > LEAK:
        return "depends on the contents"
    return "no difference found" if abs(t) < SUSPECT else "uncertain, measure more"


def faults(rows: list[dict[str, Any]]) -> list[str]:
    """Return the findings against the constant time, or against the check."""
    found = [
        f"{row['kernel']}: scan_constant_time took other times ({row['contents']})"
        for row in rows
        if row["search"] == "scan_constant_time" and abs(row["t"]) > LEAK
    ]
    for kernel in dict.fromkeys(row["kernel"] for row in rows):
        controls = [r for r in rows if r["search"] == "search" and r["kernel"] == kernel]
        if not any(abs(row["t"]) > LEAK for row in controls):
            found.append(f"{kernel}: search did not differ either, so the check proves nothing")
    return found


def as_markdown(report: dict[str, Any]) -> str:
    machine = report["machine"]
    lines = [
        "# Constant time of a scan",
        "",
        f"Made by `{report['command']}` on {report['date']}; {report['codes']:,} codes of "
        f"{8 * N_BYTES} bits, one query at radius {RADIUS}, {report['times']:,} searches of "
        f"each kind in random order, one thread. {machine['cpu']}, {machine['system']}, Python "
        f"{machine['python']}.",
        "",
        "| kernel | search | contents | medians, us | t | |",
        "|---|---|---|---:|---:|---|",
    ]
    for row in report["rows"]:
        medians = " / ".join(f"{median:,.1f}" for median in row["median_us"])
        cells = [
            row["kernel"],
            row["search"],
            row["contents"],
            medians,
            "beyond" if math.isinf(row["t"]) else f"{row['t']:,.1f}",
        ]
        lines.append("| " + " | ".join([*cells, row["verdict"]]) + " |")
    lines += [
        "",
        f"t is Welch's, the largest over all times and over those below the percentiles "
        f"{', '.join(f'{p:g}' for p in PERCENTILES[1:])}; 'beyond' "
        f"means that the times hardly overlap. Above {LEAK:g} the times differ for "
        f"certain; below {SUSPECT:g} no difference was found. `search` stands beside to show "
        "that the check detects a difference.",
        "",
        "Verdict: " + ("; ".join(report["faults"]) or "no kernel differs") + ".",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.check_constant_time",
        description=__doc__.partition("\n\n")[0],
    )
    parser.add_argument("--codes", type=int, default=2000)
    parser.add_argument("--times", type=int, default=20_000, help="searches of each kind")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows = measure(given.codes, given.times, given.seed)
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": "python -m benchmarks.check_constant_time "
        f"--codes {given.codes} --times {given.times} --seed {given.seed}",
        "codes": given.codes,
        "times": given.times,
        "machine": describe_machine(),
        "rows": rows,
        "faults": faults(rows),
    }
    given.results.mkdir(parents=True, exist_ok=True)
    written = [row | {"t": row["t"] if math.isfinite(row["t"]) else None} for row in rows]
    text = json.dumps(report | {"rows": written}, indent=1)
    (given.results / "constant-time.json").write_text(text + "\n")
    (given.results / "constant-time.md").write_text(as_markdown(report))
    if report["faults"]:
        raise SystemExit("; ".join(report["faults"]))
    print("scan_constant_time: no kernel differs in time", file=sys.stderr)


if __name__ == "__main__":
    main()
