"""`hashmatch match`: entries near a hash, against lists read by hand."""

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from hashmatch.cli import main
from hashmatch.fingerprint import hash_image
from hashmatch.screener import Screener
from hashmatch.values import Hash

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "decision-row.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def listed(demo: Path) -> dict[str, str]:
    with (demo / "lists" / "spam.csv").open(newline="") as file:
        return {row["entry_id"]: row["hash"] for row in csv.DictReader(file)}


def match(demo: Path, *args: str) -> int:
    return main(["match", *args, "--index", str(demo)])


def test_rows_are_entries_nearest_first(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    advert = listed(demo)["gravel-advert"]
    assert match(demo, advert, advert.upper()) == 0
    said = capfd.readouterr()
    assert said.err == ""
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert rows[:2] == rows[2:]
    distance = hash_image(demo / "images" / "gravel.jpg").distance(
        Hash("pdq", hash_image(demo / "images" / "gravel-advert.jpg").code, None)
    )
    assert rows[:2] == [
        {
            "query": advert,
            "path": "",
            "list": "demo-spam",
            "list_version": "2026-47",
            "entry_id": "gravel-advert",
            "harm": "spam",
            "distance": "0",
            "radius": "31",
            "entry_timestamp_s": "",
        },
        {
            "query": advert,
            "path": "",
            "list": "demo-hotline",
            "list_version": "2026-11-01",
            "entry_id": "H-1002",
            "harm": "csam",
            "distance": str(distance),
            "radius": "31",
            "entry_timestamp_s": "",
        },
    ]


@pytest.mark.parametrize(("radius", "n_rows"), [(0, 1), (23, 1), (24, 2), (256, 17)])
def test_radius_is_inclusive(
    demo: Path, radius: int, n_rows: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert match(demo, listed(demo)["gravel-advert"], "--radius", str(radius), "--json") == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert len(rows) == n_rows
    assert all(row["distance"] <= row["radius"] == radius for row in rows)
    assert [(row["distance"], row["list"], row["entry_id"]) for row in rows] == sorted(
        (row["distance"], row["list"], row["entry_id"]) for row in rows
    )


def test_an_entry_on_two_lists_is_two_rows(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert match(demo, listed(demo)["galaxies"]) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert [row["list"] for row in rows] == ["demo-known-good", "demo-spam"]


def test_nothing_near_is_a_header_only(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert match(demo, "00" * 32, "--radius", "3") == 0
    assert capfd.readouterr().out == (
        "query,path,list,list_version,entry_id,harm,distance,radius,entry_timestamp_s\n"
    )


def test_hashes_from_stdin(demo: Path) -> None:
    codes = [listed(demo)["cat"], listed(demo)["julia-3"].upper()]
    command = [sys.executable, "-m", "hashmatch.cli", "match", "-", "--index", str(demo), "--json"]
    done = subprocess.run(
        command,
        input="\n".join([codes[0], "", f"  {codes[1]}  "]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["entry_id"] for row in rows] == ["cat", "julia-3"]


def test_mistakes(demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good, index = "0f" * 32, ["--index", str(demo)]
    for code, args, message in (
        (2, [good, good[1:], *index], "hash 2: expected 64 hex digits, found 63 characters"),
        (2, ["x" * 64, *index], "hash 1: expected 64 hex digits, found something that is not hex"),
        (2, ["٣" * 64, *index], "not hex"),
        (2, [good, "", *index], "an argument is empty"),
        (2, [good, *index, "--radius", "-1"], "Invalid value for '--radius'"),
        (2, [good, *index, "--radius", "257"], "the largest radius of pdq is 256 bits"),
        (2, [good, *index, "--radius", "wide"], "Invalid value for '--radius'"),
        (2, [good, *index, "--algorithm", "md5"], "the index holds pdq"),
        (2, [good, "--index", str(tmp_path / "absent")], "absent"),
        (1, [good, "--index", str(tmp_path)], str(tmp_path)),
    ):
        assert main(["match", *args]) == code, args
        said = capfd.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert message in said.err
        assert good not in said.err


def test_digests_match_by_equality(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    digest = hashlib.md5(b"a", usedforsecurity=False).hexdigest()
    (tmp_path / "list.csv").write_text(f"entry_id,hash,harm\na,{digest},h\nb,{'0' * 32},h\n")
    (tmp_path / "recipe.toml").write_text(
        'name = "d"\n[[lists]]\nname = "d"\nfile = "list.csv"\nversion = "1"\nalgorithm = "md5"\n'
    )
    assert main(["index", "build", str(tmp_path)]) == 0
    capfd.readouterr()
    assert match(tmp_path, digest.upper(), "--algorithm", "md5") == 0
    (row,) = csv.DictReader(io.StringIO(capfd.readouterr().out))
    assert (row["entry_id"], row["distance"], row["radius"]) == ("a", "0", "0")
    assert match(tmp_path, digest, "--algorithm", "md5", "--radius", "0") == 0
    capfd.readouterr()
    assert match(tmp_path, digest, "--algorithm", "md5", "--radius", "1") == 2
    assert "the largest radius of md5 is 0 bits" in capfd.readouterr().err
    assert main(["index", "info", str(tmp_path)]) == 0
    assert "md5 codes" in capfd.readouterr().err


def test_a_policy_gives_decision_rows(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    known = listed(demo)["gravel-advert"]
    policy = demo / "policy.toml"
    assert match(demo, known.upper(), "00" * 32, "--policy", str(policy)) == 0
    said = capfd.readouterr()
    assert said.err == ""
    rows = [json.loads(line) for line in said.out.splitlines()]
    screener = Screener.open(demo, policy)
    for row, query in zip(rows, (known, "00" * 32), strict=True):
        decision = screener.screen_hashes({"pdq": query}, content_id=query)
        assert row == json.loads(json.dumps(decision.to_dict()))
        VALIDATOR.validate(row)
    assert [(row["row_version"], row["n_matches"]) for row in rows] == [(1, 2), (1, 0)]
    assert match(demo, known, "--policy", str(policy), "--json") == 0
    assert [json.loads(line) for line in capfd.readouterr().out.splitlines()] == rows[:1]


def test_a_policy_and_a_radius_exclude_each_other(
    demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    policy = ["--policy", str(demo / "policy.toml")]
    for args, message in (
        ([*policy, "--radius", "3"], "not with --policy, which sets the radius"),
        (["--policy", str(tmp_path / "absent")], "absent"),
        ([*policy, "--algorithm", "phash"], "the index holds pdq"),
    ):
        assert match(demo, "0f" * 32, *args) == 2
        said = capfd.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert message in said.err


def run_match(demo: Path, stdin: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "hashmatch.cli", "match", "-", "--index", str(demo)]
    return subprocess.run([*command, *options], input=stdin, capture_output=True, check=False)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_the_output_of_hash_is_an_input(demo: Path, tmp_path: Path, suffix: str) -> None:
    folder, output = tmp_path / "in", tmp_path / f"hashes.{suffix}"
    folder.mkdir()
    names = ["a,b.jpg", "line\nbreak.jpg", "return\r.jpg", os.fsdecode(b"\xff.jpg")]
    for name in names:
        shutil.copy(demo / "images" / "cat.jpg", folder / name)
    (folder / "text.jpg").write_text("no picture")
    assert main(["hash", str(folder), "-o", str(output)]) == 1
    done = run_match(demo, b"\xef\xbb\xbf" + output.read_bytes())
    assert (done.returncode, done.stderr) == (
        0,
        b"hashmatch: 1 rows without a hash were left out\n",
    )
    text = io.StringIO(done.stdout.decode("utf-8", "surrogateescape"), newline="")
    rows = list(csv.DictReader(text))
    assert {row["path"] for row in rows} == {str(folder / name) for name in names}
    assert {row["entry_id"] for row in rows} == {"cat"}
    done = run_match(demo, output.read_bytes(), "--policy", str(demo / "policy.toml"))
    decisions = [json.loads(line) for line in done.stdout.splitlines()]
    assert {decision["content_id"] for decision in decisions} == {row["path"] for row in rows}
    assert {decision["hashes"][0]["quality"] for decision in decisions} == {100}


def test_lines_may_name_the_algorithm(demo: Path) -> None:
    known = listed(demo)["cat"]
    done = run_match(demo, f"\ufeffpdq {known}\r\n{known}\n".encode(), "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [json.loads(line)["entry_id"] for line in done.stdout.splitlines()] == ["cat", "cat"]


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"md5 " + b"0" * 32, b"line 1: not a hash by pdq"),
        (b"path,algorithm,hash,quality,error\na,md5,00,,\n", b"row 1: not a hash by pdq"),
        (b"path,hash\na,zz\n", b"row 1: expected 64 hex digits"),
        (b'path,hash\n"a,zz\n', b"row 1: not CSV"),
        (b"path,hash,quality\na," + b"0" * 64 + b",much\n", b"row 1: quality must be"),
        (b"path,hash,quality\na," + b"0" * 64 + b",101\n", b"row 1: quality must be"),
        (b'{"hash": 12}\n', b"line 1: expected text"),
        (b'{"hash": "00", "path": "\\ud800"}\n', b"line 1: expected text"),
        (b'{"hash": "00", "quality": 1e400}\n', b"line 1: quality must be"),
        (b'{"hash": "00", "quality": true}\n', b"line 1: quality must be"),
        (b'{"hash": "00", "quality": 1.5}\n', b"line 1: quality must be"),
        (b'{"hash": "00"}\n[]\n', b"line 2: not a JSON object"),
        (b"0" * 2**21, b"line 1: more than 1048576 bytes"),
        (b"{" * 100_000, b"line 1: not a JSON object"),
    ],
)
def test_bad_input_is_one_line(demo: Path, stdin: bytes, message: bytes) -> None:
    done = run_match(demo, stdin)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert message in done.stderr
