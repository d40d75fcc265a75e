"""Reading of list files into the canonical table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

import pyarrow as pa

from hashmatch.lists.canonical import RawRows, canonical_rows
from hashmatch.lists.formats.csv import read_csv
from hashmatch.lists.formats.jsonl import read_jsonl
from hashmatch.lists.formats.vpdq import SUFFIX, entry_id_of, read_vpdq_rows
from hashmatch.lists.list_file import ListFile
from hashmatch.lists.list_reading import ListReading
from hashmatch.lists.schema import SCHEMA, HashList

_Reader: TypeAlias = Callable[[BinaryIO, ListFile], Iterator[RawRows]]

_READERS: dict[str, _Reader] = {"csv": read_csv, "jsonl": read_jsonl, "vpdq": read_vpdq_rows}
_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", SUFFIX: "vpdq"}


def list_formats() -> tuple[str, ...]:
    """Return the names of the list formats, in order."""
    return tuple(sorted(_READERS))


def read_list(path: str | os.PathLike[str], reading: ListReading | None = None) -> HashList:
    """Read a hash list into memory; `read_batches` says how, and what is raised."""
    batches: list[pa.RecordBatch] = []
    n_ignored = 0
    for batch, n_left_out in read_batches(path, reading):
        batches.append(batch)
        n_ignored += n_left_out
    return HashList(pa.Table.from_batches(batches, SCHEMA), n_ignored)


def read_batches(
    path: str | os.PathLike[str], reading: ListReading | None = None
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Read a hash list block by block: CSV, JSON Lines, vPDQ text.

    The suffix tells the format unless `reading` names one: ``.csv`` (RFC 4180 with a header row)
    or ``.jsonl`` / ``.ndjson`` (an object a line); UTF-8, with or without a byte order mark. Text
    is trimmed, hex may be of either case. No row is left out but blank ones and those to be
    ignored.

    ``.txt`` is vPDQ text: one video, one entry, a row a frame. A folder is as many videos as it
    holds such files, and may hold nothing else but names that begin with a dot.

    Parameters
    ----------
    path : path-like
        The file, or a folder of vPDQ text.
    reading : ListReading, optional
        How it is read.

    Yields
    ------
    batch : pyarrow.RecordBatch
        Rows in the order of the file, with the columns of `SCHEMA`; may be empty.
    n_ignored : int
        Rows that were left out on the way to this batch.

    Raises
    ------
    HashListError
        Names the file and the first row and column that cannot be accepted, never the hash. Rows
        before it may have been yielded.

    Notes
    -----
    Safe to call from several threads. Holds one block in memory, of vPDQ text one file; a million
    rows of CSV take a few seconds.
    """
    file = ListFile(Path(path), reading or ListReading())
    try:
        for part in _files(file):
            yield from _read(part)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return
    raise file.error(f"cannot be read: {reason}")


def inherit_reading(
    reading: ListReading, own: ListReading, path: str | os.PathLike[str]
) -> ListReading:
    """Return how a further file of a list is read: what `reading` leaves out is as in `own`.

    `entry_id` is not inherited, as it names one video, and `min_quality` by vPDQ text alone.
    """
    inherited = reading.with_fallback(replace(own, entry_id=None, min_quality=None))
    if reading.min_quality is None and _is_vpdq(Path(path), inherited):
        return replace(inherited, min_quality=own.min_quality)
    return inherited


def _is_vpdq(path: Path, reading: ListReading) -> bool:
    if reading.format is not None:
        return reading.format == "vpdq"
    return path.suffix.lower() == SUFFIX or path.is_dir()


def _files(file: ListFile) -> list[ListFile]:
    """Return the files to read: the one there is, or those of a folder in the order of names."""
    reading = file.reading
    is_folder = file.path.is_dir()
    if not _is_vpdq(file.path, reading):
        if reading.entry_id is not None or reading.min_quality is not None:
            key = "min_quality" if reading.entry_id is None else "entry_id"
            raise file.error(f"{key} is for vPDQ text ({SUFFIX}); leave it out")
    elif is_folder and reading.entry_id is not None:
        raise file.error("entry_id names one video, and this is a folder of them; leave it out")
    if not is_folder:
        return [file]
    found: dict[str, ListFile] = {}
    for name in sorted(path.name for path in file.path.iterdir()):
        if name.startswith("."):
            continue
        part = replace(file, path=file.path / name)
        if part.path.suffix.lower() != SUFFIX:
            raise part.error(f"a folder is a list of vPDQ text ({SUFFIX}) alone; take it out")
        entry_id = entry_id_of(name)
        if entry_id in found:
            raise part.error(f"{found[entry_id].path.name} is of the same entry; keep one of them")
        found[entry_id] = part
    if not found:
        raise file.error(f"there is no vPDQ text ({SUFFIX}) in the folder")
    return list(found.values())


def _read(file: ListFile) -> Iterator[tuple[pa.RecordBatch, int]]:
    name = file.reading.format or _SUFFIXES.get(file.path.suffix.lower())
    if name is None:
        raise file.error(f"expected a name that ends in {', '.join(_SUFFIXES)}")
    if name not in _READERS:
        raise file.error(f"there is no list format {name}; known: {', '.join(list_formats())}")
    if file.path.exists() and not file.path.is_file():
        raise file.error("not a regular file")
    with file.path.open("rb") as stream:
        for raw in _READERS[name](stream, file):
            yield canonical_rows(raw, file)
