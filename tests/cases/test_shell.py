"""Cases of the command line: outputs, arguments, streams and pipes that misled."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hashmatch as hm
from hashmatch.cli import main
from hashmatch.errors import HashListError
from hashmatch.index import add_list, build_index

COMMAND = [sys.executable, "-m", "hashmatch.cli"]


def run(
    *args: object, folder: Path, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command line in a folder; `shell` is a redirection, such as ``2>&-``."""
    command = [*COMMAND, *map(str, args)]
    if shell:
        command = ["bash", "-c", f'"$@" {shell}', "bash", *command]
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, check=False
    )


@pytest.mark.case("closed-standard-streams")
def test_closed_streams_cost_messages_only(case: Path, demo: Path) -> None:
    picture = demo / "images" / "cat.jpg"
    decide = ("--index", demo, "--policy", demo / "policy.toml")
    scanned = run("scan", picture, *decide, folder=case, shell="2>&-")
    assert scanned.returncode == 0
    assert [json.loads(line)["action"] for line in scanned.stdout.splitlines()] == ["block"]
    (case / "bad.jpg").write_text("no picture")
    hashed = run("hash", "bad.jpg", picture, folder=case, shell="2>&-")
    assert hashed.returncode == 1
    assert len(list(csv.reader(hashed.stdout.decode().splitlines()))) == 3
    for args in (("hash", picture), ("--help",), ("scan", picture, *decide)):
        closed = run(*args, folder=case, shell=">&-")
        assert (closed.returncode, closed.stdout) == (1, b"")
        assert closed.stderr.count(b"\n") <= 1 or b"hashmatch: error" in closed.stderr
        assert b"bug" not in closed.stderr
    empty = run("match", "-", "--index", demo, folder=case, shell="<&-")
    assert (empty.returncode, empty.stdout) == (1, b"")
    assert empty.stderr.startswith(b"hashmatch: error: stdin cannot be read")


