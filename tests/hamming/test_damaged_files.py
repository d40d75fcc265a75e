"""Files that are damaged, truncated, overlong, foreign or newer are refused, with the reason."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex

MAGIC = b"\x89HMI\r\n\x1a\n"
RNG = np.random.default_rng(8)


def save(path: Path, n: int, n_bytes: int, *, with_ids: bool) -> None:
    codes = RNG.integers(0, 256, (n, n_bytes), dtype=np.uint8)
    ids = RNG.permutation(2 * n)[:n] - n if with_ids else None
    HammingIndex.build(codes, ids, algorithm="pdq").save(path)


@pytest.fixture(params=[(2, 32, True), (0, 8, False)], ids=["two codes with ids", "empty"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    n, n_bytes, with_ids = request.param
    path = tmp_path / "list.hmi"
    save(path, n, n_bytes, with_ids=with_ids)
    return path


def refused(path: Path, *, verify: bool) -> str | None:
    """Return why the file is refused, None if it is not; checks the form of the message."""
    try:
        HammingIndex.open(path, verify=verify)
    except IndexFormatError as error:
        message = str(error)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        return message.removeprefix(f"{path}: ")
    return None


def test_every_flipped_byte_is_found(path: Path) -> None:
    size = path.stat().st_size
    descriptor = os.open(path, os.O_RDWR)
    try:
        for at in range(size):
            byte = os.pread(descriptor, 1, at)[0]
            os.pwrite(descriptor, bytes([byte ^ (1 << at % 8)]), at)
            assert refused(path, verify=True), at
            os.pwrite(descriptor, bytes([byte]), at)
    finally:
        os.close(descriptor)
    assert refused(path, verify=True) is None


def test_every_flipped_byte_of_the_header_is_found_by_open(path: Path) -> None:
    data = path.read_bytes()
    n_header = 48 + struct.unpack_from("<I", data, 12)[0]
    for at in range(n_header):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :])
        assert refused(path, verify=False), at


def test_every_truncation_is_found_by_open(path: Path) -> None:
    for size in reversed(range(path.stat().st_size)):
        os.truncate(path, size)
        assert refused(path, verify=False), size


@pytest.mark.parametrize("n_more", [1, 63, 4096, 1 << 20])
def test_appended_bytes_are_found_by_open(path: Path, n_more: int) -> None:
    with path.open("ab") as file:
        file.write(bytes(n_more))
    assert "bytes, but its header says" in (refused(path, verify=False) or "")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes, too few"),
        (MAGIC, "8 bytes, too few"),
        (MAGIC + bytes(39), "47 bytes, too few"),
        (bytes(48), "not a hashmatch index"),
        (b"\x89PNG\r\n\x1a\n" + bytes(9000), "not a hashmatch index"),
        (b"hash,algorithm\n" * 1000, "not a hashmatch index"),
        (MAGIC.replace(b"\r\n", b"\n") + bytes(9000), "not a hashmatch index"),
        (MAGIC + struct.pack("<II", 1, 1 << 31) + bytes(9000), "header is truncated"),
        (MAGIC + struct.pack("<II", 1, 9000) + bytes(9000), "header is truncated"),
        (MAGIC + struct.pack("<II", 1, 0) + bytes(9000), "header is damaged"),
    ],
)
def test_foreign_files_are_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(data)
    assert reason in (refused(path, verify=False) or "")


@pytest.mark.parametrize("version", [0, 255, 1 << 31])
@pytest.mark.parametrize("n_text", [0, 100, 0xFFFFFFFF])
def test_other_versions_are_named(tmp_path: Path, version: int, n_text: int) -> None:
    path = tmp_path / "newer.hmi"
    path.write_bytes(MAGIC + struct.pack("<II", version, n_text) + bytes(9000))
    message = refused(path, verify=False) or ""
    assert f"version {version}," in message
    assert "upgrade hashmatch" in message
