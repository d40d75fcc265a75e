"""Crowds of equal entries, many lists, and very many additions: each costs little."""

from __future__ import annotations

import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashmatch import Screener, hash_image
from hashmatch.index import Index, build_index
from tests.builders import write_recipe

POLICY = (
    'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "q" }\n'
    '[[rules]]\nname = "all"\nwhen = { max_distance = 31, min_quality = 0 }\naction = "block"\n'
)
ROOT = Path(__file__).parents[2]

NEAREST = """
import resource, time
import numpy as np
import hashmatch as hm

codes = np.random.default_rng(0).integers(0, 256, (200_000, 32), dtype=np.uint8)
codes[:160_000] = codes[0]
for ids in (None, np.random.default_rng(1).permutation(200_000)):
    index = hm.HammingIndex.build(codes, ids)
    before, start_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found, distances = index.nearest(np.repeat(codes[:1], 400, 0), k=3)
    assert not distances.any()
    expected = [0, 1, 2] if ids is None else np.sort(ids[:160_000])[:3]
    assert (found == expected).all()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(after - before, time.process_time() - start_s)
"""


@pytest.mark.case("nearest-of-many-copies")
def test_nearest_of_many_copies(case: Path) -> None:
    """160,000 copies: at most 0.2 GB and 2 s for 400 queries, and the lowest ids."""
    assert (case / "nearest.py").exists()
    done = subprocess.run(
        [sys.executable, "-c", NEAREST], capture_output=True, text=True, cwd=ROOT, check=True
    )
    for line in done.stdout.splitlines():
        used_kib, used_s = map(float, line.split())
        assert used_kib < 200_000
        assert used_s < 2


def picture_bytes() -> tuple[str, bytes]:
    """Return the hash of a picture, and its file."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32), dtype=np.uint8)
    pixels = pixels.repeat(4, 0).repeat(4, 1)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return hash_image(pixels).hex, file.getvalue()


def screener_of(folder: Path, lists: dict[str, range | list[str]], code: str) -> Screener:
    """Build an index of lists of entry ids that all have one hash, and open a screener."""
    for name, ids in lists.items():
        rows = "".join(f"{entry_id},{code}\n" for entry_id in ids)
        (folder / f"{name}.csv").write_text("entry_id,hash\n" + rows)
    write_recipe(folder, {name: f"{name}.csv" for name in lists}, harm='"h"')
    build_index(folder)
    (folder / "policy.toml").write_text(POLICY)
    return Screener.open(folder, folder / "policy.toml")


@pytest.mark.case("crowded-lists")
def test_a_crowd_of_equal_entries(case: Path) -> None:
    """All are counted, the first by entry id recorded, without fetching every id."""
    n = 200_000
    code, data = picture_bytes()
    screener = screener_of(case, {"l0": range(n)}, code)
    screener.screen(data)
    start_s = time.process_time()
    decision = screener.screen(data)
    used_s = time.process_time() - start_s
    assert (decision.action, decision.n_matches, decision.n_entries) == ("block", n, n)
    assert [match.entry_id for match in decision.matches] == sorted(map(str, range(n)))[:100]
    assert used_s < 0.1


@pytest.mark.case("crowded-lists")
def test_a_match_in_every_one_of_many_lists(case: Path) -> None:
    n = 400
    code, data = picture_bytes()
    start_s = time.process_time()
    screener = screener_of(case, {f"l{number}": ["e"] for number in range(n)}, code)
    assert time.process_time() - start_s < 5
    decision = screener.screen(data)
    assert (decision.action, decision.n_matches) == ("block", n)
    names = sorted(f"l{number}" for number in range(n))
    assert [match.list for match in decision.matches] == names[:100]


ADDS = """
import resource, sys
from pathlib import Path
from hashmatch.index import add_list, compact_index, remove_entries

resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
folder = Path(sys.argv[1])
delta = folder / "delta.csv"
for n in range(int(sys.argv[2])):
    delta.write_text("entry_id,hash\\nx%d,%064x\\n" % (n, n * 7919 + 5))
    add_list(folder, delta, list_name="demo-spam", version="v")
compact_index(folder)
remove_entries(folder, "demo-spam", ["x1"])
"""

OPEN = """
import os, resource, sys
from hashmatch import HashmatchError
from hashmatch.index import Index

Index.open(sys.argv[1])  # loads whatever is loaded on first use
used = max(map(int, os.listdir("/proc/self/fd")))
for n_more in range(8):
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + n_more, 4096))
    try:
        Index.open(sys.argv[1])
        print("opened")
    except HashmatchError as error:
        print(type(error).__name__, str(error).rpartition(": ")[2])
"""


@pytest.mark.case("adds-until-no-file-opens")
def test_more_additions_than_files_may_be_open(case: Path, demo_copy: Path) -> None:
    """Compaction and removal work as well; tests/index/test_many_additions.py makes a thousand."""
    assert (case / "adds.sh").exists()
    subprocess.run([sys.executable, "-c", ADDS, str(demo_copy), "40"], cwd=ROOT, check=True)
    index = Index.open(demo_copy, verify=True)
    code = np.frombuffer(bytes.fromhex(f"{7919 * 2 + 5:064x}"), np.uint8)[None]
    assert "x2" in index.entry_ids("pdq", index.search("pdq", code, 0).ids)
    removed = np.frombuffer(bytes.fromhex(f"{7919 + 5:064x}"), np.uint8)[None]
    assert index.search("pdq", removed, 0).ids.size == 0


@pytest.mark.case("adds-until-no-file-opens")
def test_the_error_names_the_limit_of_open_files(case: Path, demo_copy: Path) -> None:
    assert case.is_dir()
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(demo_copy)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert set(lines) == {"HashmatchError Too many open files", "opened"}
    assert lines == sorted(lines)
