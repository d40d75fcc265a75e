"""A golden file is compared with, and changes only when it is asked for."""

from pathlib import Path

import pytest


def test_the_same_bytes_pass_and_others_fail(golden, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"as it was")
    type(golden)(rewrite=False).check(path, b"as it was")
    with pytest.raises(AssertionError, match="not as in .*file; if it is meant to change"):
        type(golden)(rewrite=False).check(path, b"as it is")
    assert path.read_bytes() == b"as it was"


def test_a_missing_file_fails_and_is_not_made(golden, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="file is missing; `make golden` writes it"):
        type(golden)(rewrite=False).check(tmp_path / "file", b"")
    assert list(tmp_path.iterdir()) == []


def test_rewriting_writes_the_bytes(golden, tmp_path: Path) -> None:
    type(golden)(rewrite=True).check(tmp_path / "file", b"as it is")
    assert (tmp_path / "file").read_bytes() == b"as it is"
