"""Bring a list file into an index that is in use: add to a list, or replace all of it.

What comes in is a segment of its own, searchable as soon as the next generation is published;
nothing that is there is rewritten.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hashmatch import hashing
from hashmatch.index.contents import Intake, codes_of, read_source, rows_of_algorithm
from hashmatch.index.draft import ChangeReport, Draft, changing
from hashmatch.index.entry_table import entry_batches, entry_rows
from hashmatch.index.list_source import list_source
from hashmatch.index.manifest import ListCounts, Origin
from hashmatch.index.numbering import first_alike, number_rows
from hashmatch.index.part import IDENTITY_COLUMNS
from hashmatch.lists import ListReading


def add_list(
    directory: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    list_name: str | None = None,
    version: str | None = None,
    new_list: bool = False,
    wait_s: float = 0.0,
    reading: ListReading | None = None,
) -> ChangeReport:
    """Add the rows of a list file to a list; what they say is searched from then on.

    A row that is there already, by entry, harm, classification, algorithm and hash, counts as a
    duplicate and keeps the version that brought it, and its time; with another status it takes the
    place of what is there. A withdrawn row removes what is there. An entry removed earlier is live
    again, with the hashes that come now. An entry that is there and gets another hash stays one
    entry.

    Parameters
    ----------
    directory : path-like
        A built folder.
    file : path-like
        As `hashmatch.lists.read_list` takes it.
    list_name : str, optional
        The list it belongs to; may be left out where there is only one.
    version : str, optional
        What matches will say of the rows; the version that the list has by default.
    new_list : bool
        Allow a list that neither index nor recipe knows; needs `version`. Policies that name
        lists do not know it either.
    wait_s : float
        Seconds to wait for another writer to finish.
    reading : ListReading, optional
        How the file is read. What it leaves out is taken from the recipe where that has the list,
        except `entry_id`.

    Returns
    -------
    ChangeReport

    Raises
    ------
    UnknownNameError
        A KeyError: there is no such list.
    HashListError
        The file or the recipe cannot be taken as it stands; nothing is changed then.
    HashmatchError
        The folder was never built, another process changes it now, or it cannot be written.
    ValueError
        Name or version are not text on one line.

    Notes
    -----
    Costs what reading the file and building an index of its rows costs, and one look at the ids of
    all segments with rows of the list, in native code; codes and entries that are there are
    neither read whole nor rewritten. Holds the file's rows in memory. Killed at any moment, it
    leaves the generation before or the one after, whole. Each call adds a segment for each
    algorithm of the file, which every search looks through: `compact_index` merges them.
    """
    directory = Path(directory)
    with changing(directory, wait_s) as draft:
        source = list_source(
            directory,
            draft.lists,
            file,
            list_name=list_name,
            version=version,
            new_list=new_list,
            reading=reading or ListReading(),
        )
        intake = read_source(source, (), "add")
        join = _Join(draft, source.name, intake)
        is_duplicate = join.is_duplicate()
        gone = join.displaced(is_duplicate)
        draft.remove(join.known, gone)
        n_duplicates = int(is_duplicate.sum())
        counts = replace(
            intake.counts,
            indexed=intake.counts.indexed - n_duplicates,
            duplicates=intake.counts.duplicates + n_duplicates,
        )
        n_returned = _bring_in(draft, intake, join, ~is_duplicate)
        if counts.indexed or gone.any() or counts.list not in {one.list for one in draft.lists}:
            draft.lists = _counted(draft.lists, counts)
        return replace(draft.publish(), n_returned_entries=n_returned, counts=counts)


def replace_list(
    directory: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    list_name: str | None = None,
    version: str | None = None,
    wait_s: float = 0.0,
    reading: ListReading | None = None,
) -> ChangeReport:
    """Put the rows of a list file in the place of all that a list has, in one generation.

    Entries that `remove_entries` removed are left out, and counted in the report; `add_list` brings
    one back. Parameters, errors and costs are those of `add_list`; the rows before stay in their
    segments, and never match, until `compact_index` drops them.
    """
    directory = Path(directory)
    with changing(directory, wait_s) as draft:
        source = list_source(
            directory,
            draft.lists,
            file,
            list_name=list_name,
            version=version,
            new_list=False,
            reading=reading or ListReading(),
        )
        intake = read_source(source, draft.ledger.removed_of(source.name), "replace")
        join = _Join(draft, source.name, intake)
        draft.remove_list(source.name)
        _bring_in(draft, intake, join, np.ones(intake.rows.num_rows, dtype=np.bool_))
        draft.lists = [one for one in draft.lists if one.list != source.name]
        draft.lists = _counted(draft.lists, intake.counts)
        return replace(draft.publish(), counts=intake.counts)


class _Join:
    """Rows that come in, withdrawn ones last, beside those of the same entries that are there.

    `twin` is, for each row that comes in, the position in `known` of the live row that says the
    same, -1 where there is none; `ordinal` that of its entry, -1 where the entry is not there;
    `entry` numbers the entries of both.
    """

    def __init__(self, draft: Draft, list_name: str, intake: Intake) -> None:
        self._intake = intake
        coming = pa.concat_tables([intake.rows, intake.withdrawn])
        ids: Any = coming["entry_id"]
        self.known = draft.known(list_name, pc.unique(ids))
        names = list(IDENTITY_COLUMNS)
        columns = [self.known.table[name].chunks + coming[name].chunks for name in names]
        types = [self.known.table.schema.field(name).type for name in names]
        joint = pa.table(
            [pa.chunked_array(*one) for one in zip(columns, types, strict=True)], names
        )
        n_known = self.known.table.num_rows
        entry, alike = number_rows(joint).entry, first_alike(joint)
        live = np.flatnonzero(self.known.is_live)
        twin_of = np.full(joint.num_rows, -1)
        twin_of[alike[live]] = live
        ordinal_of = np.full(entry.max(initial=-1) + 1, -1)
        ordinal_of[entry[:n_known]] = self.known.entry
        self.twin = twin_of[alike[n_known:]]
        self.entry = entry[n_known:]
        self.ordinal = ordinal_of[self.entry]

    def is_duplicate(self) -> NDArray[np.bool_]:
        """Return which of the rows to index are there, with the same status."""
        twin = self.twin[: self._intake.rows.num_rows]
        has_twin = twin >= 0
        status = self.known.table["status"].take(pa.array(twin[has_twin]))
        same = pc.equal(status, self._intake.rows["status"].filter(pa.array(has_twin)))
        has_twin[has_twin] = same.to_numpy()
        return has_twin

    def displaced(self, is_duplicate: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which of the known rows are withdrawn, or give way to a row of another status."""
        n_rows = self._intake.rows.num_rows
        twins = np.concatenate([self.twin[:n_rows][~is_duplicate], self.twin[n_rows:]])
        gone = np.zeros(len(self.known.row), dtype=np.bool_)
        gone[twins[twins >= 0]] = True
        return gone


