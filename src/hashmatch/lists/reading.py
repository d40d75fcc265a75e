"""Reading of list files into the canonical table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from hashmatch.lists.canonical import canonical_rows
from hashmatch.lists.list_format import (
    HEAD_BYTES,
    EntryFormat,
    ListFormat,
    choose_format,
    describe,
    has_suffix,
    known_formats,
    read_rows,
)
from hashmatch.lists.list_reading import ListFile, ListReading
from hashmatch.lists.schema import SCHEMA, HashList


def read_list(path: str | os.PathLike[str], reading: ListReading | None = None) -> HashList:
    """Read a hash list into memory; arguments, rows and errors are as for `read_batches`."""
    batches = list(read_batches(path, reading))
    table = pa.Table.from_batches([batch for batch, _ in batches], SCHEMA)
    return HashList(table, sum(n_ignored for _, n_ignored in batches))


def read_batches(
    path: str | os.PathLike[str], reading: ListReading | None = None
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Read a hash list block by block, in any of the `list_formats()`.

    The first bytes tell the format, with the suffix as a hint, unless `reading` names it. Text is
    trimmed; hex may be in either case. Only blank rows and those to be ignored are left out. A
    folder is a list with an entry for each file, in a format of one entry per file such as vPDQ
    text; it may hold nothing else, except names that begin with a dot.

    HashListError names the file and the first row and column that cannot be accepted, never the
    hash; rows before it may have been yielded. Safe to call from several threads. Holds one block
    in memory, or one file of vPDQ text; a million rows of CSV take a few seconds.

    Yields
    ------
    batch : pyarrow.RecordBatch
        Rows in the order of the file, with the columns of `SCHEMA`; may be empty.
    n_ignored : int
        Rows left out since the previous batch.
    """
    file = ListFile(Path(path), reading or ListReading())
    try:
        for part, list_format in _find_files(file):
            with part.path.open("rb") as stream:
                for raw in read_rows(list_format, stream, part):
                    yield canonical_rows(raw, part)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return
    raise file.error(f"cannot be read: {reason}")


def inherit_reading(
    reading: ListReading, own: ListReading, path: str | os.PathLike[str]
) -> ListReading:
    """Return how to read a further file of a list: `reading`, completed from `own`.

    `entry_id` is not inherited, as it names one entry; `min_quality` is inherited only by formats
    that take it. HashListError if the file is of no known format.
    """
    inherited = reading.with_fallback(replace(own, entry_id=None, min_quality=None))
    if own.min_quality is None or reading.min_quality is not None:
        return inherited
    file = ListFile(Path(path), inherited)
    if file.path.is_file() and not isinstance(_find_format(file), EntryFormat):
        return inherited
    return replace(inherited, min_quality=own.min_quality)


def _find_files(file: ListFile) -> list[tuple[ListFile, ListFormat]]:
    """Return the files to read: the given one, or those of a folder in the order of names."""
    reading = file.reading
    if file.path.is_dir():
        if reading.entry_id is not None:
            raise file.error("entry_id names one entry, and this is a folder of them; leave it out")
        return _find_files_of_folder(file)
    list_format = _find_format(file)
    for key in () if isinstance(list_format, EntryFormat) else ("entry_id", "min_quality"):
        if getattr(reading, key) is not None:
            raise file.error(
                f"{key} is for files of one entry each, such as vPDQ text, and this is "
                f"{list_format.name}; leave it out"
            )
    return [(file, list_format)]


def _find_format(file: ListFile) -> ListFormat:
    if file.path.exists() and not file.path.is_file():
        raise file.error("not a regular file")
    formats = known_formats(file)
    if len(formats) == 1:
        return formats[0]
    with file.path.open("rb") as stream:
        return choose_format(file, stream.read(HEAD_BYTES), formats)


def _find_files_of_folder(folder: ListFile) -> list[tuple[ListFile, ListFormat]]:
    """Return the files of a folder in order of name; suffixes give their formats."""
    formats = [each for each in known_formats(folder) if isinstance(each, EntryFormat)]
    found: dict[str, tuple[ListFile, ListFormat]] = {}
    for path in sorted(folder.path.iterdir()):
        if path.name.startswith("."):
            continue
        file = replace(folder, path=path)
        list_format = next((each for each in formats if has_suffix(file, each)), None)
        if list_format is None:
            kinds = describe(formats)
            raise file.error(f"a folder can only be a list of {kinds}; remove this file")
        if not path.is_file():
            raise file.error("not a regular file")
        entry_id = list_format.entry_id_of(path.name)
        if entry_id in found:
            earlier = found[entry_id][0].path.name
            raise file.error(f"{earlier} has the same entry id; keep one of them")
        found[entry_id] = file, list_format
    if not found:
        raise folder.error(f"the folder holds no file of {describe(formats)}")
    return list(found.values())
