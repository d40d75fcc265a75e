"""Speed of two versions of hashmatch on the same work, in turn: `benchmarks/compare_versions.py`.

    python benchmarks/compare_versions.py BEFORE AFTER --work DIR [--rounds 7]

BEFORE and AFTER are Python programs, each of an environment with its version of hashmatch. DIR is
one that `compare_decisions.py` has filled with files, an index and a policy. Every round runs each
job with both versions, in alternating order; the ratio of a job is the median of its ratios, so
other load on the machine affects both. Answers of searches and hashes must agree. Writes
benchmarks/results/versions.json and .md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

_TIMED = """
import hashlib, json, os, sys, time
from pathlib import Path
def timed(job):
    start = time.process_time()
    answer = job()
    return time.process_time() - start, hashlib.sha256(repr(answer).encode()).hexdigest()
"""

_SEARCH = (
    _TIMED
    + """
import numpy as np
import hashmatch as hm
rng = np.random.default_rng(1)
codes = rng.integers(0, 256, (1_000_000, 32), dtype=np.uint8)
queries = rng.integers(0, 256, (1_000, 32), dtype=np.uint8)
queries[::2] = codes[:500]
index = hm.HammingIndex.build(codes)
path = Path(sys.argv[1]) / f"bench-{os.getpid()}.hmi"
index.save(path)
one = [queries[n : n + 1] for n in range(1_000)]
index.search(queries, radius=31)
jobs = {
    "search, one query at a time": lambda: [index.search(q, radius=31).ids.tolist() for q in one],
    "search, 1,000 queries": lambda: [index.search(queries).ids.tolist() for _ in "abcde"],
    "nearest, 100 queries": lambda: index.nearest(queries[:100], k=5)[0].tolist(),
    "open an index file": lambda: [len(hm.HammingIndex.open(path)) for _ in range(200)],
}
results = {name: timed(job) for name, job in jobs.items()}
path.unlink()
print(json.dumps(results))
"""
)

_HASH = (
    _TIMED
    + """
import hashmatch as hm
photos = sorted((Path(os.environ["HASHMATCH_TEST_CORPUS"]) / "photos").iterdir())[:200]
photos = [path.read_bytes() for path in photos]
hm.hash_image(photos[0])
jobs = {
    f"{name} of photos, decode={decode}": (
        lambda name=name, decode=decode: [
            hm.hash_image(photo, algorithm=name, decode=decode).hex for photo in photos
        ]
    )
    for name, decode in (("pdq", "exact"), ("pdq", "luma"), ("phash", "exact"))
}
print(json.dumps({name: timed(job) for name, job in jobs.items()}))
"""
)

_SCAN = (
    _TIMED
    + """
import resource
from hashmatch.cli import main
if __name__ == "__main__":
    work = Path(sys.argv[1])
    os.chdir(work / "files")
    results = {}
    for workers in (1, 2):
        def used():
            own, children = (
                resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            )
            return sum(one.ru_utime + one.ru_stime for one in (own, children))
        output = work / f"rows-{os.getpid()}.jsonl"
        before, start = used(), time.perf_counter()
        arguments = ["scan", ".", "--index", sys.argv[2], "--policy", f"{sys.argv[2]}/policy.toml"]
        assert main([*arguments, "-o", str(output), "--workers", str(workers)]) == 0
        wall = time.perf_counter() - start
        n_rows = output.read_bytes().count(b"\\n")
        results[f"scan of 2,000 files, {workers} worker(s), CPU"] = used() - before, n_rows
        results[f"scan of 2,000 files, {workers} worker(s), wall"] = wall, n_rows
        output.unlink()
    print(json.dumps(results))
"""
)


def _run(
    python: str, folder: Path, name: str, program: str, arguments: list[str]
) -> dict[str, list[object]]:
    path = folder / f"{name}.py"
    path.write_text(program)
    done = subprocess.run(
        [python, str(path), *arguments], check=True, capture_output=True, text=True
    )
    found: dict[str, list[object]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _index_of(python: str, work: Path, side: str) -> str:
    """Build the index of the work folder once more, for one version."""
    folder = work / f"index-{side}"
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    subprocess.run(["cp", "-r", str(work / "index"), str(folder)], check=True)
    subprocess.run(["rm", "-rf", str(folder / "built")], check=True)
    build = f"from hashmatch.cli import main; main(['index', 'build', {str(folder)!r}])"
    subprocess.run([python, "-c", build], check=True, capture_output=True)
    return str(folder)


def main() -> int:
    """Measure and write the results; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jobs", nargs="+", default=["search", "hash", "scan"])
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    pythons = {"before": arguments.before, "after": arguments.after}
    indexes = {side: _index_of(python, work, side) for side, python in pythons.items()}
    programs = {"search": _SEARCH, "hash": _HASH, "scan": _SCAN}
    times: dict[str, dict[str, list[float]]] = {}
    for number in range(arguments.rounds):
        sides = list(pythons) if number % 2 == 0 else list(pythons)[::-1]
        for name in arguments.jobs:
            answers: dict[str, set[object]] = {}
            for side in sides:
                given = [str(work), indexes[side]]
                for job, (time_s, answer) in _run(
                    pythons[side], work, name, programs[name], given
                ).items():
                    times.setdefault(job, {}).setdefault(side, []).append(float(str(time_s)))
                    answers.setdefault(job, set()).add(answer)
            different = [job for job, found in answers.items() if len(found) > 1]
            if different:
                print(f"answers differ: {', '.join(different)}", file=sys.stderr)
                return 1
    rows = []
    for job, found in times.items():
        pairs = zip(found["before"], found["after"], strict=True)
        ratio = statistics.median(after / before for before, after in pairs)
        medians = [statistics.median(found[side]) for side in ("before", "after")]
        rows.append((job, *medians, ratio))
    _write(rows, arguments.rounds)
    return 0


def _write(rows: list[tuple[str, float, float, float]], rounds: int) -> None:
    facts = {
        "command": "python benchmarks/compare_versions.py BEFORE AFTER --work DIR",
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs",
        "python": platform.python_version(),
        "rounds": rounds,
        "script": hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12],
    }
    body = [dict(zip(("job", "before_s", "after_s", "ratio"), row, strict=True)) for row in rows]
    (RESULTS / "versions.json").write_text(json.dumps({**facts, "rows": body}, indent=1) + "\n")
    lines = [
        "# Two versions in turn",
        "",
        f"{facts['machine']}, Python {facts['python']}, {rounds} rounds, `{facts['command']}`.",
        "Medians in seconds, CPU unless wall is said; a ratio is the median of the rounds' ratios,",
        "after over before. Before: commit 52624e7, the last one ahead of the redraw.",
        "",
        "| job | before, s | after, s | ratio |",
        "|---|---|---|---|",
        *(f"| {job} | {a:.3f} | {b:.3f} | {ratio:.2f} |" for job, a, b, ratio in rows),
    ]
    (RESULTS / "versions.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
