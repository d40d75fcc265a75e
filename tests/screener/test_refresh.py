"""A screener takes over new generations, cheaply, while it is in use."""

import shutil
import threading
from pathlib import Path

import pytest

from hashmatch.errors import HashmatchError, PolicyError
from hashmatch.hamming import HammingIndex
from hashmatch.index import (
    Index,
    add_list,
    build_index,
    compact_index,
    disable,
    enable,
    remove_entries,
)
from hashmatch.index.entry_table import EntryTable
from hashmatch.screener import Screener


@pytest.fixture
def own_demo(demo: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo, tmp_path / "own"))


def entries_of(screener: Screener, upload: Path) -> list[str]:
    return [match.entry_id for match in screener.screen(upload).matches]


def test_live_changes_are_seen_after_a_refresh(
    own_demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_demo.parent)
    screener = Screener.open("own", "own/policy.toml")
    monkeypatch.chdir("/")
    upload = own_demo / "uploads" / "coffee-exact-copy.jpg"
    assert not screener.refresh()
    before = screener.screen(upload)
    assert [match.entry_id for match in before.matches] == ["H-1001"]
    remove_entries(own_demo, "demo-hotline", ["H-1001"])
    assert screener.screen(upload) == before
    assert screener.refresh()
    after = screener.screen(upload)
    assert (after.n_matches, after.action) == (0, "allow")
    assert after.index.generation == before.index.generation + 1
    assert after.index.digest != before.index.digest

    own_hash = before.hashes[0].hex
    (own_demo / "new.csv").write_text(f"entry_id,hash,harm\nN-1,{own_hash},csam\n")
    add_list(own_demo, own_demo / "new.csv", list_name="new", version="7", new_list=True)
    assert screener.refresh()
    (match,) = screener.screen(upload).matches
    assert (match.list, match.list_version, match.entry_id) == ("new", "7", "N-1")
    assert compact_index(own_demo).is_new
    assert screener.refresh()
    assert entries_of(screener, upload) == ["N-1"]
    disable(own_demo, "new")
    screener.refresh()
    assert entries_of(screener, upload) == []
    enable(own_demo, "new")
    screener.refresh()
    assert entries_of(screener, upload) == ["N-1"]


def test_two_hashes_of_one_entry_in_two_segments_are_one_match(own_demo: Path) -> None:
    screener = Screener.open(own_demo, own_demo / "policy.toml")
    upload = own_demo / "uploads" / "coffee-exact-copy.jpg"
    (first,) = screener.screen(upload).matches
    near = bytearray.fromhex(screener.screen(upload).hashes[0].hex)
    near[0] ^= 0x01
    header, row, *_ = (own_demo / "lists" / "hotline.csv").read_text().splitlines()
    cells = [near.hex() if len(cell) == 64 else cell for cell in row.split(",")]
    (own_demo / "new.csv").write_text(f"{header}\n{','.join(cells)}\n")
    report = add_list(own_demo, own_demo / "new.csv", list_name="demo-hotline", version="9")
    assert report.n_added == 1
    assert screener.refresh()
    decision = screener.screen(upload)
    assert decision.n_matches == 1
    assert decision.matches == (first,)
    assert sum(rule.n_matches for rule in decision.rules) == 1


def test_segments_that_stay_are_not_opened_again(
    own_demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screener = Screener.open(own_demo, own_demo / "policy.toml")
    remove_entries(own_demo, "demo-hotline", ["H-1001"])

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened again")

    monkeypatch.setattr(HammingIndex, "open", refuse)
    monkeypatch.setattr(EntryTable, "open", refuse)
    assert screener.refresh()
    with pytest.raises(AssertionError, match="opened again"):
        screener.reload()


def test_a_refresh_that_fails_changes_nothing(
    own_demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screener = Screener.open(own_demo, own_demo / "policy.toml")
    upload = own_demo / "uploads" / "coffee-exact-copy.jpg"
    before = screener.screen(upload)
    remove_entries(own_demo, "demo-hotline", ["H-1001"])
    with monkeypatch.context() as patch:
        patch.setattr(Index, "bits", lambda *_: 16)
        with pytest.raises(PolicyError):
            screener.refresh()
    assert screener.screen(upload) == before
    shutil.rmtree(own_demo / "built")
    with pytest.raises(HashmatchError, match="is not built"):
        screener.refresh()
    assert screener.screen(upload) == before


def test_threads_screen_and_refresh_while_a_thread_compacts(own_demo: Path) -> None:
    """Whatever generation a decision is of, it says what that generation must say."""
    upload = (own_demo / "uploads" / "coffee-exact-copy.jpg").read_bytes()
    build_index(own_demo)
    screener = Screener.open(own_demo, own_demo / "policy.toml")
    expected = {screener.index_ref.generation: ["H-1001"]}
    stop = threading.Event()
    seen: dict[int, set[tuple[str, ...]]] = {}

    def screen() -> None:
        while not stop.is_set():
            screener.refresh()
            made = screener.screen(upload)
            ids = tuple(match.entry_id for match in made.matches)
            seen.setdefault(made.index.generation, set()).add(ids)

    threads = [threading.Thread(target=screen) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        expected[disable(own_demo, "demo-hotline", ["H-1001"]).generation] = []
        expected[enable(own_demo, "demo-hotline", ["H-1001"]).generation] = ["H-1001"]
        rows = f"entry_id,hash,harm\nN-{len(expected)},{len(expected):064x},csam\n"
        (own_demo / "new.csv").write_text(rows)
        added = add_list(
            own_demo, own_demo / "new.csv", list_name="new", version="1", new_list=True
        )
        expected[added.generation] = ["H-1001"]
        compacting = threading.Thread(target=compact_index, args=(own_demo,))
        compacting.start()
        compacting.join()
        expected[added.generation + 1] = ["H-1001"]
    stop.set()
    for thread in threads:
        thread.join()
    assert seen
    for generation, found in seen.items():
        assert found == {tuple(expected[generation])}
    screener.refresh()
    assert screener.index_ref.generation == max(expected)
