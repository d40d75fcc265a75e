"""`hashmatch scan`: rows where asked, the summary on stderr, Ctrl-C."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hashmatch.cli import main
from tests.workers.processes import wait_for


def scan(demo: Path, *args: object) -> int:
    policy = demo / "policy.toml"
    return main(["scan", *map(str, args), "--index", str(demo), "--policy", str(policy)])


def test_rows_go_to_the_file_and_the_summary_to_stderr(
    demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "rows.jsonl"
    assert scan(demo, demo / "uploads", "-o", output) == 0  # undecodable files are rows
    said = capfd.readouterr()
    assert said.out == ""
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(rows) == 26
    facts = {" ".join(line.split()[:-1]): line.split()[-1] for line in said.err.splitlines()}
    assert facts["files"] == "26"
    assert facts["not decodable"] == "3"
    assert facts["with matches"] == "17"
    assert facts["action block"] == str(sum(row["action"] == "block" for row in rows))
    assert str(output) in said.err


def test_rows_go_to_stdout_unless_told_otherwise(
    demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert scan(demo, demo / "uploads", "-o", tmp_path / "rows.jsonl") == 0
    capfd.readouterr()
    for args in ((), ("-o", "-"), ("--workers", "1"), ("--decode", "exact")):
        assert scan(demo, demo / "uploads", *args) == 0
        assert capfd.readouterr().out == (tmp_path / "rows.jsonl").read_text()


def test_json_is_the_summary(demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "rows.jsonl"
    assert scan(demo, demo / "uploads", "-o", output, "--json") == 0
    said = capfd.readouterr()
    summary = json.loads(said.out)
    assert said.err == ""
    assert summary.pop("elapsed_s") > 0
    assert summary == {
        "n_files": 26,
        "n_errors": 3,
        "n_with_matches": 17,
        "n_matches": 19,
        "actions": {"allow": 8, "block": 8, "quarantine": 5, "review": 4 + 1},
        "output": str(output),
    } | {"actions": summary["actions"]}
    assert sum(summary["actions"].values()) == 26


def test_mistakes(
    demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uploads = demo / "uploads"
    bad_policy = tmp_path / "policy.toml"
    bad_policy.write_text('version = "1"\ndefault = "alow"\n')
    policy = demo / "policy.toml"
    for code, args, message in (
        (2, ["absent", "--index", demo, "--policy", policy], "absent: no such file or folder"),
        (2, [uploads, "--index", "absent", "--policy", policy], "absent"),
        (2, [uploads, "--index", demo, "--policy", "absent"], "absent"),
        (2, [uploads, "--index", demo, "--policy", policy, "--json"], "stdout carries the rows"),
        (1, [uploads, "--index", demo, "--policy", bad_policy], "alow"),
        (1, [uploads, "--index", tmp_path, "--policy", policy], str(tmp_path)),
        (1, [uploads, "--index", demo, "--policy", policy, "-o", "no/rows"], "no/rows"),
    ):
        assert main(["scan", *map(str, args)]) == code, args
        said = capfd.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert said.err.startswith("hashmatch: error: ")
        assert message in said.err
        assert "bug" not in said.err


def test_the_output_may_not_be_an_input(
    demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.jsonl").write_text("precious")
    assert scan(demo, tmp_path, "-o", tmp_path / "rows.jsonl") == 2
    said = capfd.readouterr()
    assert "rows.jsonl is also one of the inputs" in said.err
    assert (tmp_path / "rows.jsonl").read_text() == "precious"


SLOW = """
import sys, time
from hashmatch.screener import Screener
from hashmatch.cli import main

whole = Screener.screen_many
def slow(self, items, **options):
    time.sleep(0.5)
    return whole(self, items, **options)
Screener.screen_many = slow

if __name__ == "__main__":
    sys.exit(main())
"""


def test_ctrl_c_says_how_far_it_came(demo: Path, tmp_path: Path) -> None:
    script, output = tmp_path / "slow.py", tmp_path / "rows.jsonl"
    script.write_text(SLOW)
    many = tmp_path / "many"
    many.mkdir()
    for number in range(200):
        (many / f"{number:03}").symlink_to(demo / "uploads" / "blank.png")
    options = ["--index", demo, "-o", output, "--policy", demo / "policy.toml", "--workers", "1"]
    command = [sys.executable, str(script), "scan", str(many), *map(str, options)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: output.exists() and output.stat().st_size)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(30) == 1
    n_rows = output.read_bytes().count(b"\n")
    assert said == f"hashmatch: interrupted: {n_rows} of 200 rows are in {output}\n"
    assert 0 < n_rows < 200
    assert json.loads(output.read_bytes().splitlines()[-1])["content_id"].endswith(
        f"{n_rows - 1:03}"
    )


def test_progress_is_shown_on_a_terminal(demo: Path, tmp_path: Path) -> None:
    """A pseudo-terminal for stderr; the bar counts up to all files."""
    master, slave = pty.openpty()
    options = ["--index", demo, "--policy", demo / "policy.toml", "-o", tmp_path / "rows.jsonl"]
    command = [sys.executable, "-m", "hashmatch.cli", "scan", str(demo / "uploads")]
    command += map(str, options)
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        command, stderr=slave, stdout=subprocess.PIPE, env=environment
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                block = os.read(master, 4096)
            except OSError:
                break
            if not block:
                break
            shown += block
        assert process.stdout is not None
        assert process.stdout.read() == b""
    os.close(master)
    assert b"26/26" in shown
    assert b"17 with matches" in shown
