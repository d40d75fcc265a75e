"""A screener in use while its index and policy change, by many threads, and after a fork."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from hashmatch.errors import HashmatchError, IndexFormatError, PolicyError
from hashmatch.index import build_index
from hashmatch.screener import Screener
from hashmatch.screener.snapshot import fit_snapshot
from hashmatch.values import Decision


@pytest.fixture
def own_demo(demo: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo, tmp_path / "own"))


def test_reload_takes_what_is_there_now(own_demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(own_demo.parent)
    screener = Screener.open("own", "own/policy.toml")
    monkeypatch.chdir("/")  # where it was opened counts, not where it is reloaded
    upload = own_demo / "uploads" / "coffee-exact-copy.jpg"
    before = screener.screen(upload)
    policy = own_demo / "policy.toml"
    policy.write_text(policy.read_text().replace('"enforce"', '"shadow"'))
    hotline = own_demo / "lists" / "hotline.csv"
    hotline.write_text(hotline.read_text().replace("H-1001", "H-2001"))
    build_index(own_demo)
    assert screener.screen(upload) == before
    screener.reload()
    after = screener.screen(upload)
    assert (after.action, after.would_action, after.mode) == ("allow", "block", "shadow")
    assert after.matches[0].entry_id == "H-2001"
    assert after.index.generation == before.index.generation + 1


def test_a_failed_reload_changes_nothing(own_demo: Path) -> None:
    screener = Screener.open(own_demo, own_demo / "policy.toml")
    upload = own_demo / "uploads" / "coffee-exact-copy.jpg"
    before = screener.screen(upload)
    (own_demo / "policy.toml").write_text("version = 1")
    with pytest.raises(PolicyError):
        screener.reload()
    assert screener.screen(upload) == before
    shutil.copy(Path(__file__).parents[2] / "indexes/demo/policy.toml", own_demo)
    (own_demo / "built" / "CURRENT").write_bytes(b"{}")
    with pytest.raises(IndexFormatError):
        screener.reload()
    assert screener.screen(upload) == before
    shutil.rmtree(own_demo / "built")
    with pytest.raises(HashmatchError):
        screener.reload()
    assert screener.screen(upload) == before


def test_reload_under_threads_never_mixes(own_demo: Path) -> None:
    """Every decision is wholly of the one policy or wholly of the other."""
    policy = own_demo / "policy.toml"
    enforce = policy.read_text()
    shadow = enforce.replace('"demo-1"', '"demo-2"').replace('"enforce"', '"shadow"')
    screener = Screener.open(own_demo, own_demo / "policy.toml")
    upload = (own_demo / "uploads" / "coffee-exact-copy.jpg").read_bytes()
    stop = threading.Event()
    seen: list[Decision] = []

    def screen() -> None:
        while not stop.is_set():
            seen.extend(screener.screen_many([upload] * 3))

    threads = [threading.Thread(target=screen) for _ in range(3)]
    for thread in threads:
        thread.start()
    for text in (shadow, enforce) * 10:
        replacement = own_demo / "policy.new"
        replacement.write_text(text)
        replacement.replace(policy)
        screener.reload()
    stop.set()
    for thread in threads:
        thread.join()
    outcomes = {(one.policy.version, one.mode, one.action, one.would_action) for one in seen}
    assert outcomes <= {
        ("demo-1", "enforce", "block", "block"),
        ("demo-2", "shadow", "allow", "block"),
    }
    for start in range(0, len(seen), 3):
        assert len({one.policy for one in seen[start : start + 3]}) == 1


def test_a_reload_during_a_refresh_is_not_lost(
    own_demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = own_demo / "policy.toml"
    screener = Screener.open(own_demo, policy)
    hotline = own_demo / "lists" / "hotline.csv"
    hotline.write_text(hotline.read_text().replace("H-1001", "H-2001"))
    build_index(own_demo)

    def reload_meanwhile(*pair: Any) -> Any:
        monkeypatch.undo()
        policy.write_text(policy.read_text().replace('"demo-1"', '"demo-2"'))
        screener.reload()
        return fit_snapshot(*pair)

    monkeypatch.setattr("hashmatch.screener.screener.fit_snapshot", reload_meanwhile)
    assert screener.refresh()
    assert screener.policy_ref.version == "demo-2"
    assert screener.index_ref.generation == 2
    assert not screener.refresh()


def test_a_screener_works_after_fork(demo: Path) -> None:
    script = """
import os, sys, warnings
from hashmatch.screener import Screener

warnings.simplefilter("ignore")  # that a process with threads forks is what is tried here
demo, upload = sys.argv[1:]
screener = Screener.open(demo, demo + "/policy.toml")
before = screener.screen_many([upload] * 70, workers=2)
child = os.fork()
same = screener.screen_many([upload] * 70, workers=2) == before
if child == 0:
    os._exit(0 if same else 1)
print(same, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    upload = demo / "uploads" / "coffee-exact-copy.jpg"
    done = subprocess.run(
        [sys.executable, "-c", script, demo, upload],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["True", "0"]
