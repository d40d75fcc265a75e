"""Read a list file of any supported form."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TypeAlias

import pyarrow as pa

from hashmatch.lists.canonical import RawRows, canonical_rows
from hashmatch.lists.csv_rows import read_csv
from hashmatch.lists.jsonl_rows import read_jsonl
from hashmatch.lists.schema import SCHEMA, HashList
from hashmatch.lists.source import Defaults, Source, check_columns

_Reader: TypeAlias = Callable[[BinaryIO, Source], Iterator[RawRows]]

_READERS: dict[str, _Reader] = {
    ".csv": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
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
) -> HashList:
    """Read a hash list from a CSV or JSON Lines file.

    The suffix tells the form: ``.csv`` (RFC 4180 with a header row) or ``.jsonl`` / ``.ndjson``
    (an object a line); UTF-8, with or without a byte order mark. Text is trimmed, hex may be of
    either case. No row is left out but blank ones and those to be ignored.

    Parameters
    ----------
    path : path-like
        The file.
    name, version : str
        What matches will say of the list.
    harm, algorithm, classification : str, optional
        What holds for entries whose row leaves it out; `algorithm` defaults to ``"pdq"``.
    columns : mapping of str to str, optional
        Canonical names to the file's own, such as ``{"hash": "pdq_hash"}``. A column that is not
        canonical is kept in `record` only.
    ignore_algorithms : collection of str
        Rows of these algorithms are counted and left out, whatever their other columns hold.

    Returns
    -------
    HashList

    Raises
    ------
    HashListError
        Names the file and the first row and column that cannot be taken, never the hash.
    ValueError
        `columns` names what is not a canonical column.

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
    reader = _READERS.get(source.path.suffix.lower())
    if reader is None:
        raise source.error(f"expected a name that ends in {', '.join(_READERS)}")
    try:
        batches, n_ignored = _read(reader, source)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return HashList(name, version, pa.Table.from_batches(batches, SCHEMA), n_ignored)
    raise source.error(f"cannot be read: {reason}")


def _read(reader: _Reader, source: Source) -> tuple[list[pa.RecordBatch], int]:
    if source.path.exists() and not source.path.is_file():
        raise source.error("not a regular file")
    batches: list[pa.RecordBatch] = []
    n_ignored = 0
    with source.path.open("rb") as file:
        for raw in reader(file, source):
            batch, n_left_out = canonical_rows(raw, source)
            batches.append(batch)
            n_ignored += n_left_out
    return batches, n_ignored


def _text_or_none(text: str | None) -> str | None:
    return (text or "").strip() or None
