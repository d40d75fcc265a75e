"""Digests of contents against hashlib."""

import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import hashmatch as hm
from hashmatch.errors import DecodeError

NAMES = ("md5", "sha1", "sha256")


def expected(data: bytes, names: Iterable[str] = NAMES) -> dict[str, str]:
    return {name: hashlib.new(name, data).hexdigest() for name in names}


@pytest.mark.parametrize("size", [0, 1, 1000, 3 * 2**20 + 17])
def test_every_kind_of_content(size: int, tmp_path: Path) -> None:
    data = os.urandom(size)
    path = tmp_path / "any file"
    path.write_bytes(data)
    sources: tuple[Any, ...] = (
        path,
        str(path),
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
    )
    for source in sources:
        made = hm.digests(source)
        assert {name: made[name].hex for name in made} == expected(data)
        assert list(made) == list(NAMES)
        assert all(one.quality is None and one.algorithm == name for name, one in made.items())
    with path.open("rb", buffering=0) as file:
        file.seek(min(size, 5))
        assert hm.digests(file)["md5"].hex == expected(data[5:])["md5"]
        assert not file.closed


def test_those_asked_for_only() -> None:
    made = hm.digests(b"x", ["sha1"])
    assert {name: one.hex for name, one in made.items()} == expected(b"x", ["sha1"])
    assert hm.digests(b"x", []) == {}


def test_a_file_is_read_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * (5 << 20))
    read, n_bytes = os.read, 0

    def counted(descriptor: int, size: int) -> bytes:
        nonlocal n_bytes
        block = read(descriptor, size)
        n_bytes += len(block)
        return block

    monkeypatch.setattr(os, "read", counted)
    hm.digests(path)
    assert n_bytes == 5 << 20


def test_unreadable_files_and_unknown_digests(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="/absent: no such file$"):
        hm.digests(tmp_path / "absent")
    with pytest.raises(DecodeError, match=": is a directory$"):
        hm.digests(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DecodeError, match="/fifo: not a regular file$"):
        hm.digests(tmp_path / "fifo")
    with pytest.raises(TypeError, match="cannot digest int"):
        hm.digests(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="binary mode"):
        hm.digests(io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="^pdq is not a digest; digests are md5, sha1, sha256$"):
        hm.digests(b"", ["pdq"])
    with pytest.raises(ValueError, match="hashmatch.digests"):
        hm.hash_image(b"", "md5")