def _bring_in(draft: Draft, intake: Intake, join: _Join, kept: NDArray[np.bool_]) -> int:
    """Put the kept rows into segments of their own; return how many entries are live again."""
    list_name, version = intake.counts.list, intake.counts.list_version
    rows = intake.rows.filter(pa.array(kept))
    entry = join.ordinal[: len(kept)][kept]
    is_new = entry < 0
    numbers, places = np.unique(join.entry[: len(kept)][kept][is_new], return_inverse=True)
    entry[is_new] = draft.n_entries + places
    draft.n_entries += numbers.size
    numbering = number_rows(rows)
    places_of = [
        _place(draft.origins, Origin(list_name, version, *pair)) for pair in numbering.origins
    ]
    origin = np.array(places_of, dtype=np.int32)[numbering.origin]
    rows = rows.append_column("entry", pa.array(entry, pa.int64()))
    rows = rows.append_column("origin", pa.array(origin, pa.int32()))
    there = {part.stored.algorithm for part in draft.parts}
    for algorithm in intake.algorithms:
        own = rows_of_algorithm(rows, algorithm)
        if own.num_rows or algorithm not in there:
            codes = codes_of(own, hashing.get_algorithm(algorithm).bits)
            entries = entry_rows(own)
            draft.append(algorithm, codes, entries.schema, entry_batches(entries))
    returned = draft.ledger.removed_of(list_name) & set(pc.unique(rows["entry_id"]).to_pylist())
    draft.ledger = draft.ledger.after_return(list_name, returned)
    return len(returned)


def _place(origins: list[Origin], origin: Origin) -> int:
    """Return where an origin is among the others, behind them if it was not there."""
    if origin not in origins:
        origins.append(origin)
    return origins.index(origin)


def _counted(lists: Sequence[ListCounts], new: ListCounts) -> list[ListCounts]:
    """Return the lists with new counts added to those of the same list and version."""
    same = [one for one in lists if (one.list, one.list_version) == (new.list, new.list_version)]
    for one in same:
        new = replace(
            new,
            rows=new.rows + one.rows,
            indexed=new.indexed + one.indexed,
            withdrawn=new.withdrawn + one.withdrawn,
            ignored=new.ignored + one.ignored,
            duplicates=new.duplicates + one.duplicates,
            removed=new.removed + one.removed,
        )
    return [*(one for one in lists if one not in same), new]
