"""Which files a scan is about, in the order of its rows."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

_ABSENT = {errno.ENOENT, errno.ENOTDIR}


@dataclass(frozen=True, slots=True)
class Listed:
    """One path to look at.

    Parameters
    ----------
    path : str
        As the row will name it; bytes that are not UTF-8 are kept as `os.fsdecode` does.
    problem : str or None
        Why there is nothing to read there, None where reading is to be tried.
    """

    path: str
    problem: str | None = None


class _Folder(NamedTuple):
    path: str
    identity: tuple[int, int]
    above: _Folder | None


def list_files(paths: Iterable[str | os.PathLike[str]]) -> list[Listed]:
    """List files, and whatever lies in folders at any depth, sorted by the bytes of the path.

    Every file counts, whatever its extension. Links are followed; a link to a folder that it lies
    in itself is not entered again. A path reached twice is listed once. What cannot be read (a
    folder without permission, a link to nothing, a device) is listed too, so that it gets a row.

    Raises
    ------
    FileNotFoundError
        For one of `paths` that does not exist; nothing is listed then.
    """
    found: dict[str, Listed] = {}
    roots = [_existing(path) for path in paths]
    for root in roots:
        for listed in _below(root):
            found.setdefault(listed.path, listed)
    return sorted(found.values(), key=lambda listed: os.fsencode(listed.path))


def _existing(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    try:
        os.lstat(text)
    except OSError as error:
        if error.errno in _ABSENT:
            raise FileNotFoundError(error.errno, os.strerror(error.errno), text) from None
    return str(PurePath(text))


def _below(root: str) -> Iterator[Listed]:
    """Yield `root` itself where it is no folder, else all that lies below it."""
    top = _folder(root, None)
    if top is None:
        yield Listed(root)
        return
    todo = [top]
    while todo:
        folder = todo.pop()
        try:
            with os.scandir(folder.path) as entries:
                names = [(_path(folder, entry), _may_be_folder(entry)) for entry in entries]
        except OSError as error:
            yield Listed(folder.path, f"cannot list the folder: {error.strerror}")
            continue
        for path, may_be_folder in names:
            inner = _folder(path, folder) if may_be_folder else None
            if inner is None:
                yield Listed(path)
            elif not _lies_in(folder, inner.identity):
                todo.append(inner)


def _path(folder: _Folder, entry: os.DirEntry[str]) -> str:
    return entry.name if folder.path == os.curdir else entry.path


def _may_be_folder(entry: os.DirEntry[str]) -> bool:
    """Tell without a look at the file where the folder's own listing says so."""
    try:
        return entry.is_symlink() or entry.is_dir(follow_symlinks=False)
    except OSError:
        return True


def _folder(path: str, above: _Folder | None) -> _Folder | None:
    """Return what is known of a folder, None where there is none to be found."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    if not stat.S_ISDIR(status.st_mode):
        return None
    return _Folder(path, (status.st_dev, status.st_ino), above)


def _lies_in(folder: _Folder | None, identity: tuple[int, int]) -> bool:
    while folder is not None:
        if folder.identity == identity:
            return True
        folder = folder.above
    return False
