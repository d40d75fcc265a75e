"""Measures one contender in a process of its own: `python -m benchmarks.index_measure FOLDER NAME`.

FOLDER is prepared by `benchmarks.compare_indexes`, which reads the result there. The measuring is
that of `hashmatch.interop.bench`, to which this adds memory of the process and files.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.index_contenders import CONTENDERS, FileContender
from hashmatch.hamming import SearchResult
from hashmatch.interop import Problem, WrongAnswerError, measure_recall, time_bulk, time_calls

MAX_CALLS = 5000
ORIENTATIONS = 8


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    given = json.loads((folder / "problem.json").read_text())
    problem = load_problem(folder, given)
    try:
        result = measure(folder, CONTENDERS[name](problem.radius), problem, given["on_disk"])
    except ImportError as error:
        result = {"left_out": f"not installed: {error}"}
    except (ValueError, WrongAnswerError) as error:
        result = {"left_out": str(error)}
    (folder / f"{name}.json").write_text(json.dumps(result))


def save_problem(folder: Path, problem: Problem, *, on_disk: bool) -> None:
    """Put a problem into files, for processes to come."""
    np.save(folder / "codes.npy", problem.codes)
    np.save(folder / "queries.npy", problem.queries)
    np.savez(folder / "expected.npz", rows=problem.rows, **problem.expected._asdict())
    given = {"radius": problem.radius, "limit_s": problem.limit_s, "on_disk": on_disk}
    (folder / "problem.json").write_text(json.dumps(given | {"min": problem.min_queries}))


def load_problem(folder: Path, given: dict[str, Any]) -> Problem:
    codes = np.asarray(np.load(folder / "codes.npy", mmap_mode="r"))
    expected = dict(np.load(folder / "expected.npz"))
    rows = expected.pop("rows")
    return Problem(
        codes=codes,
        queries=np.load(folder / "queries.npy"),
        radius=given["radius"],
        rows=rows,
        expected=SearchResult(**expected),
        limit_s=given["limit_s"],
        min_queries=given["min"],
    )


def measure(
    folder: Path, contender: FileContender, problem: Problem, on_disk: bool
) -> dict[str, Any]:
    contender.build(problem.codes[:100], 1)  # loads what it needs
    problem.codes.max()  # into the page cache, for the first contender
    before = memory_bytes()["RssAnon"]
    start = time.perf_counter()
    contender.build(problem.codes, 1)
    build_s = time.perf_counter() - start
    memory = memory_bytes()
    result: dict[str, Any] = {
        "name": contender.name,
        "version": version_of(contender.package),
        "exact": contender.exact,
        "build_s": build_s,
        "memory_bytes_per_code": (memory["RssAnon"] - before) / len(problem.codes),
        "peak_bytes": memory["VmHWM"],
        "recall": measure_recall(contender, problem),
        "checked_queries": len(problem.rows),
    }
    for kind, size in (("single", 1), ("eight", ORIENTATIONS)):
        times_us = time_calls(contender, problem, queries_per_call=size, max_calls=MAX_CALLS)
        result[f"{kind}_calls"] = len(times_us)
        result[f"{kind}_p50_us"] = float(np.percentile(times_us, 50))
        result[f"{kind}_p99_us"] = float(np.percentile(times_us, 99))
    n_bulk, bulk_s = time_bulk(contender, problem, n_queries=len(problem.queries))
    result |= {"bulk_queries": n_bulk, "bulk_us_per_query": 1e6 * bulk_s / n_bulk}
    return result | (time_opening(contender, folder / "saved", problem) if on_disk else {})


def time_opening(contender: FileContender, path: Path, problem: Problem) -> dict[str, Any]:
    """Time opening and the first query after it, from the page cache: the median of three."""
    if not contender.save(path):
        return {}
    size = path.stat().st_size
    opens_ms, firsts_ms = [], []
    for _ in range(3):
        first = contender.prepare(problem.queries[:1])
        start = time.perf_counter()
        opened = contender.open(path)
        middle = time.perf_counter()
        opened.search(first, 1)
        end = time.perf_counter()
        opens_ms.append(1e3 * (middle - start))
        firsts_ms.append(1e3 * (end - middle))
    measure_recall(opened, problem)
    path.unlink()
    return {
        "disk_bytes_per_code": size / len(problem.codes),
        "open_ms": float(np.median(opens_ms)),
        "first_query_ms": float(np.median(firsts_ms)),
    }


def version_of(package: str) -> str:
    if package == "hashmatch":
        from hashmatch import __version__

        return __version__  # also when it runs from a source tree
    return metadata.version(package)


def memory_bytes() -> dict[str, int]:
    """Return what this process holds and the most it held; frees unused memory first."""
    gc.collect()
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: 1024 * int(fields[name].split()[0]) for name in ("RssAnon", "VmHWM")}


if __name__ == "__main__":
    main()
