from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.index import (
    Index,
    StorageOptions,
    build_index,
    compact_index,
    index_history,
    remove_entries,
    verify_index,
)
from hashmatch.index.directory import Current
from hashmatch.index.open import load_current
from tests.builders import MakeFolder, built_file, built_files, pdq_hash, write_folder


def test_every_file_is_named(built: Path) -> None:
    remove_entries(built, "known", ["k-2"])
    names = verify_index(built)
    assert names[:2] == ["CURRENT", "manifests/000002.json"]
    assert "manifests/000001.json" in names
    assert sorted([*names, ".lock"]) == sorted(built_files(built))
    for name in names:
        digest = hashlib.sha256((built / "built" / name).read_bytes()).hexdigest()
        assert digest[:12] in name or name == "CURRENT" or name.endswith(".json")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{"entry_id": f"e{row}", "hash": pdq_hash(row), "harm": "h"} for row in range(9)]
    folder = write_folder(tmp_path_factory.mktemp("sound"), {"known": rows})
    build_index(folder)
    return folder


@given(
    st.sampled_from([".hmi", ".arrow", "CURRENT", ".json"]), st.floats(0, 1), st.integers(1, 255)
)
def test_a_flipped_byte_anywhere_is_found_and_named(
    sound: Path, suffix: str, place: float, flip: int
) -> None:
    (path,) = (path for path in (sound / "built").rglob("*") if path.name.endswith(suffix))
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[min(int(place * len(whole)), len(whole) - 1)] ^= flip
    path.write_bytes(damaged)
    try:
        with pytest.raises(IndexFormatError, match=f"{path.name}: damaged"):
            verify_index(sound)
        with pytest.raises(IndexFormatError, match=f"{path.name}: damaged"):
            Index.open(sound, verify=True)
    finally:
        path.write_bytes(whole)
    verify_index(sound)


@pytest.mark.parametrize("suffix", [".hmi", ".entries.arrow"])
def test_a_file_missing_or_of_another_size_is_named_on_opening(folder: Path, suffix: str) -> None:
    build_index(folder)
    path = built_file(folder, suffix)
    whole = path.read_bytes()
    for data in (b"", whole[:-1], whole + b"\0"):
        path.write_bytes(data)
        with pytest.raises(IndexFormatError) as caught:
            Index.open(folder)
        expected = f"{len(data)} bytes instead of {len(whole)}"
        assert str(caught.value) == (
            f"{path}: damaged, {expected}; run: hashmatch index build {folder}"
        )
    path.unlink()
    with pytest.raises(IndexFormatError, match=f"{path.name}: missing; run: hashmatch index build"):
        Index.open(folder)


def test_a_segment_of_another_index_is_refused(make_folder: MakeFolder, toy: str) -> None:
    row = {"entry_id": "a", "hash": pdq_hash(1)[:16], "harm": "h", "algorithm": toy}
    folder = make_folder({"known": [row, row | {"hash": "ab" * 8}]})
    build_index(folder)
    path = built_file(folder, ".hmi")
    n_bytes = path.stat().st_size
    other = make_folder({"known": [row | {"hash": "ab" * 8}, row]}, folder="other")
    build_index(other)
    assert built_file(other, ".hmi").stat().st_size == n_bytes
    shutil.copy(built_file(other, ".hmi"), path)
    with pytest.raises(IndexFormatError, match="its SHA-256 differs"):
        Index.open(folder, verify=True)


def test_nothing_built_is_nothing_to_verify(folder: Path) -> None:
    with pytest.raises(HashmatchError, match="is not built; run: hashmatch index build"):
        verify_index(folder)


def test_a_generation_published_meanwhile_is_taken(folder: Path) -> None:
    build_index(folder)
    seen = []

    def load(current: Current) -> int:
        seen.append(current.manifest.generation)
        if len(seen) == 1:
            with (folder / "spam.csv").open("a", encoding="utf-8") as file:
                file.write(f"k-9,{'ab' * 32},spam\n")
            build_index(folder)
            raise IndexFormatError("a file of the generation before is gone")
        return current.manifest.generation

    assert load_current(folder, load) == 2
    assert seen == [1, 2]


def test_a_generation_pruned_while_it_is_read_is_left_out(folder: Path) -> None:
    build_index(folder)
    remove_entries(folder, "known", ["k-1"])
    compact_index(folder)
    seen = []

    def load(_: Current) -> list[int]:
        seen.append([one.generation for one in index_history(folder)])
        if len(seen) == 1:
            time.sleep(0.02)  # longer than a tick of the clock that stamps files
            only = StorageOptions(kept_generations=1)
            assert not compact_index(folder, options=only).is_new  # the pointer stays
            raise FileNotFoundError("the manifest that was listed")
        return seen[-1]

    assert load_current(folder, load) == [3]
    assert seen == [[1, 2, 3], [3]]


READ_EVERYTHING = """
import sys
import numpy as np
from hashmatch.index import Index
from hashmatch.errors import IndexFormatError

folder, path = sys.argv[1:]
whole = open(path, "rb").read()
refused = 0
for position in range(0, len(whole), 7):
    damaged = bytearray(whole)
    damaged[position] ^= 0xFF
    with open(path, "r+b") as file:
        file.write(damaged)
    try:
        index = Index.open(folder)
        found = index.search("pdq", np.zeros((1, 32), np.uint8), 256)
        index.origin_of("pdq", found.ids)
        index.entry_of("pdq", found.ids)
        index.entry_ids("pdq", found.ids)
        index.entry_timestamps_s("pdq", found.ids)
    except IndexFormatError:
        refused += 1
print(refused)
"""


def test_without_verify_damage_never_crashes(sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound, tmp_path / "copy")
    done = subprocess.run(
        [sys.executable, "-c", READ_EVERYTHING, folder, built_file(folder, ".entries.arrow")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 50


def test_damaged_ordinals_are_refused(sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound, tmp_path / "copy")
    path = built_file(folder, ".entries.arrow")
    whole = path.read_bytes()
    ordinals = np.arange(9, dtype="<i8").tobytes()
    assert whole.count(ordinals) == 1
    path.write_bytes(whole.replace(ordinals, np.full(9, 9, dtype="<i8").tobytes()))
    index = Index.open(folder)
    with pytest.raises(IndexFormatError, match="damaged in column entry"):
        index.entry_of("pdq", np.array([3]))
    assert index.entry_ids("pdq", np.array([3])) == ["e3"]


def test_damage_to_an_earlier_generation_is_found(built: Path) -> None:
    codes = built_file(built, ".hmi")
    with (built / "spam.csv").open("a", encoding="utf-8") as file:
        file.write(f"k-9,{'ab' * 32},spam\n")
    build_index(built)
    whole = codes.read_bytes()
    codes.write_bytes(whole[:-1] + b"?")
    # No build would mend it.
    remedy = f"drop earlier generations: hashmatch index compact {built} --keep 1"
    with pytest.raises(IndexFormatError, match=f"{codes.name}: damaged, .*; {remedy}"):
        verify_index(built)
    Index.open(built, verify=True)
    codes.write_bytes(whole)
    manifest = built / "built" / "manifests" / "000001.json"
    manifest.write_bytes(b"{}")
    with pytest.raises(
        IndexFormatError, match=r"000001\.json: damaged.*drop earlier generations: "
    ):
        verify_index(built)


def test_a_process_needs_no_descriptor_for_an_open_file(built: Path) -> None:
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    indexes = [Index.open(built) for _ in range(20)]
    assert all(len(index.codes("pdq")) == 5 for index in indexes)
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 2
