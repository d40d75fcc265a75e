"""Scans of folders that never ended: links that double, and files without an end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from hashmatch.cli import main


@pytest.mark.case("links-that-double")
def test_each_folder_is_entered_once(case: Path, demo: Path, tmp_path: Path) -> None:
    subprocess.run(["bash", "links.sh"], cwd=case, check=True)
    rows = tmp_path / "rows.jsonl"
    options = ["--index", str(demo), "--policy", str(demo / "policy.toml"), "-o", str(rows)]
    assert main(["scan", str(case / "links" / "d0"), *options]) == 0
    errors = {
        row["content_id"]: row["error"] for row in map(json.loads, rows.read_text().splitlines())
    }
    below = str(case / "links" / "d0") + "/a" * 14
    assert len(errors) == 15
    assert errors.pop(f"{below}/f.jpg") is not None  # no picture
    # Of two links to a folder one is followed, and the other says where the folder was scanned.
    for depth in range(14):
        folder = str(case / "links" / "d0") + "/a" * depth
        assert errors.pop(f"{folder}/b") == f"the folder is already scanned as '{folder}/a'"
    assert not errors


@pytest.mark.case("small-things")
def test_a_file_that_states_no_size_has_an_end(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = (case / "cases.txt").read_text().splitlines()[5]
    arguments = line.split()[2:6]
    path = arguments[1]
    assert path == "/proc/self/pagemap"
    if not Path(path).exists():
        pytest.skip("this system has no such file")
    assert main(arguments) == 1
    printed = capsys.readouterr().out
    assert "too large" in printed or "invalid argument" in printed  # a kernel may refuse the read
