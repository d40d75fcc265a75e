"""Listing of the files under a path."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.backlog.listing import ScanInput, list_files


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def names(folder: Path, listed: list[ScanInput]) -> list[str]:
    return [os.path.relpath(file.path, folder) for file in listed]


def test_every_file_counts_whatever_its_extension(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b", ".hidden", "c/d.txt", "c/e/f.JPG", "c.d")
    listed = list_files([tmp_path])
    assert names(tmp_path, listed) == [".hidden", "a.jpg", "b", "c.d", "c/d.txt", "c/e/f.JPG"]
    assert all(file.problem is None for file in listed)


@given(
    st.lists(
        st.binary(min_size=1, max_size=6).filter(
            lambda name: not {0, ord("/")} & set(name) and name not in {b".", b".."}
        ),
        unique=True,
        max_size=8,
    )
)
def test_order_is_that_of_the_bytes_of_the_path(
    tmp_path_factory: pytest.TempPathFactory, file_names: list[bytes]
) -> None:
    folder = os.fsencode(tmp_path_factory.mktemp("names"))
    for name in file_names:
        with open(os.path.join(folder, name), "wb"):  # noqa: PTH118, PTH123
            pass
    listed = list_files([os.fsdecode(folder)])
    found = [os.fsencode(file.path) for file in listed]
    assert found == sorted(os.path.join(folder, name) for name in file_names)  # noqa: PTH118


def test_paths_are_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "in/a", "in/b", "c")
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in list_files(["in"])] == ["in/a", "in/b"]
    assert [file.path for file in list_files(["./in/", "c"])] == ["c", "in/a", "in/b"]
    assert [file.path for file in list_files(["."])] == ["c", "in/a", "in/b"]
    assert [file.path for file in list_files([".", "c", "in"])] == ["c", "in/a", "in/b"]
    assert [file.path for file in list_files([tmp_path / "c"])] == [str(tmp_path / "c")]
    assert [file.path for file in list_files(["in/../c"])] == ["in/../c"]


def test_a_path_reached_twice_is_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "in/a", "in/b")
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in list_files(["in", "in/a", "./in//b", "in"])] == ["in/a", "in/b"]
    assert list_files([]) == []


def test_links_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "real/a")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "file").symlink_to(tmp_path / "real" / "a")
    (inside / "folder").symlink_to(tmp_path / "real")
    (inside / "broken").symlink_to(tmp_path / "absent")
    assert names(inside, list_files([inside])) == ["broken", "file", "folder/a"]
    root = tmp_path / "root"
    root.symlink_to(inside)
    assert names(root, list_files([root])) == ["broken", "file", "folder/a"]


def test_a_loop_of_links_is_entered_once(tmp_path: Path) -> None:
    touch(tmp_path, "a/x", "a/b/y")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    assert names(tmp_path, list_files([tmp_path])) == ["a/b/y", "a/self", "a/x"]


def test_two_folders_that_link_to_each_other(tmp_path: Path) -> None:
    touch(tmp_path, "a/x", "b/y")
    (tmp_path / "a" / "to-b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to-a").symlink_to(tmp_path / "a")
    assert names(tmp_path, list_files([tmp_path])) == ["a/to-b/y", "a/x", "b/to-a/x", "b/y"]


def test_what_is_no_file_is_listed_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    assert names(tmp_path, list_files([tmp_path])) == ["fifo", "socket"]
    assert names(tmp_path, list_files([tmp_path / "fifo"])) == ["fifo"]


def test_a_folder_that_cannot_be_listed_is_a_problem_with_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Permissions do not stop root, so the refusal is made up.
    touch(tmp_path, "closed/a", "open/b")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert list_files([tmp_path]) == [
        ScanInput(str(tmp_path / "closed"), "cannot list the folder: Permission denied"),
        ScanInput(str(tmp_path / "open" / "b")),
    ]


def test_a_deep_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = 1100  # deeper than Python recurses, within the longest path
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        os.mkdir("d")  # noqa: PTH102
        os.chdir("d")
    Path("leaf").touch()
    os.chdir(tmp_path)
    (only,) = list_files(["d"])
    assert only == ScanInput("d/" * depth + "leaf")
    # pytest's own clean-up recurses.
    os.system("rm -rf d")


@pytest.mark.parametrize("absent", ["absent", "file/below", "", "also/absent"])
def test_a_path_that_does_not_exist_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "file")
    with pytest.raises(FileNotFoundError) as caught:
        list_files(["file", absent])
    assert caught.value.filename == absent
