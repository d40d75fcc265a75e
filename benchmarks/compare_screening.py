"""Throughput of screening, two versions in turn: `python benchmarks/compare_screening.py`.

    python benchmarks/compare_screening.py BEFORE AFTER --index DIR [--rounds 7]

BEFORE and AFTER are Python programs, each of an environment with its version of hashmatch; DIR is
an index folder with recipe and policy, which both build for themselves. Ordinary photos and videos
come from the corpus that HASHMATCH_TEST_CORPUS names. Every round screens them with both versions,
in alternating order, each with its defaults; times are CPU time of one thread, ratios medians of
the rounds' ratios. Writes benchmarks/results/screening.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

_SCREEN = """
import json, os, sys, time
from pathlib import Path
from hashmatch.index import build_index
from hashmatch.screener import Screener
folder, corpus = Path(sys.argv[1]), Path(os.environ["HASHMATCH_TEST_CORPUS"])
build_index(folder)
screener = Screener.open(folder, policy=folder / "policy.toml")
found = {}
for name, paths in (
    ("photos", sorted((corpus / "photos").iterdir())[::3]),
    ("videos", sorted((corpus / "video").glob("*.mp4"))),
):
    list(screener.screen_many([str(path) for path in paths[:2]]))
    start = time.process_time()
    decisions = list(screener.screen_many([str(path) for path in paths]))
    found[name] = (time.process_time() - start, len(decisions))
print(json.dumps(found))
"""


def main() -> int:
    """Screen with both versions in turn; print and write a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    times: dict[str, dict[str, list[float]]] = {"before": {}, "after": {}}
    numbers: dict[str, int] = {}
    for number in range(arguments.rounds):
        order = ("before", "after") if number % 2 == 0 else ("after", "before")
        for version in order:
            found = _run(getattr(arguments, version), arguments.index)
            for job, (seconds, n_files) in found.items():
                times[version].setdefault(job, []).append(seconds)
                numbers[job] = n_files
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    lines = [
        "# Throughput of screening, two versions in turn",
        "",
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()},"
        f" {arguments.rounds} rounds, one thread, defaults of each version.",
        "`python benchmarks/compare_screening.py BEFORE AFTER --index indexes/demo`. Medians of CPU"
        " time for each file.",
        "",
        "| files | before, ms | after, ms | ratio |",
        "|---|---|---|---|",
    ]
    for job, n_files in numbers.items():
        before, after = times["before"][job], times["after"][job]
        ratio = statistics.median(b / a for a, b in zip(before, after, strict=True))
        medians = (1000 * statistics.median(each) / n_files for each in (before, after))
        cells = " | ".join(f"{median:.2f}" for median in medians)
        lines.append(f"| {n_files} {job} | {cells} | {ratio:.2f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    (RESULTS / "screening.md").write_text(text)
    return 0


def _run(python: str, index: Path) -> dict[str, tuple[float, int]]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index"
        shutil.copytree(index, copy, ignore=shutil.ignore_patterns("built"))
        done = subprocess.run(
            [python, "-c", _SCREEN, str(copy)], capture_output=True, text=True, check=True
        )
    found: dict[str, tuple[float, int]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
