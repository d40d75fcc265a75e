from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hashmatch.errors import HashListError, HashmatchError, IndexFormatError
from hashmatch.index import Index, StorageOptions, build_index, enable, verify_index
from hashmatch.index.directory import LockedDirectory
from tests.builders import MakeFolder, built_files, current_manifest, found_entries, pdq_hash


def test_the_report_says_what_was_done(folder: Path) -> None:
    report = build_index(folder)
    assert (report.name, report.generation, report.is_new) == ("demo", 1, True)
    assert report.n_codes == {"pdq": 5}
    assert report.n_entries == 4
    assert [counts.indexed for counts in report.lists] == [4, 1]
    ref = Index.open(folder, verify=True).ref
    assert (ref.name, ref.generation, ref.digest) == ("demo", 1, report.digest)


def test_the_same_lists_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    build_index(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (elsewhere / path.name).write_bytes(path.read_bytes())
    script = "import sys; from hashmatch.index import build_index; build_index(sys.argv[1])"
    environment = os.environ | {  # memory that is not zero by chance
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_PERTURB_": "165",
        "PYTHONHASHSEED": "7",
    }
    subprocess.run([sys.executable, "-c", script, str(elsewhere)], env=environment, check=True)
    assert built_files(elsewhere) == built_files(folder)


def test_the_generation_counts_changes_of_contents(make_folder: MakeFolder) -> None:
    row = {"entry_id": "a", "hash": pdq_hash(1), "harm": "h"}
    first = build_index(make_folder({"known": [row]}))
    again = build_index(make_folder({"known": [row]}))
    assert (first.generation, again.generation, again.is_new) == (1, 1, False)
    assert again.digest == first.digest
    changes = [
        {"known": [row | {"entry_id": "b"}]},
        {"known": [row | {"hash": pdq_hash(2)}]},
        {"known": [row | {"harm": "i"}]},
        {"known": [row], "other": []},
        {"renamed": [row]},
        {"known": [row]},
    ]
    digests = {first.digest}
    for generation, lists in enumerate(changes, start=2):
        report = build_index(make_folder(lists))
        assert (report.generation, report.is_new) == (generation, True)
        digests.add(report.digest)
    assert report.digest == first.digest
    assert len(digests) == len(changes)


def test_files_no_longer_named_are_removed_and_readers_keep_theirs(make_folder: MakeFolder) -> None:
    folder = make_folder({"known": [{"entry_id": "a", "hash": pdq_hash(1), "harm": "h"}]})
    build_index(folder)
    old = Index.open(folder)
    make_folder({"known": [{"entry_id": "b", "hash": pdq_hash(2), "harm": "h"}]})
    build_index(folder, options=StorageOptions(kept_generations=1))
    assert len(built_files(folder)) == 5  # lock, pointer, manifest, codes, entries
    new = Index.open(folder, verify=True)
    for index, seed, entry_id in [(old, 1, "a"), (new, 2, "b")]:
        query = np.frombuffer(bytes.fromhex(pdq_hash(seed)), np.uint8)[None]
        found = index.search("pdq", query, 0)
        assert index.entry_ids("pdq", found.ids) == [entry_id]
    with pytest.raises(HashmatchError):
        build_index(folder / "nowhere")


def test_damaged_files_are_written_anew(folder: Path) -> None:
    build_index(folder)
    sound = built_files(folder)
    for name, data in sound.items():
        if name.endswith((".hmi", ".arrow")):
            (folder / "built" / name).write_bytes(data[:-1] + b"?")
    with pytest.raises(IndexFormatError):
        verify_index(folder)
    assert build_index(folder).generation == 1
    assert built_files(folder) == sound


def test_a_damaged_manifest_stops_the_build(folder: Path) -> None:
    build_index(folder)
    path = current_manifest(folder)
    path.write_bytes(path.read_bytes().replace(b'"generation":1', b'"generation":7'))
    with pytest.raises(IndexFormatError, match=f"{path}: damaged.*: hashmatch index rollback"):
        build_index(folder)
    pointer = folder / "built" / "CURRENT"
    pointer.write_bytes(pointer.read_bytes().replace(b'"generation":1', b'"generation":7'))
    with pytest.raises(IndexFormatError) as caught:
        build_index(folder)
    assert f"{pointer}: damaged" in str(caught.value)
    assert f"restore it, or delete {folder / 'built'} (live changes are lost) and run: " in str(
        caught.value
    )


def test_a_bad_list_leaves_what_was_built(folder: Path) -> None:
    build_index(folder)
    before = built_files(folder)
    (folder / "spam.csv").write_text("entry_id,hash,harm\na,zz,h\n", encoding="utf-8")
    with pytest.raises(HashListError, match=r"spam\.csv row 2, column hash"):
        build_index(folder)
    assert built_files(folder) == before


@pytest.mark.parametrize("failing", [".hmi", ".entries.arrow", "000002.json", "CURRENT"])
def test_a_rename_that_fails_leaves_what_was_built(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    build_index(folder)
    old = Index.open(folder).ref
    with (folder / "spam.csv").open("a", encoding="utf-8") as file:
        file.write(f"k-9,{'ab' * 32},spam\n")

    def replace(source: object, target: object, **_: object) -> None:
        if str(target).endswith(failing):
            raise OSError(28, "No space left on device")
        Path(str(source)).rename(str(target))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(HashmatchError, match="cannot be built: No space left on device"):
            build_index(folder)
    assert Index.open(folder, verify=True).ref == old
    # The number of a manifest that was written but not published is used up.
    assert build_index(folder).generation == (3 if failing == "CURRENT" else 2)
    assert set(built_files(folder)) == {".lock", *verify_index(folder)}


def test_a_list_that_the_recipe_turns_off_does_not_match(folder: Path) -> None:
    recipe = folder / "recipe.toml"
    text = recipe.read_text()
    recipe.write_text(text + "enabled = false\n")  # of the last list
    build_index(folder)
    assert {name for name, _, _ in found_entries(folder)} == {"known"}
    facts = Index.open(folder).describe()
    assert (facts["attributes"]["spam"]["enabled"], facts["algorithms"][0]["n_disabled"]) == (
        False,
        1,
    )
    assert not enable(folder, "spam").is_new
    recipe.write_text(text)
    assert build_index(folder).is_new
    assert {name for name, _, _ in found_entries(folder)} == {"known", "spam"}


def test_a_second_builder_is_told(folder: Path) -> None:
    with (
        LockedDirectory.lock(folder),
        pytest.raises(HashmatchError, match=f"^{folder} is being changed by another process"),
    ):
        build_index(folder)


def test_a_recipe_edited_while_a_build_waits_is_read_anew(folder: Path) -> None:
    with ThreadPoolExecutor() as pool:
        with LockedDirectory.lock(folder):
            build = pool.submit(build_index, folder, wait_s=60)
            time.sleep(0.3)
            recipe = folder / "recipe.toml"
            recipe.write_text(recipe.read_text().replace('name = "demo"', 'name = "edited"'))
        assert build.result().name == "edited"


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / "built").write_text("a file")
    with pytest.raises(HashmatchError, match="cannot be built: Not a directory"):
        build_index(folder)
