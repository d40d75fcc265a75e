"""Compare the decision rows of two versions of hashmatch on the same files, byte by byte.

    python benchmarks/compare_decisions.py BEFORE AFTER [--work DIR] [--workers 2]

BEFORE and AFTER are `hashmatch` programs, each in the environment of its own checkout. Both build
the same index, from lists of pictures, digests and frames of the corpus, and scan the demo's
uploads and the 2,000 files of `assorted_files.py`, with luma and with exact decoding. Rows are
compared as bytes after the keys below are masked. Exits with 1 at the first row that differs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from assorted_files import make_files

_NEW_KEYS = ("row_version", "n_entries", "rules_not_tried", "error_kind", "views_not_tried")
_DEMO = Path(__file__).parents[1] / "indexes/demo"

_RECIPE = """\
name = "assorted"

[[lists]]
name = "photos"
file = "pdq.csv"
version = "1"
harm = "csam"
columns = { entry_id = "path" }

[[lists]]
name = "families"
file = "families.csv"
version = "2"
harm = "terrorism"
columns = { entry_id = "path" }

[[lists]]
name = "bytes"
file = "digests.csv"
version = "3"
harm = "spam"
columns = { entry_id = "path" }

[[lists]]
name = "frames"
file = "frames"
version = "4"
harm = "ncii"
"""

_POLICY = """\
version = "assorted"
mode = "enforce"
default = "allow"
on_error = { action = "review", queue = "undecodable" }

[[rules]]
name = "near"
when = { harm = "csam", max_distance = 10 }
action = "block"
queue = "minor-safety"
priority = "critical"

[[rules]]
name = "similar"
when = { harm = "csam", max_distance = 31, min_quality = 80 }
action = "review"
queue = "minor-safety"

[[rules]]
name = "poor"
when = { harm = "csam", max_distance = 40, min_quality = 10 }
action = "log"

[[rules]]
name = "phash"
when = { list = "families", algorithm = "phash", max_distance = 6 }
action = "quarantine"
queue = "violent-extremism"

[[rules]]
name = "dhash"
when = { list = "families", algorithm = "dhash", max_distance = 4 }
action = "review"
queue = "violent-extremism"

[[rules]]
name = "frames"
when = { harm = "ncii", max_distance = 31 }
action = "quarantine"
queue = "intimate-images"
suppresses = ["known-bytes"]

[[rules]]
name = "known-bytes"
when = { harm = "spam", algorithm = "sha256" }
action = "block"
queue = "spam"
priority = "low"
"""


def _hash_corpus(hashmatch: str, corpus: Path, folder: Path, algorithms: list[str]) -> list[str]:
    rows: list[str] = []
    for algorithm in algorithms:
        output = folder / "hashes.csv"
        command = [hashmatch, "hash", str(corpus), "--algorithm", algorithm, "-o", str(output)]
        # Files that are no pictures make the exit code 1; their rows have an error.
        subprocess.run(command, check=False, capture_output=True)
        header, *lines = output.read_text().splitlines()
        rows += [header, *lines] if not rows else lines
        output.unlink()
    return rows


def make_index(hashmatch: str, corpus: Path, folder: Path) -> None:
    """Write a recipe, its lists and a policy into `folder`: every third picture, all videos."""
    folder.mkdir(parents=True)
    for name, algorithms in (
        ("pdq", ["pdq"]),
        ("families", ["phash", "dhash"]),
        ("digests", ["sha256"]),
    ):
        header, *rows = _hash_corpus(hashmatch, corpus, folder, algorithms)
        named = header.split(",")
        at_hash, at_error = named.index("hash"), named.index("error")
        hashed = [row for row in rows if row.split(",")[at_hash] and not row.split(",")[at_error]]
        (folder / f"{name}.csv").write_text("\n".join([header, *hashed[::3]]) + "\n")
    (folder / "frames").mkdir()
    for path in sorted(corpus.rglob("*.vpdq.txt")):
        shutil.copy(path, folder / "frames" / path.name.replace(".vpdq", ""))
    (folder / "recipe.toml").write_text(_RECIPE)
    (folder / "policy.toml").write_text(_POLICY)


def scan(
    hashmatch: str, index: Path, files: Path, output: Path, *, workers: int, decode: str
) -> list[bytes]:
    """Build the index with a program, scan the files with it, and return its rows, masked."""
    shutil.rmtree(index / "built", ignore_errors=True)
    subprocess.run([hashmatch, "index", "build", str(index)], check=True, capture_output=True)
    command = [hashmatch, "scan", ".", "--index", str(index)]
    command += ["--policy", str(index / "policy.toml"), "-o", str(output)]
    command += ["--workers", str(workers), "--decode", decode]
    subprocess.run(command, check=True, capture_output=True, cwd=files)
    return [_mask(line) for line in output.read_bytes().splitlines()]


def _mask(line: bytes) -> bytes:
    row = json.loads(line)
    row["index"]["digest"] = row["hashmatch_version"] = "masked"
    row["error"] = None if row["error"] is None else "masked"
    for key in _NEW_KEYS:
        row.pop(key, None)
    return json.dumps(row).encode()


def _compare(name: str, before: list[bytes], after: list[bytes]) -> int:
    if len(before) != len(after):
        print(f"{name}: {len(before)} rows before, {len(after)} after")
        return 1
    different = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    errors = sum(b'"error": "masked"' in row for row in before)
    matched = sum(b'"n_matches": 0' not in row for row in before)
    print(
        f"{name}: {len(before)} rows, {matched} with matches, {errors} with an error, "
        f"{len(different)} differ"
    )
    for old, new in different[:5]:
        print(f"  before {old.decode()}\n  after  {new.decode()}")
    return len(different)


def main() -> int:
    """Run both programs; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--work", type=Path, default=Path("build/decisions"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--corpus", type=Path, default=os.environ.get("HASHMATCH_TEST_CORPUS"))
    arguments = parser.parse_args()
    if arguments.corpus is None:
        parser.error("name the corpus: --corpus DIR or HASHMATCH_TEST_CORPUS")
    work = arguments.work.resolve()
    files, index = work / "files", work / "index"
    if not files.exists():
        make_files(arguments.corpus, files)
    if not index.exists():
        make_index(arguments.before, arguments.corpus, index)
    demo = work / "demo"
    shutil.rmtree(demo, ignore_errors=True)
    shutil.copytree(_DEMO, demo, ignore=shutil.ignore_patterns("built"))
    n_different = 0
    for name, folder, inputs in (("demo", demo, demo / "uploads"), ("assorted", index, files)):
        for decode in ("luma", "exact"):
            rows = [
                scan(
                    program,
                    folder,
                    inputs,
                    work / f"{name}-{decode}-{side}.jsonl",
                    workers=arguments.workers,
                    decode=decode,
                )
                for side, program in (("before", arguments.before), ("after", arguments.after))
            ]
            n_different += _compare(f"{name}, decode={decode}", *rows)
    return min(1, n_different)


if __name__ == "__main__":
    sys.exit(main())
