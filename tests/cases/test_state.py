"""Cases of stored state: locks, recipes, removals, withdrawals, and changes while others read."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import hashmatch as hm
from hashmatch.cli import main
from hashmatch.errors import IndexFormatError
from hashmatch.index import add_list, build_index, remove_entries
from tests.cases.conftest import Scan
from tests.workers.processes import wait_for


@pytest.mark.case("full-list-brings-entries-back")
def test_a_removed_entry_stays_out_of_a_full_list(
    case: Path, demo_copy: Path, scan: Scan, capfd: pytest.CaptureFixture[str]
) -> None:
    assert case.exists()
    spam = ["--list", "demo-spam"]
    assert main(["index", "remove", str(demo_copy), *spam, "--entry", "cat"]) == 0
    full = [str(demo_copy), str(demo_copy / "lists" / "spam.csv"), *spam, "--version", "2026-48"]
    capfd.readouterr()
    assert main(["index", "add", *full]) == 0
    assert "1 left out, as their entry or hash was removed" in capfd.readouterr().err
    picture = demo_copy / "images" / "cat.jpg"
    assert scan([picture], index=demo_copy)[0]["action"] == "allow"
    assert main(["index", "add", *full, "--return-removed"]) == 0
    assert scan([picture], index=demo_copy)[0]["action"] == "block"


@pytest.mark.case("withdrawals-that-do-nothing")
def test_a_withdrawal_needs_no_grade(case: Path, demo_copy: Path, scan: Scan) -> None:
    report = add_list(demo_copy, case / "withdrawn.csv", list_name="demo-hotline", version="2")
    assert (report.n_removed, report.n_unmet_withdrawals) == (1, 0)
    (row,) = scan([demo_copy / "images" / "coffee.jpg"], index=demo_copy)
    assert row["n_matches"] == 0
    again = add_list(demo_copy, case / "withdrawn.csv", list_name="demo-hotline", version="3")
    assert (again.is_new, again.n_unmet_withdrawals) == (False, 1)


@pytest.mark.case("withdrawals-that-do-nothing")
def test_a_row_graded_anew_replaces_the_old_one(case: Path, demo_copy: Path, scan: Scan) -> None:
    report = add_list(demo_copy, case / "graded-anew.csv", list_name="demo-hotline", version="2")
    assert (report.n_added, report.n_removed) == (1, 1)
    (row,) = scan([demo_copy / "images" / "coffee.jpg"], index=demo_copy)
    assert row["n_matches"] == 1


def hold(started: str, done: str) -> None:
    Path(started).touch()
    while not Path(done).exists():
        time.sleep(0.01)


@pytest.mark.case("lock-kept-by-a-forked-child")
def test_a_forked_child_does_not_keep_the_lock(
    case: Path, demo_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hashmatch.index import directory

    started, done = case / "started", case / "done"
    context = multiprocessing.get_context("fork")
    child = context.Process(target=hold, args=(str(started), str(done)))
    publish = directory.LockedDirectory.publish

    def fork_first(self: directory.LockedDirectory, manifest: object) -> None:
        child.start()
        publish(self, manifest)  # type: ignore[arg-type]

    monkeypatch.setattr(directory.LockedDirectory, "publish", fork_first)
    remove_entries(demo_copy, "demo-spam", ["cat"])
    monkeypatch.undo()
    wait_for(started.exists)
    assert remove_entries(demo_copy, "demo-spam", ["julia-3"]).is_new
    done.touch()
    child.join(10)
    assert child.exitcode == 0


@pytest.mark.case("recipe-read-before-the-lock")
def test_a_build_that_waited_reads_the_recipe_anew(case: Path, demo_copy: Path) -> None:
    assert case.exists()
    recipe = demo_copy / "recipe.toml"
    whole = recipe.read_text()
    from hashmatch.index import open_transaction

    with open_transaction(demo_copy):
        build = threading.Thread(target=build_index, args=(demo_copy,), kwargs={"wait_s": 20})
        build.start()
        time.sleep(0.3)
        head, *lists = whole.split("[[lists]]")
        kept = [one for one in lists if "demo-spam" not in one]
        recipe.write_text("[[lists]]".join([head, *kept]))
    build.join()
    assert "demo-spam" not in {one["list"] for one in hm_lists(demo_copy)}


def hm_lists(folder: Path) -> list[dict[str, str]]:
    from hashmatch.index import Index

    lists: list[dict[str, str]] = Index.open(folder).describe()["lists"]
    return lists


@pytest.mark.case("refresh-undoes-reload")
def test_a_slow_refresh_does_not_bring_back_an_old_policy(
    case: Path, demo_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert case.exists()
    from hashmatch.index import Index

    policy = demo_copy / "policy.toml"
    screener = hm.Screener.open(demo_copy, policy=policy)
    remove_entries(demo_copy, "demo-spam", ["cat"])
    refreshed, waits = Index.refreshed, threading.Event()

    def slow(self: Index) -> Index:
        found = refreshed(self)
        waits.wait(10)
        return found

    monkeypatch.setattr(Index, "refreshed", slow)
    refresh = threading.Thread(target=screener.refresh)
    refresh.start()
    policy.write_text(policy.read_text().replace("demo-1", "demo-2"))
    reload = threading.Thread(target=screener.reload)
    reload.start()
    waits.set()
    refresh.join()
    reload.join()
    assert screener.policy_ref.version == "demo-2"
    assert screener.index_ref.generation == 2


@pytest.mark.case("entry-table-error-called-damage")
def test_a_folder_of_any_name_works(case: Path, demo: Path) -> None:
    folder = case / os.fsdecode(b"idx\xff")
    subprocess.run(["cp", "-r", str(demo), os.fsencode(folder)], check=True)
    assert main(["index", "build", str(folder)]) == 0
    assert main(["index", "verify", str(folder)]) == 0


@pytest.mark.case("entry-table-error-called-damage")
def test_what_the_system_refuses_is_not_called_damage(case: Path, demo_copy: Path) -> None:
    assert case.exists()
    (table,) = (demo_copy / "built").glob("*.entries.arrow")
    table.unlink()
    table.mkdir()  # unreadable for root, too
    with pytest.raises(IndexFormatError) as caught:
        hm.Screener.open(demo_copy, policy=demo_copy / "policy.toml")
    assert "build the index again" not in str(caught.value)
    with pytest.raises(IndexFormatError, match="is not built"):
        hm.Screener.open(case, policy=demo_copy / "policy.toml")


@pytest.mark.case("adds-until-no-file-opens")
def test_many_additions_need_few_descriptors(case: Path, demo_copy: Path) -> None:
    change = (
        "import resource, sys; from pathlib import Path; from hashmatch.index import add_list\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))\n"
        "delta = Path('delta.csv')\n"
        "for number in range(60):\n"
        "    delta.write_text(f'entry_id,hash\\nn{number},{number:064x}\\n')\n"
        "    add_list(sys.argv[1], delta, list_name='demo-spam')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", change, str(demo_copy)], cwd=case, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert main(["index", "compact", str(demo_copy)]) == 0


@pytest.mark.case("scan-while-index-changes")
def test_a_scan_finishes_on_the_generation_that_it_opened(
    case: Path, demo_copy: Path, tmp_path: Path
) -> None:
    """A change while the workers start, and many more while they screen."""
    uploads, output = tmp_path / "uploads", tmp_path / "rows.jsonl"
    uploads.mkdir()
    for number in range(150):
        (uploads / f"{number:03}.jpg").symlink_to(demo_copy / "images" / "cat.jpg")
    output.write_text("earlier\n")
    command = [sys.executable, "-m", "hashmatch.cli", "scan", str(uploads), "--workers", "2"]
    command += ["--index", str(demo_copy), "--policy", str(demo_copy / "policy.toml")]
    with subprocess.Popen([*command, "-o", str(output)], stderr=subprocess.DEVNULL) as process:
        n_changes = 0
        while process.poll() is None:
            add_list(demo_copy, case / "l.csv", list_name="demo-spam", version="1")
            remove_entries(demo_copy, "demo-spam", ["e0"])
            add_list(
                demo_copy, case / "l.csv", list_name="demo-spam", version="1", return_removed=True
            )
            n_changes += 1
            time.sleep(0.25)
    assert (process.returncode, n_changes > 1) == (0, True)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(rows) == 150
    assert len({row["index"]["generation"] for row in rows}) == 1