@pytest.mark.case("csv-name-with-carriage-return")
def test_a_name_with_a_carriage_return_is_one_row(case: Path) -> None:
    (case / "c").mkdir()
    (case / "small.png").rename(case / "c" / "x\ry.png")
    assert run("hash", "c", "-o", "out.csv", folder=case).returncode == 0
    with (case / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["c/x\ry.png"]


@pytest.mark.case("empty-path-is-current-folder")
def test_an_empty_path_is_a_usage_error(case: Path, demo: Path) -> None:
    decide = ("--index", demo, "--policy", demo / "policy.toml")
    for args in (
        ("scan", "", *decide),
        ("hash", ""),
        ("index", "build", ""),
        ("match", "ab" * 32, "--index", ""),
        ("scan", case, "--index", demo, "--policy="),
    ):
        done = run(*args, folder=case)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"is empty" in done.stderr
        assert done.stderr.count(b"\n") == 1


@pytest.mark.case("hash-to-match-pipe")
def test_hash_pipes_into_match(case: Path, demo: Path) -> None:
    for picture in (demo / "images" / "cat.jpg", case / "small.png"):
        hashed = run("hash", picture, folder=case)
        done = subprocess.run(
            [*COMMAND, "match", "-", "--index", str(demo)],
            input=hashed.stdout,
            capture_output=True,
            check=True,
        )
        rows = list(csv.DictReader(done.stdout.decode().splitlines()))
        expected = {str(picture)} if picture.name == "cat.jpg" else {row["path"] for row in rows}
        assert {row["path"] for row in rows} == expected


@pytest.mark.case("json-number-as-hash", build=False)
def test_a_json_number_is_no_hash(case: Path) -> None:
    with pytest.raises(HashListError, match="column hash: expected text") as caught:
        build_index(case)
    assert "1234567890123456" not in str(caught.value)


@pytest.mark.case("jsonl-line-without-end")
def test_an_endless_line_is_refused_by_row(case: Path, demo_copy: Path) -> None:
    row = {"entry_id": "a", "hash": "ab" * 32, "note": "x" * 30_000_000}
    (case / "long.jsonl").write_text(json.dumps(row))
    with pytest.raises(HashListError, match=r"long\.jsonl row 1: longer than 4 MiB"):
        add_list(demo_copy, case / "long.jsonl", list_name="demo-spam", version="v")


@pytest.mark.case("list-separators-and-marks", build=False)
def test_separators_and_marks_are_read(case: Path, demo_copy: Path) -> None:
    recipe = (case / "recipe.toml").read_text()
    for name in ("semicolon.csv", "trailing-comma.csv"):
        (case / "recipe.toml").write_text(recipe.replace("semicolon.csv", name))
        assert build_index(case).n_entries > 0
    report = add_list(demo_copy, case / "bom.vpdq.txt", list_name="demo-spam")
    assert report.counts is not None
    assert report.counts.rows > 0
    done = subprocess.run(
        [*COMMAND, "match", "-", "--index", str(demo_copy)],
        input=(case / "bom-hash.txt").read_bytes(),
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""


@pytest.mark.case("numbers-out-of-range", build=False)
def test_numbers_out_of_range_are_refused_with_the_range(
    case: Path, demo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    decide = ["--index", str(demo), "--policy", str(demo / "policy.toml"), "--isolate"]
    for args, code in (
        (["scan", str(case), *decide, "--time-limit", "inf"], 2),
        (["scan", str(case), *decide, "--memory-limit", "9" * 14], 2),
        (["video", "hash", "v.mp4", "--interval", "inf"], 2),
        (["hash", str(case), "--workers", "100000"], 2),
        (["index", "build", str(case)], 1),
    ):
        assert main(args) == code
        said = capfd.readouterr().err
        assert said.count("\n") == 1
        assert "bug" not in said


@pytest.mark.case("part-file-collides")
def test_a_temporary_file_never_collides(case: Path) -> None:
    precious = (case / "precious.txt").read_bytes()
    (case / "h.csv.part").write_bytes(precious)
    (case / "l.csv.part").symlink_to("precious.txt")
    for name in ("h.csv", "l.csv"):
        assert run("hash", "small.png", "-o", name, folder=case).returncode == 0
        assert (case / name).stat().st_mode & 0o777 == 0o600
    assert (case / "h.csv.part").read_bytes() == precious
    assert (case / "precious.txt").read_bytes() == precious


@pytest.mark.case("part-file-collides")
def test_the_later_of_two_runs_wins_whole(case: Path) -> None:
    for folder in ("one", "two"):
        (case / folder).mkdir()
        for number in range(40):
            (case / folder / f"{number}.png").write_bytes((case / "small.png").read_bytes())
    runs = [
        subprocess.Popen([*COMMAND, "hash", folder, "-o", "s.csv"], cwd=case)
        for folder in ("one", "two")
    ]
    assert [each.wait() for each in runs] == [0, 0]
    with (case / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    assert len({row["path"].partition("/")[0] for row in rows}) == 1


@pytest.mark.case("small-things")
def test_small_things(case: Path, tmp_path: Path, demo: Path) -> None:
    assert (case / "cases.txt").exists()
    hash_value = hm.hash_image(demo / "images" / "cat.jpg")
    with pytest.raises(ValueError, match="bits"):
        hm.Hash("pdq", np.zeros(3, np.uint8), 50)
    with pytest.raises(ValueError, match="0 to 100"):
        hm.Hash("pdq", hash_value.code, 999)
    up = tmp_path / "up"
    up.mkdir()
    (up / "a.png").write_bytes((demo / "images" / "cat.jpg").read_bytes())
    decide = ("--index", demo, "--policy", demo / "policy.toml")
    for suffix, args in (("csv", ("hash",)), ("jsonl", ("scan", *decide))):
        output = up / f"o.{suffix}"
        command = (*args[:1], up, *args[1:], "-o", output)
        assert run(*command, folder=tmp_path).returncode == 0
        before = output.read_bytes()
        again = run(*command, folder=tmp_path)
        assert again.returncode == 2
        assert b"is also one of the inputs" in again.stderr
        assert output.read_bytes() == before
        output.unlink()


@pytest.mark.case("csv-name-with-carriage-return")
def test_match_quotes_a_carriage_return_too(case: Path, demo: Path) -> None:
    picture = case / "x\ry.jpg"
    picture.write_bytes((demo / "images" / "cat.jpg").read_bytes())
    hashed = run("hash", picture, folder=case)
    done = subprocess.run(
        [*COMMAND, "match", "-", "--index", str(demo)],
        input=hashed.stdout,
        capture_output=True,
        check=True,
    )
    (row,) = csv.DictReader(done.stdout.decode().splitlines(keepends=True))
    assert row["path"] == str(picture)
