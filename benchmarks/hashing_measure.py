"""Measurements of `benchmarks.compare_hashing`: paired times, and memory in a fresh process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hashing_data import photo_paths

Job = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """`ratio` is the time of `what` over that of `beside`, or the inverse where `is_speedup`."""

    what: str
    beside: str
    what_s: float
    beside_s: float
    ratio: float
    wanted: str
    note: str = ""


def compare(
    what: tuple[str, Job], beside: tuple[str, Job], wanted: str, *, rounds: int, note: str = ""
) -> Row:
    """Time both in turn; a `wanted` that begins with >= asks for a speed-up."""
    times = []
    for _ in range(rounds):
        one = timed(what[1])
        other = timed(beside[1])
        times.append((one, other))
    is_speedup = wanted.startswith(">=")
    ratios = [b / a if is_speedup else a / b for a, b in times]
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    return Row(what[0], beside[0], medians[0], medians[1], statistics.median(ratios), wanted, note)


def timed(job: Job) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def repeated(n: int, job: Job) -> Job:
    return lambda: [job() for _ in range(n)]


PEAK = """
import sys
from pathlib import Path
from hashmatch import hash_image

def held_bytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

hash_image(sys.argv[1], decode=sys.argv[3])
idle = held_bytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
hash_image(sys.argv[2], decode=sys.argv[3])
print(held_bytes("VmHWM") - idle)
"""


def peak_of(path: Path, decode: str) -> int:
    """Return the bytes by which a process grows to hash `path` after a small photo."""
    command = [sys.executable, "-c", PEAK, photo_paths()[0], path, decode]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
