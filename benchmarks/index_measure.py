"""Measures one contender in a process of its own: `python -m benchmarks.index_measure FOLDER NAME`.

FOLDER is prepared by `benchmarks.compare_indexes`, which reads the result there. Nothing is timed
before its answers are those of brute force; no query is asked twice by the same measurement.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.index_contenders import CONTENDERS, Codes, Contender, Found

AT_LEAST = 200
MOST_CALLS = 5000
ORIENTATIONS = 8


class WrongAnswerError(Exception):
    """A contender does not answer as it says it does."""


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    problem = json.loads((folder / "problem.json").read_text())
    try:
        result = measure(folder, CONTENDERS[name](), problem)
    except ImportError as error:
        result = {"left_out": f"not installed: {error}"}
    except (ValueError, WrongAnswerError) as error:
        result = {"left_out": str(error)}
    (folder / f"{name}.json").write_text(json.dumps(result))


def measure(folder: Path, contender: Contender, problem: dict[str, Any]) -> dict[str, Any]:
    codes = np.load(folder / "codes.npy", mmap_mode="r")
    queries = np.load(folder / "queries.npy")
    expected = dict(np.load(folder / "expected.npz"))
    n, limit_s = len(codes), problem["limit_s"]
    contender.build(np.asarray(codes[:100]), problem["radius"])  # loads what it needs
    codes.max()  # into the page cache, for whoever is first

    before = memory_bytes()["RssAnon"]
    start = time.perf_counter()
    contender.build(np.asarray(codes), problem["radius"])
    build_s = time.perf_counter() - start
    memory = memory_bytes()
    result = {
        "name": contender.name,
        "version": version_of(contender.package),
        "exact": contender.exact,
        "build_s": build_s,
        "memory_bytes_per_code": (memory["RssAnon"] - before) / n,
        "peak_bytes": memory["VmHWM"],
    }
    result |= judge(contender, queries, expected)
    result |= time_calls(contender, queries, "single", 1, limit_s)
    result |= time_calls(contender, queries, "eight", ORIENTATIONS, limit_s)
    result |= time_bulk(contender, queries, expected, limit_s)
    if problem["on_disk"]:
        result |= time_opening(contender, folder / "saved", queries, expected, n)
    return result


def judge(contender: Contender, queries: Codes, expected: dict[str, Any]) -> dict[str, Any]:
    """Compare answers one by one; what is exact must be right, what is not must tell no lies."""
    rows = expected["rows"]
    alone = [contender.found(contender.search(contender.inputs(queries[r : r + 1]))) for r in rows]
    pairs = [set(zip(one.ids.tolist(), one.distances.tolist(), strict=True)) for one in alone]
    wanted = expected_pairs(expected)
    if any(len(one.ids) != len(got) for one, got in zip(alone, pairs, strict=True)):
        raise WrongAnswerError(f"{contender.name} tells of a match twice")
    n_wanted = sum(map(len, wanted))
    n_right = sum(len(got & true) for got, true in zip(pairs, wanted, strict=True))
    if any(got - true for got, true in zip(pairs, wanted, strict=True)):
        raise WrongAnswerError(f"{contender.name} finds what is not there")
    if contender.exact and n_right != n_wanted:
        raise WrongAnswerError(
            f"{contender.name} misses {n_wanted - n_right} of {n_wanted} matches"
        )
    return {"recall": n_right / n_wanted if n_wanted else 1.0, "checked_queries": len(rows)}


def expected_pairs(expected: dict[str, Any]) -> list[set[tuple[int, int]]]:
    pairs = list(zip(expected["ids"].tolist(), expected["distances"].tolist(), strict=True))
    return [
        set(pairs[a:b])
        for a, b in zip(expected["offsets"][:-1], expected["offsets"][1:], strict=True)
    ]


def time_calls(
    contender: Contender, queries: Codes, kind: str, size: int, limit_s: float
) -> dict[str, Any]:
    """Time calls of `size` queries each: at least 200 queries, then until the limit."""
    taken_us, deadline = [], time.perf_counter() + limit_s
    for start in range(0, len(queries) - size + 1, size):
        inputs = contender.inputs(queries[start : start + size])
        before = time.perf_counter_ns()
        contender.search(inputs)
        taken_us.append((time.perf_counter_ns() - before) / 1000)
        is_enough = len(taken_us) * size >= AT_LEAST
        if len(taken_us) >= MOST_CALLS or (is_enough and time.perf_counter() > deadline):
            break
    return {
        f"{kind}_calls": len(taken_us),
        f"{kind}_p50_us": float(np.percentile(taken_us, 50)),
        f"{kind}_p99_us": float(np.percentile(taken_us, 99)),
    }


def time_bulk(
    contender: Contender, queries: Codes, expected: dict[str, Any], limit_s: float
) -> dict[str, Any]:
    """Time the largest batch that fits the limit, and check the sample of its answers."""
    n_done, taken_s, answer = 0, 0.0, None
    for n in bulk_sizes(len(queries)):
        if n_done and taken_s * n / n_done > limit_s:
            break
        answer, inputs = None, contender.inputs(queries[:n])
        start = time.perf_counter()
        answer = contender.search(inputs)
        n_done, taken_s = n, time.perf_counter() - start
    if contender.exact:
        check_sample(contender.name, contender.found(answer), expected)
    return {"bulk_queries": n_done, "bulk_us_per_query": 1e6 * taken_s / n_done}


def bulk_sizes(n: int) -> Iterator[int]:
    size = min(AT_LEAST, n)
    while size < n:
        yield size
        size *= 10
    yield n


def check_sample(name: str, found: Found, expected: dict[str, Any]) -> None:
    for row, wanted in zip(expected["rows"], expected_pairs(expected), strict=True):
        if row + 1 < len(found.offsets):
            part = slice(found.offsets[row], found.offsets[row + 1])
            ids, distances = found.ids[part].tolist(), found.distances[part].tolist()
            if sorted(zip(ids, distances, strict=True)) != sorted(wanted):
                raise WrongAnswerError(f"{name} answers query {row} wrongly in bulk")


def time_opening(
    contender: Contender, path: Path, queries: Codes, expected: dict[str, Any], n: int
) -> dict[str, Any]:
    """Time opening and the first query after it, from the page cache: the median of three."""
    if not contender.save(path):
        return {}
    size = path.stat().st_size
    opens_ms, firsts_ms = [], []
    for _ in range(3):
        first = contender.inputs(queries[:1])
        start = time.perf_counter()
        opened = contender.open(path)
        middle = time.perf_counter()
        opened.search(first)
        end = time.perf_counter()
        opens_ms.append(1e3 * (middle - start))
        firsts_ms.append(1e3 * (end - middle))
    judge(opened, queries, expected)
    path.unlink()
    return {
        "disk_bytes_per_code": size / n,
        "open_ms": float(np.median(opens_ms)),
        "first_query_ms": float(np.median(firsts_ms)),
    }


def version_of(package: str) -> str:
    if package == "hashmatch":
        from hashmatch import __version__

        return __version__  # also where it runs from a source tree
    return metadata.version(package)


def memory_bytes() -> dict[str, int]:
    """Return what this process holds and the most it held; what is free is handed back first."""
    gc.collect()
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: 1024 * int(fields[name].split()[0]) for name in ("RssAnon", "VmHWM")}


if __name__ == "__main__":
    main()
