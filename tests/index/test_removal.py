from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashmatch.errors import HashmatchError, IndexFormatError, UnknownNameError
from hashmatch.index import (
    Index,
    build_index,
    compact_index,
    disable,
    enable,
    remove_entries,
    verify_index,
)
from hashmatch.index.directory import LockedDirectory
from tests.builders import built_file, found_entries, pdq_hash


def ids(folder: Path) -> list[str]:
    return [f"{list_name}/{entry_id}" for list_name, _, entry_id in found_entries(folder)]


ALL = ["known/k-1", "known/k-1", "known/k-1", "known/k-2", "spam/k-1"]


def test_every_row_of_an_entry_goes_and_stays_gone(built: Path) -> None:
    old = Index.open(built)
    report = remove_entries(built, "known", ["k-1", "k-1"])
    assert (report.generation, report.is_new, report.n_removed) == (2, True, 3)
    assert ids(built) == ["known/k-2", "spam/k-1"]
    assert len(old.codes("pdq")) == 5
    again = remove_entries(built, "known", ["k-1"])
    assert (again.generation, again.is_new, again.n_removed) == (2, False, 0)
    report = build_index(built)
    assert [(one.indexed, one.removed) for one in report.lists] == [(1, 3), (1, 0)]
    assert ids(built) == ["known/k-2", "spam/k-1"]
    assert compact_index(built).n_dropped == 0
    assert Index.open(built).describe()["n_removed_entries"] == 1


def test_names_that_are_not_there(built: Path) -> None:
    changes: tuple[Callable[..., Any], ...] = (remove_entries, disable, enable)
    for change in changes:
        with pytest.raises(UnknownNameError) as caught:
            change(built, "nown", ["k-1"])
        assert str(caught.value) == f"{built}: there is no list nown; did you mean known?"
        with pytest.raises(KeyError) as unknown:
            change(built, "known", ["k-2", "k-9", "k-8", "k-9"])
        assert str(unknown.value) == (
            f"{built}: list known has no entry k-9 and 1 more of those given; "
            "expected ids as the list gives them; nothing was changed"
        )
        with pytest.raises(UnknownNameError) as hidden:
            change(built, "known", [pdq_hash(1)])
        assert pdq_hash(1) not in str(hidden.value)
        with pytest.raises(TypeError, match="collection of str"):
            change(built, "known", "k-1")
        with pytest.raises(TypeError, match="an entry id must be a str, not int"):
            change(built, "known", [1])
        with pytest.raises(ValueError, match="at least one entry"):
            change(built, "known", [])
    with pytest.raises(TypeError):
        remove_entries(built, "known", None)  # type: ignore[arg-type]  # not: every entry
    assert Index.open(built).ref.generation == 1


def test_disabling_is_undone_and_survives_a_build(built: Path) -> None:
    report = disable(built, "known", ["k-1"])
    assert (report.n_disabled, report.n_removed) == (3, 0)
    assert not disable(built, "known", ["k-1"]).is_new
    assert ids(built) == ["known/k-2", "spam/k-1"]
    assert disable(built, "known").n_disabled == 1
    assert ids(built) == ["spam/k-1"]
    build_index(built)
    assert ids(built) == ["spam/k-1"]
    with pytest.raises(HashmatchError, match="list known is disabled as a whole, so that no entry"):
        enable(built, "known", ["k-1"])
    assert enable(built, "known").n_enabled == 1
    assert ids(built) == ["known/k-2", "spam/k-1"]  # by name it is disabled still
    assert not enable(built, "known").is_new
    assert not enable(built, "known", ["k-2"]).is_new
    compact_index(built)
    assert enable(built, "known", ["k-1"]).n_enabled == 3
    assert ids(built) == ALL


def test_what_is_disabled_can_be_removed(built: Path) -> None:
    disable(built, "known")
    report = remove_entries(built, "known", ["k-1"])
    assert (report.n_removed, report.n_enabled) == (3, 0)
    assert enable(built, "known").n_enabled == 1
    assert ids(built) == ["known/k-2", "spam/k-1"]


def test_what_was_undone_is_the_same_contents(built: Path) -> None:
    before = Index.open(built).ref
    disable(built, "spam")
    report = enable(built, "spam")
    assert (report.generation, report.digest) == (3, before.digest)


def test_damage_to_tombstones_and_overrides_is_found_by_every_reader(built: Path) -> None:
    remove_entries(built, "known", ["k-2"])
    disable(built, "spam")
    for suffix in (".removed.rows", ".disabled.rows", ".overrides"):
        path = built_file(built, suffix)
        whole = path.read_bytes()
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 0x10
            path.write_bytes(damaged)
            with pytest.raises(IndexFormatError, match=f"{path.name}: damaged"):
                verify_index(built)
            with pytest.raises(IndexFormatError, match=f"{path.name}: damaged"):
                Index.open(built)
            if suffix == ".overrides":
                with pytest.raises(IndexFormatError, match=f"{path.name}: damaged.*restore it"):
                    build_index(built)
        path.unlink()
        with pytest.raises(IndexFormatError, match=f"{path.name}: missing"):
            verify_index(built)
        path.write_bytes(whole)
    assert ids(built) == ALL[:3]


def test_a_writer_is_told_of_another_or_waits(built: Path) -> None:
    with LockedDirectory.lock(built):
        changes: list[Callable[[], object]] = [
            lambda: remove_entries(built, "known", ["k-1"]),
            lambda: compact_index(built, wait_s=0.1),
            lambda: build_index(built),
        ]
        for change in changes:
            with pytest.raises(HashmatchError, match=f"^{built} is being changed by another proc"):
                change()

    held, done = threading.Event(), []

    def hold() -> None:
        with LockedDirectory.lock(built):
            held.set()
            time.sleep(0.2)
            done.append(Index.open(built).ref.generation)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    assert remove_entries(built, "known", ["k-1"], wait_s=30).generation == 2
    thread.join()
    assert done == [1]
