"""`hashmatch hash`: the same rows in three formats."""

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hashmatch.cli import main
from hashmatch.fingerprint import hash_image, hash_segments

COLUMNS = ["path", "algorithm", "hash", "quality", "error"]


def rows_of_csv(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        row["quality"] = int(row["quality"]) if row["quality"] else None
        row["hash"], row["error"] = row["hash"] or None, row["error"] or None
    return rows


def test_csv_on_stdout(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["hash", str(demo / "images")]) == 0
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out.splitlines()[0] == ",".join(COLUMNS)
    rows = rows_of_csv(said.out)
    paths = sorted((demo / "images").iterdir())
    assert [row["path"] for row in rows] == list(map(str, paths))
    for row, path in zip(rows, paths, strict=True):
        expected = hash_image(path)
        assert (row["algorithm"], row["hash"], row["quality"], row["error"]) == (
            "pdq",
            expected.hex,
            expected.quality,
            None,
        )


def test_every_format_holds_the_same_rows(
    demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = ["--workers", "1", str(demo / "uploads"), str(demo / "images")]
    assert main(["hash", *paths]) == 1  # some uploads cannot be hashed
    said = capfd.readouterr()
    assert said.err == "hashmatch: 3 of 43 files could not be hashed\n"
    expected = rows_of_csv(said.out)
    errors = {Path(row["path"]).name: row["error"] for row in expected if row["error"]}
    assert errors["empty.jpg"] == "empty file"
    assert set(errors) == {"empty.jpg", "rocket-truncated.jpg", "text-file.jpg"}
    for name in ("rows.csv", "rows.jsonl", "rows.parquet"):
        assert main(["hash", *paths, "-o", str(tmp_path / name)]) == 1
        assert capfd.readouterr().out == ""
    assert (tmp_path / "rows.csv").read_text() == said.out
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == expected
    table = pq.read_table(tmp_path / "rows.parquet")
    assert table.column_names == COLUMNS
    assert table.to_pylist() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "rows.csv",
        "rows.jsonl",
        "rows.parquet",
    ]


def test_luma_and_workers(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for args in (["--decode", "luma"], ["--decode", "luma", "--workers", "2"]):
        assert main(["hash", str(demo / "images"), *args]) == 0
        outputs.append(capfd.readouterr().out)
    assert outputs[0] == outputs[1]
    for row in rows_of_csv(outputs[0]):
        assert row["hash"] == hash_image(row["path"], decode="luma").hex


def test_names_that_are_not_utf_8_survive(
    demo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.chdir(tmp_path)
    name = b"in/n\xe4me.png"
    Path("in").mkdir()
    Path(os.fsdecode(name)).symlink_to(demo / "uploads" / "blank.png")
    assert main(["hash", "in"]) == 0
    assert capfdbinary.readouterr().out.splitlines()[1].startswith(name + b",pdq,")
    for form in ("jsonl", "parquet"):
        assert main(["hash", "in", "-o", f"rows.{form}"]) == 0
    (line,) = Path("rows.jsonl").read_text().splitlines()
    assert os.fsencode(json.loads(line)["path"]) == name
    assert pq.read_table("rows.parquet")["path"].to_pylist() == ["in/n\\xe4me.png"]


def test_a_path_without_permission_is_a_row(
    demo: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    assert main(["hash", str(demo / "images" / "coffee.jpg")]) == 0
    assert len(rows_of_csv(capfd.readouterr().out)) == 1


def test_a_pipe_is_written_to(demo: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "hashmatch.cli", "hash", str(demo / "images"), "-o", str(pipe)]
    with subprocess.Popen(command) as process:
        rows = rows_of_csv(pipe.read_text())
    assert process.returncode == 0
    assert len(rows) == len(list((demo / "images").iterdir()))
    assert pipe.is_fifo()


def test_mistakes(
    demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for code, args, message in (
        (2, ["absent"], "absent: no such file or folder"),
        (2, [demo / "images", "--algorithm", "photodna"], "photodna"),
        (2, [demo / "images", "-o", "rows.txt"], "rows.txt: expected a name that ends in .csv"),
        (2, [demo / "images", "-o", "/dev/null"], "/dev/null: expected a name that ends in .csv"),
        (2, [demo / "images", "--time-limit", "30"], "--time-limit: needs --isolate"),
        (2, [demo / "images", "-o", "rows"], "rows: expected a name that ends in .csv"),
        (1, [demo / "images", "-o", "no/rows.csv"], "no/rows.csv: No such file"),
    ):
        assert main(["hash", *map(str, args)]) == code, args
        said = capfd.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert message in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_failure_half_way_leaves_what_was_there(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    output = tmp_path / f"rows.{form}"
    output.write_text("before")
    sync = os.fsync

    def fail(descriptor: int) -> None:
        sync(descriptor)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    assert main(["hash", str(demo / "images"), "-o", str(output)]) == 1
    assert output.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_files_are_private_and_follow_no_planted_link(
    demo: Path, tmp_path: Path, form: str
) -> None:
    precious, output = tmp_path / "precious", tmp_path / f"rows.{form}"
    precious.write_text("before")
    (tmp_path / f"rows.{form}.part").symlink_to(precious)
    output.symlink_to(precious)
    assert main(["hash", str(demo / "images"), "-o", str(output)]) == 0
    assert precious.read_text() == "before"
    assert not output.is_symlink()
    assert output.stat().st_mode & 0o777 == 0o600


def test_digests_of_files_of_any_kind(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("md5", "sha1", "sha256"):
        assert main(["hash", str(demo / "uploads"), "--algorithm", name]) == 0
        rows = rows_of_csv(capfd.readouterr().out)
        assert len(rows) == 26
        for row in rows:
            data = Path(row["path"]).read_bytes()
            assert row["hash"] == hashlib.new(name, data).hexdigest()
            assert (row["algorithm"], row["quality"], row["error"]) == (name, None, None)


def test_a_row_for_each_segment(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    paths = [demo / "images" / "coffee.jpg", demo / "uploads" / "text-file.jpg"]
    assert main(["hash", *map(str, paths), "--algorithm", "crop-resistant"]) == 1
    said = capfd.readouterr()
    assert said.err == "hashmatch: 1 of 2 files could not be hashed\n"
    *rows, bad = rows_of_csv(said.out)
    assert [row["hash"] for row in rows] == [one.hex for one in hash_segments(paths[0])]
    assert {row["path"] for row in rows} == {str(paths[0])}
    assert bad["hash"] is None
    assert bad["error"].startswith("not an image")


def test_an_algorithm_that_is_not_installed(
    demo: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imagehash", None)
    picture = str(demo / "images" / "coffee.jpg")
    assert main(["hash", picture, "--algorithm", "crop-resistant"]) == 1
    said = capfd.readouterr()
    assert said.err == (
        "hashmatch: error: crop-resistant is computed by imagehash; install it: "
        "pip install 'hashmatch[compat]'\n"
    )
