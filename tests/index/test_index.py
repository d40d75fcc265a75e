from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.index import Index, Origin, StorageOptions, build_index
from tests.builders import MakeFolder, build_folder, built_file, pdq_hash, stored_rows

COLUMNS = ("entry_id", "hash", "harm", "classification")
ROW = st.fixed_dictionaries(
    {
        "entry_id": st.sampled_from(["a", "b", "ü,;"]),
        "hash": st.sampled_from([f"{seed:064x}" for seed in range(4)]),
        "harm": st.sampled_from(["csam", "spam"]),
        "classification": st.sampled_from(["", "A1"]),
    }
)


def code(hash_hex: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(hash_hex), np.uint8)[None]


def status_of(row: Mapping[str, str]) -> str:
    """A status that is a function of the row, so that no two rows contradict each other."""
    return ("active", "withdrawn", "disputed")[len(str(row["entry_id"] + row["harm"])) % 3]


@settings(max_examples=40)
@given(st.lists(st.lists(ROW, max_size=12), min_size=1, max_size=3))
def test_every_row_is_found_with_its_provenance(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[dict[str, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("demo")
    expected: dict[tuple[str, ...], None] = {}
    for number, rows in enumerate(lists):
        for row in rows:
            if status_of(row) != "withdrawn":
                key = (str(number), row["harm"], row["classification"], row["entry_id"])
                expected[*key, row["hash"]] = None
    files = {
        str(number): [row | {"status": status_of(row)} for row in rows]
        for number, rows in enumerate(lists)
    }
    build_folder(folder, files)
    index = Index.open(folder)
    found: list[tuple[str, ...]] = []
    entries: dict[int, tuple[str, ...]] = {}
    for hash_hex in sorted({row["hash"] for rows in lists for row in rows}):
        rows_found = index.search("pdq", code(hash_hex), 0).ids
        for origin, entry, entry_id in zip(
            index.origin_of("pdq", rows_found).tolist(),
            index.entry_of("pdq", rows_found).tolist(),
            index.entry_ids("pdq", rows_found),
            strict=True,
        ):
            of = index.origins[origin]
            key = (of.list, of.harm, of.classification or "", entry_id)
            found.append((*key, hash_hex))
            assert entries.setdefault(entry, key) == key
    assert sorted(found) == sorted(expected)
    assert len(set(entries.values())) == len(entries)
    assert sorted(entries) == list(range(len(entries)))


def test_a_row_tells_everything(folder: Path) -> None:
    build_index(folder)
    index = Index.open(folder)
    assert index.algorithms == ("pdq",)
    assert index.origins[1] == Origin("known", "v1", "csam", None)
    (row,) = index.search("pdq", code(pdq_hash(2)), 0).ids.tolist()
    told = stored_rows(folder)[row]
    assert json.loads(told.pop("record")) == {
        "entry_id": "k-2",
        "hash": pdq_hash(2),
        "harm": "csam",
        "classification": "",
        "status": "disputed",
    }
    assert {name: told[name] for name in ("list", "list_version", "entry_id", "harm")} == {
        "list": "known",
        "list_version": "v1",
        "entry_id": "k-2",
        "harm": "csam",
    }
    assert (told["row_number"], told["status"], told["entry"]) == (3, "disputed", 1)


def test_the_description_counts_and_names_no_entry(folder: Path) -> None:
    report = build_index(folder)
    described = Index.open(folder).describe()
    assert json.loads(json.dumps(described)) == described
    assert described.pop("hashmatch_version")
    assert described == {
        "name": "demo",
        "generation": 1,
        "digest": report.digest,
        "n_entries": 4,
        "n_removed_entries": 0,
        "n_disabled_entries": 0,
        "disabled_lists": [],
        "compaction_advised": False,
        "algorithms": [
            {
                "algorithm": "pdq",
                "bits": 256,
                "n_segments": 1,
                "n_codes": 5,
                "n_removed": 0,
                "n_disabled": 0,
                "codes_bytes": built_file(folder, ".hmi").stat().st_size,
                "entries_bytes": built_file(folder, ".arrow").stat().st_size,
            }
        ],
        "attributes": {
            name: {"role": "harm", "radius": None, "enabled": True, "priority": 0}
            for name in ("known", "spam")
        },
        "lists": [
            {
                "list": "known",
                "list_version": "v1",
                "rows": 6,
                "indexed": 4,
                "withdrawn": 1,
                "ignored": 0,
                "duplicates": 1,
                "removed": 0,
                "came_by": "build",
                "live": 4,
                "harms": ["csam", "spam"],
            },
            {
                "list": "spam",
                "list_version": "v1",
                "rows": 1,
                "indexed": 1,
                "withdrawn": 0,
                "ignored": 0,
                "duplicates": 0,
                "removed": 0,
                "came_by": "build",
                "live": 1,
                "harms": ["spam"],
            },
        ],
    }


def test_a_folder_never_built_says_how(folder: Path) -> None:
    with pytest.raises(HashmatchError) as caught:
        Index.open(folder)
    assert str(caught.value) == f"{folder} is not built; run: hashmatch index build {folder}"
    with pytest.raises(HashmatchError, match="nowhere: no such folder"):
        Index.open(folder / "nowhere")


def test_wrong_arguments_are_named(folder: Path) -> None:
    build_index(folder)
    index = Index.open(folder)
    with pytest.raises(KeyError, match="no phash codes, only: pdq"):
        index.bits("phash")
    for rows in (np.array([0.0]), np.array([[0]]), np.array(0)):
        with pytest.raises(ValueError, match="rows must be int64"):
            index.entry_ids("pdq", rows)
    with pytest.raises(IndexFormatError, match="no such row"):
        index.entry_of("pdq", np.array([5]))
    assert index.entry_ids("pdq", np.array([], dtype=np.int64)) == []


def test_an_empty_list_is_searched_in_vain(make_folder: MakeFolder) -> None:
    folder = make_folder({"known": []})
    build_index(folder)
    index = Index.open(folder, verify=True)
    assert len(index.codes("pdq")) == 0
    assert index.search("pdq", code(pdq_hash(1)), 31).ids.size == 0


def test_two_algorithms_share_their_entries(make_folder: MakeFolder, toy: str) -> None:
    rows = [
        {"entry_id": "a", "hash": pdq_hash(1), "harm": "h", "algorithm": "pdq"},
        {"entry_id": "b", "hash": pdq_hash(2)[:16], "harm": "h", "algorithm": toy},
        {"entry_id": "a", "hash": pdq_hash(1)[:16], "harm": "h", "algorithm": toy},
    ]
    folder = make_folder({"known": rows})
    build_index(folder)
    index = Index.open(folder)
    assert index.algorithms == ("pdq", toy)
    assert [index.bits(name) for name in index.algorithms] == [256, 64]
    assert index.entry_of("pdq", np.array([0])).tolist() == [0]
    assert index.entry_of(toy, np.array([0, 1])).tolist() == [1, 0]
    assert index.entry_ids(toy, np.array([0, 1])) == ["b", "a"]


def test_threads_see_the_same(make_folder: MakeFolder) -> None:
    rows = [{"entry_id": f"e{seed}", "hash": pdq_hash(seed), "harm": "h"} for seed in range(200)]
    folder = make_folder({"known": rows})
    build_index(folder, options=StorageOptions(batch_rows=16))
    index = Index.open(folder)
    order = np.arange(200)[::-1]
    expected = [f"e{seed}" for seed in order.tolist()]
    with ThreadPoolExecutor(8) as pool:
        for got in pool.map(lambda _: index.entry_ids("pdq", order), range(32)):
            assert got == expected


FORK = """
import os, sys
import numpy as np
from hashmatch.index import Index

index = Index.open(sys.argv[1])
rows = np.arange(5)
before = index.entry_ids("pdq", rows)
child = os.fork()
if not child:
    os._exit(0 if index.entry_ids("pdq", rows) == before else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_sees_the_same(folder: Path) -> None:
    build_index(folder)
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, str(folder)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
