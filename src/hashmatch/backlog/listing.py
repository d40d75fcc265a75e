"""Lists the files of a scan, in the order of their output rows."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

_ABSENT = {errno.ENOENT, errno.ENOTDIR}


@dataclass(frozen=True, slots=True)
class ScanInput:
    """One path of a listing.

    `path` is the name shown in its output row; bytes that are not UTF-8 are kept as by
    `os.fsdecode`. `problem` says why there is nothing to read; None if reading is worth trying.
    """

    path: str
    problem: str | None = None


def list_files(paths: Iterable[str | os.PathLike[str]]) -> list[ScanInput]:
    """List files, and those in folders at any depth, sorted by the bytes of the path.

    Every file counts, whatever its extension. Links are followed, except a link to a folder that
    contains the link. A path reached twice is listed once. Whatever cannot be read (a folder
    without permission, a broken link, a device) is listed too, so that it gets a row.

    Raises
    ------
    FileNotFoundError
        One of `paths` does not exist; nothing is listed then.
    """
    found: dict[str, ScanInput] = {}
    roots = [_check_exists(path) for path in paths]
    for root in roots:
        for file in _walk(root):
            found.setdefault(file.path, file)
    return sorted(found.values(), key=lambda file: os.fsencode(file.path))


def _check_exists(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    try:
        os.lstat(text)
    except OSError as error:
        if error.errno in _ABSENT:
            raise FileNotFoundError(error.errno, os.strerror(error.errno), text) from None
    return str(PurePath(text))


def _walk(root: str) -> Iterator[ScanInput]:
    """Yield all files below `root`, or `root` itself if it is not a folder."""
    top = _identify_folder(root)
    if top is None:
        yield ScanInput(root)
        return
    todo = [(root, frozenset([top]))]
    while todo:
        folder, above = todo.pop()
        try:
            with os.scandir(folder) as entries:
                names = [
                    (entry.name if folder == os.curdir else entry.path, _may_be_folder(entry))
                    for entry in entries
                ]
        except OSError as error:
            yield ScanInput(folder, f"cannot list the folder: {error.strerror}")
            continue
        for path, may_be_folder in names:
            inner = _identify_folder(path) if may_be_folder else None
            if inner is None:
                yield ScanInput(path)
            elif inner not in above:
                todo.append((path, above | {inner}))


def _may_be_folder(entry: os.DirEntry[str]) -> bool:
    """Return False if the directory entry shows, without a `stat`, that this is no folder."""
    try:
        return entry.is_symlink() or entry.is_dir(follow_symlinks=False)
    except OSError:
        return True


def _identify_folder(path: str) -> tuple[int, int] | None:
    """Return the device and inode of a folder; None if it is missing or unreachable."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None
