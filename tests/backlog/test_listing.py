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


def problems(folder: Path, listed: list[ScanInput]) -> dict[str, str | None]:
    return {os.path.relpath(file.path, folder): file.problem for file in listed}


def test_a_loop_of_links_is_entered_once(tmp_path: Path) -> None:
    touch(tmp_path, "a/x", "a/b/y")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    assert problems(tmp_path, list_files([tmp_path])) == {
        "a/b/up": f"the folder is already scanned as {str(tmp_path / 'a')!r}",
        "a/b/y": None,
        "a/self": None,
        "a/x": None,
    }


def test_a_folder_keeps_its_own_name_rather_than_that_of_a_link(tmp_path: Path) -> None:
    touch(tmp_path, "a/x", "b/y")
    (tmp_path / "a" / "to-b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to-a").symlink_to(tmp_path / "a")
    assert problems(tmp_path, list_files([tmp_path])) == {
        "a/to-b": f"the folder is already scanned as {str(tmp_path / 'b')!r}",
        "a/x": None,
        "b/to-a": f"the folder is already scanned as {str(tmp_path / 'a')!r}",
        "b/y": None,
    }


def test_of_several_links_to_a_folder_the_first_is_followed(tmp_path: Path) -> None:
    touch(tmp_path, "out/x", "in/f")
    for name in ("c", "b", "d"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "out")
    listed = problems(tmp_path / "in", list_files([tmp_path / "in"]))
    as_b = f"the folder is already scanned as {str(tmp_path / 'in' / 'b')!r}"
    assert listed == {"b/x": None, "c": as_b, "d": as_b, "f": None}
    # Files are rows under each of their names: a file may be reached by two.
    (tmp_path / "in" / "g").symlink_to(tmp_path / "in" / "f")
    assert problems(tmp_path / "in", list_files([tmp_path / "in"])) == {**listed, "g": None}


def test_a_long_chain_of_double_links_ends(tmp_path: Path) -> None:
    touch(tmp_path, "d60/file")
    for depth in range(60):
        (tmp_path / f"d{depth}").mkdir()
        for name in ("a", "b"):
            (tmp_path / f"d{depth}" / name).symlink_to(tmp_path / f"d{depth + 1}")
    listed = list_files([tmp_path / "d0"])
    # Each level has one row more; where the system follows no more links, both are rows.
    tried = [Path(file.path) for file in listed if file.problem is None]
    assert len(tried) == 2
    assert len(listed) < 60
    with pytest.raises(OSError, match="symbolic links"):
        tried[0].stat()


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12),
    st.lists(st.integers(0, 5), min_size=1, max_size=3),
)
def test_every_reachable_file_is_listed_once_by_its_folder(
    tmp_path_factory: pytest.TempPathFactory, links: list[tuple[int, int]], roots: list[int]
) -> None:
    """Against a search over the folders as a graph: all that links lead to, each folder once."""
    base = tmp_path_factory.mktemp("graph")
    touch(base, *(f"{folder}/file" for folder in range(6)))
    for number, (one, other) in enumerate(links):
        (base / str(one) / f"link{number}").symlink_to(base / str(other))
    reachable = set(roots)
    for _ in range(6):
        reachable |= {other for one, other in links if one in reachable}
    listed = list_files([base / str(root) for root in roots])
    files = [file for file in listed if file.problem is None]
    assert sorted(Path(file.path).resolve().parent.name for file in files) == sorted(
        map(str, reachable)
    )
    followed = len(reachable) - len(set(roots))
    n_links = sum(one in reachable for one, _ in links)
    assert len(listed) - len(files) == n_links - followed


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
