from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.index.directory import (
    LockedDirectory,
    decode_current,
    kept_generations,
    manifest_path,
    read_pointer,
)
from hashmatch.index.manifest import Change, Manifest
from tests.builders import built_files


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def manifest(generation: int, name: str = "a") -> Manifest:
    return Manifest(
        name=name,
        generation=generation,
        digest="0" * 64,
        hashmatch_version="1",
        change=Change(kind="build"),
        n_entries=0,
    )


@pytest.mark.usefixtures("open_umask")
def test_only_the_owner_can_read_from_the_start(tmp_path: Path) -> None:
    with LockedDirectory.lock(tmp_path) as locked:
        with locked.create("x") as file:
            assert mode(locked.staged("x")) == 0o600
            assert mode(locked.staged("x").parent) == 0o700
            file.write(b"content")
        stored = locked.commit_file("x", "pdq", ".hmi")
        locked.publish(manifest(1))
        for path in (tmp_path / "built", *(tmp_path / "built").rglob("*")):
            assert mode(path) == (0o700 if path.is_dir() else 0o600)
    digest = hashlib.sha256(b"content").hexdigest()
    assert (stored.file, stored.size_bytes) == (f"pdq-{digest[:12]}.hmi", 7)
    assert stored.sha256 == digest
    files = built_files(tmp_path)
    assert files[stored.file] == b"content"
    assert set(files) == {".lock", "CURRENT", "manifests/000001.json", stored.file}


@pytest.mark.usefixtures("open_umask")
def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "built").mkdir(mode=0o755)
    with LockedDirectory.lock(tmp_path):
        assert mode(tmp_path / "built") == 0o700


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with (
        LockedDirectory.lock(tmp_path),
        pytest.raises(HashmatchError, match="is being changed by another process"),
        LockedDirectory.lock(tmp_path),
    ):
        pass
    with LockedDirectory.lock(tmp_path) as locked:
        assert locked.pointer().next_generation == 1


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from hashmatch.index.directory import LockedDirectory\n"
        "with LockedDirectory.lock(Path(sys.argv[1])) as locked:\n"
        "    locked.create('half').write(b'half')\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(HashmatchError, match="another process"), LockedDirectory.lock(tmp_path):
            pass
        process.communicate()
    assert (tmp_path / "built" / ".building" / "half").exists()
    (tmp_path / "built" / ".hashmatch-0011").touch()
    with LockedDirectory.lock(tmp_path) as locked:
        assert not locked.staged("half").exists()
    assert set(built_files(tmp_path)) == {".lock", "CURRENT"}


def test_a_fork_does_not_keep_the_lock(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with LockedDirectory.lock(tmp_path):
        child = os.fork()
        if not child:
            os.close(writer)
            os.read(reader, 1)  # until the parent closes its end
            os._exit(0)
    try:
        with LockedDirectory.lock(tmp_path) as locked:
            assert locked.pointer().next_generation == 1
    finally:
        os.close(reader)
        os.close(writer)
        os.waitpid(child, 0)


def test_only_files_of_the_index_are_removed(tmp_path: Path) -> None:
    with LockedDirectory.lock(tmp_path) as locked:
        for name in ("a.hmi", "notes.txt", ".hidden.hmi", "manifests/notes.txt"):
            (tmp_path / "built" / name).touch()
        for number in (1, 2, 3):
            locked.publish(manifest(number))
        locked.collect_garbage([3])
    assert set(built_files(tmp_path)) == {
        *(".lock", "CURRENT", "manifests/000003.json"),
        *("notes.txt", "manifests/notes.txt"),
    }


def test_nothing_is_removed_while_a_manifest_cannot_be_read(tmp_path: Path) -> None:
    with LockedDirectory.lock(tmp_path) as locked:
        for number in (1, 2, 3):
            locked.publish(manifest(number))
        (tmp_path / "built" / "a.hmi").touch()
        manifest_path(tmp_path, 2).write_bytes(b"damaged")
        locked.collect_garbage([2, 3])
        assert kept_generations(tmp_path) == [2, 3]
        assert (tmp_path / "built" / "a.hmi").exists()


def test_a_number_is_never_used_again(tmp_path: Path) -> None:
    with LockedDirectory.lock(tmp_path) as locked:
        locked.publish(manifest(1))
        pointer = read_pointer(tmp_path)
        locked.publish(manifest(2))
    assert pointer is not None
    # As after a crash between manifest and pointer.
    (tmp_path / "built" / "CURRENT").write_bytes(pointer)
    current = decode_current(tmp_path, read_pointer(tmp_path))
    assert current is not None
    assert current.manifest.generation == 1
    with LockedDirectory.lock(tmp_path) as locked:
        assert locked.pointer().next_generation == 3
        assert kept_generations(tmp_path) == [1]
        locked.publish(manifest(3))
    manifest_path(tmp_path, 3).unlink()
    with LockedDirectory.lock(tmp_path) as locked:
        assert locked.pointer().next_generation == 4


def test_a_pointer_that_is_lost_or_leads_astray_is_noticed(tmp_path: Path) -> None:
    assert decode_current(tmp_path, read_pointer(tmp_path)) is None
    with LockedDirectory.lock(tmp_path) as locked:
        assert decode_current(tmp_path, read_pointer(tmp_path)) is None  # nothing is published
        locked.publish(manifest(1))
        pointer = read_pointer(tmp_path)
        locked.publish(manifest(1, "another"))
    path = tmp_path / "built" / "CURRENT"
    assert pointer is not None
    with pytest.raises(IndexFormatError, match=r"000001\.json: damaged, or not the published one"):
        decode_current(tmp_path, pointer)
    manifest_path(tmp_path, 1).rename(tmp_path / "aside")
    with pytest.raises(IndexFormatError, match=r"000001\.json: missing; restore it, or publish an"):
        decode_current(tmp_path, read_pointer(tmp_path))
    (tmp_path / "aside").rename(manifest_path(tmp_path, 1))
    path.unlink()
    with pytest.raises(IndexFormatError, match="CURRENT: missing; restore it, or delete"):
        decode_current(tmp_path, read_pointer(tmp_path))
    with (
        pytest.raises(IndexFormatError, match="CURRENT: missing"),
        LockedDirectory.lock(tmp_path),
    ):
        pass


def test_a_fork_that_leaves_the_block_neither_unlocks_nor_clears(built: Path) -> None:
    child = 0
    with suppress(_LeftError), LockedDirectory.lock(built) as folder:
        folder.staged("file").touch()
        child = os.fork()
        if not child:
            raise _LeftError
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert folder.staged("file").exists()
        with (
            pytest.raises(HashmatchError, match="is being changed by another process"),
            LockedDirectory.lock(built),
        ):
            pass
    if not child:
        os._exit(0)
    with LockedDirectory.lock(built):
        pass


class _LeftError(Exception):
    """Leaves the block in the child."""
