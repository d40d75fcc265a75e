"""Rows arrive whole or not at all."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.backlog.rows import json_row, open_rows
from hashmatch.errors import HashmatchError


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_a_row_is_one_line_of_ascii(row: dict[str, object]) -> None:
    line = json_row(row)
    assert line.isascii()
    assert line.index(b"\n") == len(line) - 1
    assert json.loads(line) == row


@given(st.binary(max_size=8))
def test_a_name_of_any_bytes_survives(name: bytes) -> None:
    line = json_row({"content_id": os.fsdecode(name)})
    assert os.fsencode(json.loads(line)["content_id"]) == name


def test_a_new_file_shows_rows_at_once_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with open_rows(path) as sink:
        sink.write(b"1\n2\n", 2)
        assert path.read_bytes() == b"1\n2\n"
        sink.write(b"3\n", 1)
        assert sink.n_rows == 3
        assert sink.keeps_rows
    assert path.read_bytes() == b"1\n2\n3\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_rows_replace_an_earlier_file_only_once_they_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"old\n")
    path.chmod(0o644)

    def interrupt() -> None:
        with open_rows(path) as sink:
            sink.write(b"1\n", 1)
            assert not sink.keeps_rows
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert path.read_bytes() == b"old\n"
    with open_rows(path) as sink:
        sink.write(b"1\n", 1)
        assert path.read_bytes() == b"old\n"
    assert path.read_bytes() == b"1\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("before", [b"", b"old\n"])
def test_two_writers_of_one_file_are_refused(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(before)
    with open_rows(path) as sink:
        with pytest.raises(HashmatchError, match="rows.jsonl: another process is writing"):
            open_rows(path).__enter__()
        sink.write(b"1\n", 1)
    assert path.read_bytes() == b"1\n"
    with open_rows(path) as sink:
        sink.write(b"2\n", 1)
    assert path.read_bytes() == b"2\n"


def test_a_stream_is_flushed_and_left_open() -> None:
    raw = io.BytesIO()
    stream = io.BufferedWriter(raw)
    with open_rows(stream) as sink:
        sink.write(b"1\n2\n", 2)
        assert raw.getvalue() == b"1\n2\n"
        assert sink.n_rows == 2
    assert not stream.closed


def test_a_device_needs_no_truncation() -> None:
    with open_rows("/dev/null") as sink:
        sink.write(b"1\n", 1)
        assert sink.n_rows == 1


@pytest.mark.parametrize("written", [0, 1, 3, 4])
def test_an_interrupted_write_leaves_whole_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    path, write = tmp_path / "rows.jsonl", os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        write(descriptor, data[:written])
        raise KeyboardInterrupt

    with open_rows(path) as sink:
        sink.write(b"1\n2\n", 2)
        monkeypatch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sink.write(b"3\n4\n", 2)
        monkeypatch.undo()
        assert sink.n_rows == 2
    assert path.read_bytes() == b"1\n2\n"


def test_a_full_disk_leaves_whole_rows(tmp_path: Path) -> None:
    script = """
import resource, sys
from hashmatch.backlog.rows import open_rows
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with open_rows(sys.argv[1]) as sink:
    try:
        while True:
            sink.write(b"x" * 29 + b"\\n" + b"y" * 29 + b"\\n", 2)
    except OSError:
        print(sink.n_rows)
"""
    path = tmp_path / "rows.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == int(done.stdout) == 32
    assert {len(line) for line in lines} == {30}
