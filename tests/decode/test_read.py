from __future__ import annotations

import io
import os
import socket
import sys
import threading
from itertools import islice
from pathlib import Path

import pytest

from hashmatch.decode import (
    DecodeLimits,
    read_blocks,
    read_content,
    read_picture_content,
    read_stream,
)
from hashmatch.errors import DecodeError, ErrorKind


def reason_for(
    path: str | Path, kind: ErrorKind = ErrorKind.UNREADABLE, **options: DecodeLimits
) -> str:
    with pytest.raises(DecodeError) as caught:
        read_content(path, **options)
    assert str(path) not in str(caught.value)
    assert caught.value.kind is kind
    return str(caught.value)


@pytest.mark.parametrize("size_bytes", [1, 65_535, 65_536, 65_537, 300_000])
@pytest.mark.parametrize("kind", [str, Path])
def test_every_byte_is_read(size_bytes: int, kind: type[str] | type[Path], tmp_path: Path) -> None:
    content = os.urandom(size_bytes)
    path = tmp_path / "any.name"
    path.write_bytes(content)
    assert read_content(kind(path)) == content
    with path.open("rb") as stream:
        assert read_stream(stream) == content
        assert not stream.closed


def test_a_video_is_not_read_whatever_its_size(tmp_path: Path) -> None:
    path = tmp_path / "any.name"
    path.write_bytes(b"\x1aE\xdf\xa3" + bytes(1000))
    assert read_picture_content(path, limits=DecodeLimits(max_bytes=10)) is None
    for content in (b"G", b"no video", b"\xff\xd8\xff" + bytes(1000)):
        path.write_bytes(content)
        assert read_picture_content(path) == content
    with pytest.raises(DecodeError, match="too large"):
        read_picture_content(path, limits=DecodeLimits(max_bytes=1002))


def test_blocks_of_a_growing_file_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for content in (b"", b"ab", os.urandom(3_000_000)):
        path.write_bytes(content)
        read = b""
        with path.open("ab") as writer:
            for block in read_blocks(path):
                read += block
                writer.write(b"more" * len(block))
                writer.flush()
        assert read == content
    if sys.platform.startswith("linux"):  # such a file states no size
        assert b"".join(read_blocks("/proc/self/status")).startswith(b"Name:")


def test_a_file_without_end_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "states no size"
    path.touch()
    monkeypatch.setattr(os, "read", lambda _descriptor, size_bytes: b"y" * size_bytes)
    blocks = read_blocks(path)
    assert sum(len(block) for block in islice(blocks, 256)) == 268_435_456
    with pytest.raises(DecodeError, match="too large: more than 268435456 bytes") as caught:
        next(blocks)
    assert caught.value.kind is ErrorKind.TOO_LARGE


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_content(tmp_path / "link") == b"content"


def test_reasons(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert reason_for(tmp_path / "absent") == "no such file"
    assert reason_for(tmp_path) == "is a directory"
    assert reason_for(tmp_path / "empty", ErrorKind.EMPTY) == "empty file"
    assert reason_for(tmp_path / "empty" / "below") == "not a directory"
    assert reason_for(tmp_path / "loop") == "too many levels of symbolic links"
    assert reason_for("a\0b") == "not a path"
    assert reason_for("n" * 5000) == "file name too long"


def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"content")

    # Root may read everything, so a file mode would prove nothing there.
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    assert reason_for(path) == "permission denied"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_permission_denied_by_the_file_mode(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"content")
    path.chmod(0)
    assert reason_for(path) == "permission denied"


@pytest.mark.parametrize("with_writer", [False, True])
def test_a_fifo_never_hangs(with_writer: bool, tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    holder = os.open(path, os.O_RDWR | os.O_NONBLOCK) if with_writer else None
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(reason_for(path)), daemon=True)
    reader.start()
    reader.join(timeout=5)
    if holder is not None:
        os.close(holder)
    assert found == ["not a regular file"]


def test_devices_and_sockets_are_refused(tmp_path: Path) -> None:
    assert reason_for("/dev/zero") == "not a regular file"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "s"))
        assert reason_for(tmp_path / "s") == "no such device or address"


def test_byte_limit_is_inclusive_and_checked_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert len(read_content(path, limits=DecodeLimits(max_bytes=100))) == 100
    monkeypatch.delattr(os, "read")
    limits = DecodeLimits(max_bytes=99)
    assert reason_for(path, ErrorKind.TOO_LARGE, limits=limits) == "too large: more than 99 bytes"


def test_a_file_that_states_no_size_is_read_to_its_end() -> None:
    assert read_content("/proc/self/status").startswith(b"Name:")


def test_a_file_that_grows_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    asked: list[int] = []

    def endless(_descriptor: int, size_bytes: int) -> bytes:
        asked.append(size_bytes)
        return b"y" * size_bytes

    monkeypatch.setattr(os, "read", endless)
    limits = DecodeLimits(max_bytes=200_000)
    assert (
        reason_for(path, ErrorKind.TOO_LARGE, limits=limits) == "too large: more than 200000 bytes"
    )
    assert sum(asked) == 200_001


def test_read_errors_have_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")

    def fail(*_args: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", fail)
    assert reason_for(path) == "input/output error"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in (tmp_path, tmp_path / "absent", "/dev/zero"):
        reason_for(name)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


class Dribble(io.RawIOBase):
    """An unbuffered stream that gives a byte at a time."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    def read(self, _size_bytes: int = -1) -> bytes:
        first, self._left = self._left[:1], self._left[1:]
        return first


def test_a_stream_may_give_less_than_was_asked_for() -> None:
    assert read_stream(Dribble(b"slowly")) == b"slowly"


def test_a_stream_is_read_from_where_it_stands() -> None:
    stream = io.BytesIO(b"headbody")
    stream.seek(4)
    assert read_stream(stream) == b"body"
    with pytest.raises(DecodeError, match=r"^empty file$"):
        read_stream(stream)


def test_a_stream_is_bounded() -> None:
    stream = io.BytesIO(b"x" * 1000)
    with pytest.raises(DecodeError, match=r"^too large: more than 9 bytes$"):
        read_stream(stream, limits=DecodeLimits(max_bytes=9))
    assert stream.tell() == 10


def test_text_streams_are_a_type_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xff\xd8")
    with path.open() as stream, pytest.raises(TypeError, match="open it in binary mode"):
        read_stream(stream)


def test_a_stream_that_fails_is_a_decode_error() -> None:
    class Broken:
        def read(self, _size_bytes: int) -> None:
            raise OSError("the network is gone")

    with pytest.raises(DecodeError, match=r"^cannot be read$"):
        read_stream(Broken())
