"""A golden file is compared with, and changes only on demand."""

from pathlib import Path

import pytest

from tests.golden import GoldenFiles


def test_the_same_bytes_pass_and_others_fail(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"as it was")
    GoldenFiles(rewrite=False).check(path, b"as it was")
    with pytest.raises(AssertionError, match="file differs; if the change is meant"):
        GoldenFiles(rewrite=False).check(path, b"as it is")
    assert path.read_bytes() == b"as it was"


def test_a_missing_file_fails_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="file is missing; `make golden` writes it"):
        GoldenFiles(rewrite=False).check(tmp_path / "file", b"")
    assert list(tmp_path.iterdir()) == []


def test_rewriting_writes_the_bytes(tmp_path: Path) -> None:
    GoldenFiles(rewrite=True).check(tmp_path / "file", b"as it is")
    assert (tmp_path / "file").read_bytes() == b"as it is"
