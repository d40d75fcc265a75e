"""HammingIndex beside its peers on the same data: `python -m benchmarks.compare_indexes`.

Writes a table (Markdown), everything (JSON) and a picture to benchmarks/results. Each contender
runs in a process of its own, on one thread. Half of the queries lie near a stored code, all are
distinct; answers are compared with brute force, those of the bulk call too.

    python -m benchmarks.compare_indexes --codes 1e6
    python -m benchmarks.compare_indexes --codes 1e7
    python -m benchmarks.compare_indexes --codes 1e8 --contenders hashmatch --work /var/tmp
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.index_contenders import CONTENDERS
from benchmarks.index_measure import save_problem
from benchmarks.index_results import write_results
from hashmatch.interop import SKEWS, Problem, describe_machine, synthetic_codes

ROOT = Path(__file__).parents[1]
MIN_QUERIES = 200


def count(text: str) -> int:
    return int(float(text))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare_indexes", description=__doc__.partition("\n\n")[0]
    )
    parser.add_argument("--codes", type=count, default=10**6)
    parser.add_argument("--queries", type=count, default=10**6, help="of the bulk call")
    parser.add_argument("--bits", type=int, default=256)
    parser.add_argument("--radius", type=int, help="inclusive; bits / 8 - 1 by default")
    parser.add_argument("--skew", choices=SKEWS, default="uniform")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument(
        "--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME"
    )
    parser.add_argument(
        "--checked", type=count, help="queries compared with brute force; fewer above 2e7 codes"
    )
    parser.add_argument(
        "--limit", type=float, default=30.0, help="seconds for each figure of a slow contender"
    )
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds for a contender")
    parser.add_argument("--no-disk", action="store_true", help="save and open nothing")
    parser.add_argument("--work", type=Path, help="folder for the data: 32 to 200 B a code")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args()
    given.radius = given.bits // 8 - 1 if given.radius is None else given.radius
    if given.checked is None:
        given.checked = MIN_QUERIES if given.codes <= 2e7 else MIN_QUERIES // 5
    return given


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        prepare(Path(folder), given)
        results = {name: run(Path(folder), name, given.timeout) for name in given.contenders}
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command(given),
        "codes": given.codes,
        "bits": given.bits,
        "radius": given.radius,
        "skew": given.skew,
        "seed": given.seed,
        "queries": given.queries,
        "machine": describe_machine(),
        "results": results,
    }
    for path in write_results(report, given.results):
        say(f"wrote {path}")
    if "left_out" in results.get("hashmatch", {}):
        raise SystemExit("hashmatch was not measured, see above")


def command(given: argparse.Namespace) -> str:
    """Return the command that reproduces these results, without the folders of this machine."""
    parts = ["python -m benchmarks.compare_indexes"]
    for name in ("codes", "queries", "bits", "radius", "skew", "seed", "checked", "limit"):
        value = getattr(given, name)
        parts.append(f"--{name} {value:g}" if isinstance(value, float) else f"--{name} {value}")
    return " ".join([*parts, "--contenders", *given.contenders])


def prepare(folder: Path, given: argparse.Namespace) -> None:
    """Put codes, queries and the right answers to some of them into files."""
    say(f"making {given.codes:,} codes, {given.queries:,} queries, and answers by brute force")
    codes = synthetic_codes(given.codes, given.bits, skew=given.skew, seed=given.seed)
    problem = Problem.draw(
        codes,
        given.radius,
        n_queries=given.queries,
        n_checked=given.checked,
        seed=given.seed,
        limit_s=given.limit,
        min_queries=MIN_QUERIES,
    )
    save_problem(folder, problem, on_disk=not given.no_disk)


def run(folder: Path, name: str, timeout_s: float) -> dict[str, Any]:
    """Measure one contender in a process of its own."""
    say(f"measuring {name}")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.index_measure", folder, name],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"left_out": f"not done within {timeout_s:g} s"}
    if done.returncode:
        return {"left_out": f"its process ended with {done.returncode}"}
    result: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    if "left_out" in result:
        say(f"{name} left out: {result['left_out']}")
    return result


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
