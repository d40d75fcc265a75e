"""Lists the files of a scan, in the order of their output rows."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
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

    Every file counts, whatever its extension, under each of its names. Links are followed, but each
    folder (device and inode) is entered once: under its path without links, else under the first of
    its paths in this order. Its other paths, so all circles, are listed with a problem. A path
    reached twice is listed once. Whatever cannot be read (a folder without permission, a broken
    link, a device) is listed too, so that it gets a row.

    Raises
    ------
    FileNotFoundError
        One of `paths` does not exist; nothing is listed then.
    """
    found: dict[str, ScanInput] = {}
    roots = [_check_exists(path) for path in paths]
    for file in _walk(roots):
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


def _walk(roots: Iterable[str]) -> Iterator[ScanInput]:
    """Yield the files below each of `roots`, or a root itself if it is not a folder."""
    # The first in order is taken next, paths without links before others; where it leads comes
    # after it in this order, so the first to reach a folder is the first of all that do.
    todo = [(False, os.fsencode(root), root) for root in set(roots)]
    heapify(todo)
    entered: dict[tuple[int, int], str] = {}
    while todo:
        is_linked, _, path = heappop(todo)
        identity = _identify_folder(path)
        if identity is None:
            yield ScanInput(path)
            continue
        first = entered.setdefault(identity, path)
        if first != path:
            yield ScanInput(path, f"the folder is already scanned as {first!r}")
            continue
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    name = entry.name if path == os.curdir else entry.path
                    if not _may_be_folder(entry):
                        yield ScanInput(name)
                    else:
                        link = is_linked or entry.is_symlink()
                        heappush(todo, (link, os.fsencode(name), name))
        except OSError as error:
            yield ScanInput(path, f"cannot list the folder: {error.strerror}")


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
