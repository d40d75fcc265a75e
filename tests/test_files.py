"""A file is there whole or not at all, private, and no link is followed."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from hashmatch.files import map_file, write_file, write_folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with write_file(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == {"a"}


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), write_file(path) as file:
        file.write(b"half" * (1 // 0))
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == {"a"}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_only_the_owner_reads_it(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with write_file(tmp_path / "a") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"kept")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with write_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "target").read_bytes() == b"kept"
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_bytes() == b"new"


def test_an_existing_file_is_refused_where_asked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"kept")
    with pytest.raises(FileExistsError), write_file(tmp_path / "a", overwrite=False) as file:
        file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"kept"
    with write_file(tmp_path / "b", overwrite=False) as file:
        file.write(b"new")
    assert names(tmp_path) == {"a", "b"}


def test_a_device_stays_a_device() -> None:
    with write_file("/dev/null") as file:
        file.write(b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with write_file(path) as file:
            file.write(b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)


def test_an_error_names_the_file_asked_for(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a").write_bytes(b"kept")
    for path, overwrite in (("folder", True), ("a", False), ("absent/b", True)):
        with (
            pytest.raises(OSError, match="Errno") as raised,
            write_file(tmp_path / path, overwrite=overwrite) as file,
        ):
            file.write(b"new")
        assert raised.value.filename == str(tmp_path / path)
        assert str(raised.value).endswith(f": '{tmp_path / path}'")
    assert names(tmp_path) == {"folder", "a"}


def n_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def n_mappings(path: Path) -> int:
    return Path("/proc/self/maps").read_text().count(str(path))


linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 1000])
def test_a_mapped_file_is_its_bytes_and_read_only(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    view = map_file(path)
    assert (view.readonly, view.format, view.nbytes) == (True, "B", len(content))
    assert bytes(view) == content
    assert not np.frombuffer(view, np.uint8).flags.writeable


@linux
def test_a_mapping_holds_no_descriptor_and_goes_with_its_last_array(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    map_file(path)  # loads what maps
    before = n_descriptors()
    view = map_file(path)
    assert (n_descriptors(), n_mappings(path)) == (before, 1)
    array = np.frombuffer(view, np.uint8)[5:]
    del view
    assert array.tobytes() == b"56789"
    assert n_mappings(path) == 1
    del array
    assert n_mappings(path) == 0


def test_a_mapping_outlives_the_replacement_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"before")
    view = map_file(path)
    with write_file(path) as file:
        file.write(b"after")
    assert bytes(view) == b"before"
    assert bytes(map_file(path)) == b"after"


def test_a_path_need_not_be_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    path.write_bytes(b"x")
    assert bytes(map_file(path)) == b"x"


def test_what_cannot_be_mapped_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        map_file(tmp_path / "none")
    assert raised.value.filename == str(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        map_file(tmp_path)


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with write_folder(path) as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep/a").write_bytes(b"x")
        assert not path.exists()
    assert (path / "deep/a").read_bytes() == b"x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert names(tmp_path) == {"folder"}


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), write_folder(tmp_path / "folder") as temporary:
        temporary.write_bytes(b"x")
    assert names(tmp_path) == set()


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileExistsError, match="exists already"), write_folder(tmp_path / "folder"):
        pass
