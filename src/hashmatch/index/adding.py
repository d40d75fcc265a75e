"""Adding a list file to an index in use, or replacing a list by one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from hashmatch.index.append import append_list
from hashmatch.index.change_report import ChangeReport
from hashmatch.index.list_source import list_source
from hashmatch.index.manifest import ListCounts
from hashmatch.index.storage_options import DEFAULT_OPTIONS, StorageOptions
from hashmatch.index.transaction import open_transaction
from hashmatch.lists import ListReading


def add_list(
    directory: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    list_name: str | None = None,
    version: str | None = None,
    new_list: bool = False,
    reading: ListReading | None = None,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> ChangeReport:
    """Add the rows of a list file to a list; they are searched from then on.

    A row that is there already, by entry, harm, classification, algorithm and hash, counts as a
    duplicate and keeps the version that brought it, and its time; with another status it takes the
    place of the row that is there. A withdrawn row removes that row. An entry removed earlier
    matches again, with the hashes that come now. An entry that is there and gets another hash stays
    one entry.

    Parameters
    ----------
    directory : path-like
        A built folder.
    file : path-like
        As `hashmatch.lists.read_batches` takes it.
    list_name : str, optional
        The list it belongs to; may be left out if there is only one.
    version : str, optional
        The version that matches will name; the list's latest by default.
    new_list : bool
        Allow a list that neither index nor recipe knows; needs `version`. Policies that name
        lists do not know it either.
    reading : ListReading, optional
        How the file is read. What it leaves out is as in the recipe if that has the list.
    wait_s : float
        Seconds to wait for another writer to finish.
    options : StorageOptions
        Sizes, and how many generations are kept.

    Returns
    -------
    ChangeReport

    Raises
    ------
    UnknownNameError
        A KeyError: there is no such list.
    HashListError
        The file or the recipe cannot be accepted as it stands; nothing is changed.
    HashmatchError
        The folder was never built, another writer has the lock, or the folder cannot be written.
    ValueError
        A name or version is not text on one line.

    Notes
    -----
    Costs reading the file, building an index of its rows, and for every 65,536 of them one look at
    the ids of all segments with rows of the list, in native code. Small segments are merged by the
    way (`Transaction.commit`); others are neither read whole nor rewritten. Memory is that of
    `build_index`. Killed at any moment, it leaves the generation before or the one after, whole.
    """
    directory = Path(directory)
    with open_transaction(directory, wait_s=wait_s, options=options) as transaction:
        source = list_source(
            directory,
            transaction.lists,
            file,
            list_name=list_name,
            version=version,
            new_list=new_list,
            reading=reading or ListReading(),
        )
        counts, n_returned = append_list(transaction, source, "add", readmit=True)
        is_known = counts.list in {known.list for known in transaction.lists}
        if counts.indexed or transaction.n_removed or not is_known:
            transaction.lists = _add_counts(transaction.lists, counts)
        change = transaction.commit("add", list_name=source.name)
        return replace(change, n_returned_entries=n_returned, counts=counts)


def replace_list(
    directory: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    list_name: str | None = None,
    version: str | None = None,
    reading: ListReading | None = None,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> ChangeReport:
    """Put the rows of a list file in the place of all that a list has, in one generation.

    Entries that `remove_entries` removed are left out, and counted in the report; `add_list` brings
    one back. Parameters, errors and costs are those of `add_list`; the rows before get tombstones
    until their segment is merged.
    """
    directory = Path(directory)
    with open_transaction(directory, wait_s=wait_s, options=options) as transaction:
        source = list_source(
            directory,
            transaction.lists,
            file,
            list_name=list_name,
            version=version,
            new_list=False,
            reading=reading or ListReading(),
        )
        transaction.remove_entries(source.name, None)
        counts, _ = append_list(transaction, source, "replace")
        others = [known for known in transaction.lists if known.list != source.name]
        transaction.lists = [*others, counts]
        return replace(transaction.commit("replace", list_name=source.name), counts=counts)


def _add_counts(lists: Sequence[ListCounts], new: ListCounts) -> list[ListCounts]:
    """Return the lists with new counts added to those of the same list and version."""
    others = []
    for known in lists:
        if (known.list, known.list_version) == (new.list, new.list_version):
            sums = {name: getattr(known, name) + getattr(new, name) for name in _SUMMED}
            new = msgspec.structs.replace(new, **sums)
        else:
            others.append(known)
    return [*others, new]


_SUMMED = ("rows", "indexed", "withdrawn", "ignored", "duplicates", "removed")
