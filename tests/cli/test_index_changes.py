"""`hashmatch index add|replace|remove|disable|enable|compact`."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hashmatch.cli import main
from hashmatch.index import Index
from hashmatch.index.directory import LockedDirectory

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def own(demo: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo, tmp_path / "own", ignore=shutil.ignore_patterns("uploads")))


@pytest.fixture
def delta(tmp_path: Path) -> Path:
    path = tmp_path / "delta.csv"
    path.write_text(f"case,pdq,pdq_quality,grade,reported\nN-1,{'0f' * 32},100,A1,2026-12-01\n")
    return path


def run(*args: object) -> int:
    return main(["index", *map(str, args)])


def report(capfd: Captured, *args: object) -> dict[str, Any]:
    capfd.readouterr()
    assert run(*args, "--json") == 0
    said = capfd.readouterr()
    assert said.err == ""
    told: dict[str, Any] = json.loads(said.out)
    return told


def test_a_life(own: Path, delta: Path, capfd: Captured) -> None:
    hotline = ("--list", "demo-hotline")
    told = report(capfd, "add", own, delta, *hotline, "--version", "2026-12-01")
    assert (told["generation"], told["n_added"], told["counts"]["indexed"]) == (2, 1, 1)
    assert main(["match", "0f" * 32, "--index", str(own)]) == 0
    assert "demo-hotline,2026-12-01,N-1,csam,0,31" in capfd.readouterr().out

    told = report(capfd, "remove", own, *hotline, "--entry", "N-1", "H-1001", "--entry", "H-1002")
    assert (told["generation"], told["n_removed"]) == (3, 3)
    main(["match", "0f" * 32, "--index", str(own)])
    assert "N-1" not in capfd.readouterr().out

    assert report(capfd, "disable", own, "--list", "demo-spam")["n_disabled"] == 6
    assert report(capfd, "enable", own, "--list", "demo-spam")["n_enabled"] == 6
    assert report(capfd, "disable", own, *hotline, "--entry", "H-1003")["n_disabled"] == 1
    told = report(capfd, "replace", own, delta, *hotline, "--version", "2026-12-02")
    assert (told["n_added"], told["counts"]["removed"]) == (0, 1)
    told = report(capfd, "compact", own)
    assert (told["n_segments_before"], told["n_segments"]) == (2, 1)
    assert told["n_dropped"] == 5
    assert Index.open(own, verify=True).ref.generation == told["generation"] == 8


def test_what_is_said_to_people(own: Path, delta: Path, capfd: Captured) -> None:
    hotline = ("--list", "demo-hotline")
    for args, words in [
        (("add", own, delta, *hotline), "generation 2 published; rows: 1 added"),
        (("add", own, delta, *hotline), "generation 2 unchanged; rows: 1 duplicates"),
        (("remove", own, *hotline, "--entry", "N-1"), "generation 3 published; rows: 1 removed"),
        (("remove", own, *hotline, "--entry", "N-1"), "generation 3 unchanged\n"),
        (("add", own, delta, *hotline), "1 left out, as their entry or hash was removed"),
        (("add", own, delta, *hotline, "--return-removed"), "entries that match again: 1"),
        (("disable", own, "--list", "demo-spam"), "generation 5 published; rows: 6 disabled"),
        (("compact", own), "6 compacted; segments: 2, now 1; removed rows dropped: 0"),
        (("compact", own), "6 unchanged; segments: 1, now 1; removed rows dropped: 0"),
    ]:
        assert run(*args) == 0
        said = capfd.readouterr()
        assert said.out == ""
        assert words in said.err
        assert said.err.count("\n") == 1
    run("info", own)
    info = capfd.readouterr().err
    assert "12 of 256 bits, 6 disabled" in info
    assert "lists disabled" in info
    assert "worth running" not in info


def test_info_says_what_is_where(own: Path, delta: Path, capfd: Captured) -> None:
    run("add", own, delta, "--list", "demo-hotline", "--version", "x")
    names = ["H-1001", "H-1002", "H-1003", "H-1004", "N-1"]
    run("remove", own, "--list", "demo-hotline", "--entry", *names)
    capfd.readouterr()
    run("info", own)
    said = capfd.readouterr().err
    assert "13 of 256 bits in 2 segments, 5 removed" in said
    assert "entries removed" in said
    assert f"worth running hashmatch index compact {own}" in said


def test_a_file_of_another_form_and_a_new_list(own: Path, tmp_path: Path, capfd: Captured) -> None:
    file = tmp_path / "other.csv"
    file.write_text(f"name,digits,kind\nx,{'aa' * 32},\ny,00ff,md5\n")
    told = report(
        capfd,
        *("add", own, file, "--list", "other", "--version", "1", "--new-list", "--harm", "spam"),
        *("--column", "entry_id=name", "--column", "hash=digits", "--column", "algorithm=kind"),
        *("--ignore-algorithm", "md5", "--classification", "C"),
    )
    assert (told["n_added"], told["counts"]["ignored"]) == (1, 1)
    assert [one.classification for one in Index.open(own).origins if one.list == "other"] == ["C"]


def test_a_build_after_additions_has_to_be_told(own: Path, delta: Path, capfd: Captured) -> None:
    run("add", own, delta, "--list", "demo-hotline")
    capfd.readouterr()
    assert run("build", own) == 1
    said = capfd.readouterr().err
    assert said.startswith("hashmatch: error: ")
    assert "--discard-additions" in said
    assert report(capfd, "build", own, "--discard-additions")["n_entries"] == 17


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ("add {own} {delta}", 1, "say which list it belongs to: demo-hotline, "),
        ("add {own} {delta} --list demo-hotlin", 1, "did you mean demo-hotline?"),
        ("add {own} {own}/none.csv", 2, "does not exist"),
        ("add {own} {own} --list demo-spam", 1, "a folder can only be a list of vpdq (.txt)"),
        ("add {own}/none {delta}", 2, "does not exist"),
        ("add {own} {delta} --column colour=x", 2, "expected NAME=COLUMN: columns can name hash, "),
        ("add {own} {delta} --column hash", 2, "expected NAME=COLUMN"),
        ("add {own} {delta} --harm \udcff", 2, "Invalid value for --harm: harm must be UTF-8"),
        ("remove {own} --list demo-spam --entry \udcff", 1, r"has no entry '\udcff'"),
        (
            "add {own} {delta} --algorithm photodna",
            2,
            "unknown hash algorithm 'photodna'; known: ahash",
        ),
        ("add {own} {delta} --list x --new-list", 2, "a new list needs --list and --version"),
        ("add {own} {delta} --list demo-hotline --wait-s -1", 2, "--wait-s"),
        ("replace {own} {delta} --list zzz", 1, "there is no list zzz"),
        ("remove {own} --list demo-hotline --entry N-1", 1, "demo-hotline has no entry N-1"),
        ("remove {own} --list zzz --entry N-1", 1, "there is no list zzz, only: demo-hotline"),
        ("remove {own} --list demo-hotline", 2, "name at least one entry"),
        ("remove {own} H-1001 --list demo-hotline", 2, "entry ids go after --entry"),
        ("remove {own} --entry H-1001", 2, "--list"),
        ("disable {own} --list demo-hotline --entry N-1", 1, "has no entry N-1"),
        ("enable {own} --list zzz", 1, "there is no list zzz"),
        ("compact {own} --threads 0", 2, "--threads"),
        ("compact {own} --keep 0", 2, "--keep"),
        ("rollback {own}", 2, "Missing argument 'GENERATION'"),
        ("rollback {own} 0 --yes", 2, "GENERATION"),
        ("rollback {own} 9 --yes", 1, "generation 9 is not kept; kept: 1"),
        ("rollback {empty} 1 --yes", 1, "is not built; run: hashmatch index build"),
        ("compact {empty}", 1, "is not built; run: hashmatch index build"),
        ("remove {empty} --list a --entry b", 1, "is not built; run: hashmatch index build"),
    ],
)
def test_mistakes_are_one_line(
    own: Path, delta: Path, tmp_path: Path, capfd: Captured, args: str, code: int, words: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    argv = args.format(own=own, delta=delta, empty=empty).split()
    assert run(*argv) == code
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("hashmatch: error: ")
    assert words in said.err
    assert Index.open(own).ref.generation == 1
    assert list(empty.iterdir()) == []


def test_a_list_version_is_text(own: Path, delta: Path, capfd: Captured) -> None:
    assert run("add", own, delta, "--list", "demo-hotline", "--version", "a\nb") == 2
    assert "expected text on one line" in capfd.readouterr().err


def test_a_rollback_says_what_returns_and_asks(own: Path, delta: Path, capfd: Captured) -> None:
    hotline = ("--list", "demo-hotline")
    run("replace", own, delta, *hotline, "--version", "2026-12-02")
    run("remove", own, *hotline, "--entry", "N-1")
    capfd.readouterr()
    assert run("rollback", own, "1") == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert "rolled back to generation 1, 4 entries would match again; rows: 4 would" in said.err
    assert "nothing was changed; confirm with --yes" in said.err
    assert Index.open(own).ref.generation == 3
    told = report(capfd, "rollback", own, "1", "--yes")
    assert (told["generation"], told["n_returned_entries"], told["n_added"]) == (4, 4, 4)
    assert run("rollback", own, "2", "--yes") == 0
    assert "generation 5 published; rows: 4 removed" in capfd.readouterr().err
    assert report(capfd, "rollback", own, "2", "--yes", "--with-overrides")["n_added"] == 1


def test_history_lists_what_each_generation_changed(
    own: Path, delta: Path, capfd: Captured
) -> None:
    run("add", own, delta, "--list", "demo-hotline", "--version", "2026-12-01")
    run("rollback", own, "1", "--yes")
    capfd.readouterr()
    assert run("history", own, "--json") == 0
    said = capfd.readouterr()
    assert said.err == ""
    told = json.loads(said.out)
    assert [(one["generation"], one["kind"], one["is_current"]) for one in told] == [
        (1, "build", False),
        (2, "add", False),
        (3, "rollback", True),
    ]
    assert (told[1]["list"], told[1]["n_added"], told[2]["restored"]) == ("demo-hotline", 1, 1)
    assert run("history", own) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert "3 (current)" in said.err
    assert "add demo-hotline" in said.err


def test_compact_prunes_and_purges(own: Path, delta: Path, capfd: Captured) -> None:
    run("add", own, delta, "--list", "demo-hotline")
    run("remove", own, "--list", "demo-hotline", "--entry", "N-1")
    capfd.readouterr()
    told = report(capfd, "compact", own, "--purge")
    assert (told["n_dropped"], told["n_purged"]) == (1, 1)
    files = [path for path in (own / "built").rglob("*") if path.is_file()]
    assert not any(b"\x0f" * 32 in path.read_bytes() for path in files)
    report(capfd, "compact", own, "--keep", "1")
    assert run("history", own, "--json") == 0
    assert [one["generation"] for one in json.loads(capfd.readouterr().out)] == [4]
    run("compact", own, "--purge")
    assert "rows purged from earlier generations: 0" in capfd.readouterr().err


def test_another_writer_is_one_line(own: Path, capfd: Captured) -> None:
    with LockedDirectory.lock(own):
        assert run("compact", own) == 1
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "is being changed by another process" in said


@pytest.mark.parametrize(
    "command", ["add", "replace", "remove", "disable", "enable", "compact", "rollback", "history"]
)
def test_help_has_an_example(capfd: Captured, command: str) -> None:
    assert run(command, "--help") == 0
    assert f"Example: hashmatch index {command}" in capfd.readouterr().out


def test_a_video_is_added_by_its_vpdq_text(
    own: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clip.vpdq.txt"
    path.write_text(f"0,90,{'ab' * 32},0.000\n30,40,{'cd' * 32},1.001\n60,90,{'ef' * 32},2.002\n")
    add = ["index", "add", str(own), str(path), "--list", "demo-hotline"]
    assert main(add) == 0
    assert "rows: 2 added, 1 ignored" in capfd.readouterr().err
    assert main([*add, "--entry-id", "case 7", "--min-quality", "0"]) == 0
    assert "rows: 3 added" in capfd.readouterr().err
    assert main(["match", "ef" * 32, "--index", str(own), "--radius", "0"]) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert [(row["entry_id"], row["entry_timestamp_s"]) for row in rows] == [
        ("case 7", "2.002"),
        ("clip", "2.002"),
    ]
    assert main(["index", "remove", str(own), "--list", "demo-hotline", "--entry", "clip"]) == 0
    assert "rows: 2 removed" in capfd.readouterr().err
