from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hashmatch.errors import HashmatchError
from hashmatch.index.built_folder import BuiltFolder


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("open_umask")
def test_only_the_owner_can_read_from_the_start(tmp_path: Path) -> None:
    with BuiltFolder.hold(tmp_path) as folder:
        with folder.create("x") as file:
            assert mode(folder.staged("x")) == 0o600
            assert mode(folder.staged("x").parent) == 0o700
            file.write(b"content")
        stored = folder.adopt("x", "pdq", ".hmi")
        folder.publish(b"{}")
        assert mode(tmp_path / "built") == 0o700
        for path in (tmp_path / "built").iterdir():
            assert mode(path) == (0o700 if path.is_dir() else 0o600)
    digest = hashlib.sha256(b"content").hexdigest()
    assert (stored.file, stored.size_bytes) == (f"pdq-{digest[:12]}.hmi", 7)
    assert stored.sha256 == digest
    assert (tmp_path / "built" / stored.file).read_bytes() == b"content"
    assert {path.name for path in (tmp_path / "built").iterdir()} == {
        ".lock",
        "manifest.json",
        stored.file,
    }


@pytest.mark.usefixtures("open_umask")
def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "built").mkdir(mode=0o755)
    with BuiltFolder.hold(tmp_path):
        assert mode(tmp_path / "built") == 0o700


def test_one_builder_at_a_time(tmp_path: Path) -> None:
    with (
        BuiltFolder.hold(tmp_path),
        pytest.raises(HashmatchError, match="is being changed by another process"),
        BuiltFolder.hold(tmp_path),
    ):
        pass
    with BuiltFolder.hold(tmp_path):
        pass


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from hashmatch.index.built_folder import BuiltFolder\n"
        "with BuiltFolder.hold(__import__('pathlib').Path(sys.argv[1])) as folder:\n"
        "    folder.create('half').write(b'half')\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(HashmatchError, match="another process"), BuiltFolder.hold(tmp_path):
            pass
        process.communicate()
    assert (tmp_path / "built" / ".building" / "half").exists()
    with BuiltFolder.hold(tmp_path) as folder:
        assert not folder.staged("half").exists()


def test_only_files_of_the_index_are_removed(tmp_path: Path) -> None:
    with BuiltFolder.hold(tmp_path) as folder:
        for name in ("a.hmi", "b.hmi", "notes.txt", ".hidden.hmi"):
            (tmp_path / "built" / name).touch()
        folder.remove_others({"a.hmi"})
    left = {path.name for path in (tmp_path / "built").iterdir()}
    assert left == {".lock", "a.hmi", "notes.txt"}
