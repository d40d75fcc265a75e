"""Read a list file of any supported form."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

import pyarrow as pa

from hashmatch.lists.canonical import RawRows, canonical_rows
from hashmatch.lists.csv_rows import read_csv
from hashmatch.lists.jsonl_rows import read_jsonl
from hashmatch.lists.schema import SCHEMA, HashList
from hashmatch.lists.source import Defaults, Source, check_columns
from hashmatch.lists.vpdq_rows import (
    DEFAULT_MIN_QUALITY,
    SUFFIX,
    entry_id_of,
    read_vpdq_rows,
)

_Reader: TypeAlias = Callable[[BinaryIO, Source], Iterator[RawRows]]

_READERS: dict[str, _Reader] = {
    ".csv": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    SUFFIX: read_vpdq_rows,
}


def read_list(
    path: str | os.PathLike[str],
    *,
    name: str,
    version: str,
    harm: str | None = None,
    algorithm: str | None = None,
    classification: str | None = None,
    columns: Mapping[str, str] | None = None,
    ignore_algorithms: Collection[str] = (),
    entry_id: str | None = None,
    min_quality: int | None = None,
) -> HashList:
    """Read a hash list from a CSV or JSON Lines file, or from vPDQ text.

    The suffix tells the form: ``.csv`` (RFC 4180 with a header row) or ``.jsonl`` / ``.ndjson``
    (an object a line); UTF-8, with or without a byte order mark. Text is trimmed, hex may be of
    either case. No row is left out but blank ones and those to be ignored.

    ``.txt`` is vPDQ text: one video, one entry, a row a frame. A folder is as many videos as it
    holds such files, and may hold nothing else but names that begin with a dot.

    Parameters
    ----------
    path : path-like
        The file, or a folder of vPDQ text.
    name, version : str
        What matches will say of the list.
    harm, algorithm, classification : str, optional
        What holds for entries whose row leaves it out; `algorithm` defaults to ``"pdq"``.
    columns : mapping of str to str, optional
        Canonical names to the file's own, such as ``{"hash": "pdq_hash"}``. A column that is not
        canonical is kept in `record` only.
    ignore_algorithms : collection of str
        Rows of these algorithms are counted and left out, whatever their other columns hold.
    entry_id : str, optional
        Of the video in a file of vPDQ text; by default its name without ``.txt`` or ``.vpdq.txt``.
    min_quality : int, optional
        Frames of vPDQ text of less quality are counted and left out; 50 by default.

    Returns
    -------
    HashList

    Raises
    ------
    HashListError
        Names the file and the first row and column that cannot be taken, never the hash.
    ValueError
        `columns` names what is not a canonical column, or `min_quality` is not from 0 to 100.

    Notes
    -----
    Safe to call from several threads. Holds the whole list in memory; a million rows of CSV take
    a few seconds.
    """
    check_columns(columns or {})
    source = Source(
        path=Path(path),
        defaults=Defaults(
            algorithm=(algorithm or "pdq").strip().lower(),
            harm=_text_or_none(harm),
            classification=_text_or_none(classification),
        ),
        columns=dict(columns or {}),
        ignore_algorithms=frozenset(one.strip().lower() for one in ignore_algorithms),
    )
    source = _about_videos(source, _text_or_none(entry_id), min_quality)
    try:
        batches: list[pa.RecordBatch] = []
        n_ignored = 0
        for one in _files(source):
            n_ignored += _read(one, batches)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return HashList(name, version, pa.Table.from_batches(batches, SCHEMA), n_ignored)
    raise source.error(f"cannot be read: {reason}")


def is_vpdq_text(path: Path) -> bool:
    """Return whether a list is of vPDQ text: a file by its name, or any folder."""
    return path.suffix.lower() == SUFFIX or path.is_dir()


def _about_videos(source: Source, entry_id: str | None, min_quality: int | None) -> Source:
    if min_quality is not None and not 0 <= min_quality <= 100:
        raise ValueError(f"min_quality must be from 0 to 100, not {min_quality}")
    if not is_vpdq_text(source.path):
        if entry_id is not None or min_quality is not None:
            key = "min_quality" if entry_id is None else "entry_id"
            raise source.error(f"{key} is for vPDQ text ({SUFFIX}); leave it out")
        return source
    if entry_id is not None and source.path.is_dir():
        raise source.error("entry_id names one video, and this is a folder of them; leave it out")
    least = DEFAULT_MIN_QUALITY if min_quality is None else min_quality
    return replace(source, entry_id=entry_id, min_quality=least)


def _files(source: Source) -> list[Source]:
    """Return the files to read: the one there is, or those of a folder in the order of names."""
    if not source.path.is_dir():
        return [source]
    names = sorted(path.name for path in source.path.iterdir())
    found: dict[str, Source] = {}
    for name in names:
        if name.startswith("."):
            continue
        one = replace(source, path=source.path / name)
        if one.path.suffix.lower() != SUFFIX:
            raise one.error(f"a folder is a list of vPDQ text ({SUFFIX}) alone; take it out")
        entry_id = entry_id_of(name)
        if entry_id in found:
            raise one.error(f"{found[entry_id].path.name} is of the same entry; keep one of them")
        found[entry_id] = one
    if not found:
        raise source.error(f"there is no vPDQ text ({SUFFIX}) in the folder")
    return list(found.values())


def _read(source: Source, batches: list[pa.RecordBatch]) -> int:
    """Add the rows of a file to `batches`; return how many were left out as to be ignored."""
    reader = _READERS.get(source.path.suffix.lower())
    if reader is None:
        raise source.error(f"expected a name that ends in {', '.join(_READERS)}")
    if source.path.exists() and not source.path.is_file():
        raise source.error("not a regular file")
    n_ignored = 0
    with source.path.open("rb") as file:
        for raw in reader(file, source):
            batch, n_left_out = canonical_rows(raw, source)
            batches.append(batch)
            n_ignored += n_left_out
    return n_ignored


def _text_or_none(text: str | None) -> str | None:
    return (text or "").strip() or None
