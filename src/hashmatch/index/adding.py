"""Adding a list file to an index in use, or replacing a list by one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from hashmatch.errors import HashmatchError, UnknownNameError
from hashmatch.index.append import append_list
from hashmatch.index.changes import DEFAULT_OPTIONS, ChangeReport, StorageOptions
from hashmatch.index.manifest import ListCounts
from hashmatch.index.recipe import RECIPE_FILE, Recipe, RecipeList
from hashmatch.index.transaction import Transaction, open_transaction
from hashmatch.lists import ListReading, inherit_reading, redact
from hashmatch.strict_table import did_you_mean


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

    A row that the index has already, by entry, harm, classification, algorithm and hash, is a
    duplicate and keeps the version that brought it, and its time. If its status differs, the new
    row replaces it; if the new row is withdrawn, both go. An entry removed earlier matches again,
    with the hashes of this file. A known entry that gets another hash stays one entry.

    Parameters
    ----------
    directory : path-like
        A built folder.
    file : path-like
        As `hashmatch.lists.read_batches` takes it.
    list_name : str, optional
        The list it belongs to; may be left out if the index has only one.
    version : str, optional
        The version that matches will name; the latest of the list by default.
    new_list : bool
        Allow a list that neither index nor recipe knows; needs `version`. Policies that name
        lists do not know it either.
    reading : ListReading, optional
        How the file is read. Options left open are those of the recipe, if it has the list.
    wait_s : float
        Seconds to wait for another writer to finish.
    options : StorageOptions
        Sizes, and how many generations are kept.

    Raises
    ------
    UnknownNameError
        A KeyError: there is no such list.
    HashListError
        The file or the recipe has a fault; nothing is changed.
    HashmatchError
        The folder was never built, another writer has the lock, or the folder cannot be written.
    ValueError
        A name or version is not text on one line.

    Notes
    -----
    Costs reading the file, building an index of its rows, and for every 65,536 of them one scan of
    the ids of all segments with rows of the list, in native code. Small segments are merged on the
    way (`Transaction.commit`); others are neither read whole nor rewritten. Memory is that of
    `build_index`. Killed at any moment, it leaves the generation before or the one after, whole.
    """
    directory = Path(directory)
    with open_transaction(directory, wait_s=wait_s, options=options) as transaction:
        source = _find_list(transaction, file, list_name, version, reading, new_list=new_list)
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
    """Replace all rows of a list by those of a list file, in one generation.

    Entries that `remove_entries` removed are left out, and counted in the report; `add_list` brings
    one back. The rows before get tombstones, and stay on disk until their segment is merged.
    Parameters, errors and costs are those of `add_list`.
    """
    directory = Path(directory)
    with open_transaction(directory, wait_s=wait_s, options=options) as transaction:
        source = _find_list(transaction, file, list_name, version, reading, new_list=False)
        transaction.remove_entries(source.name, None)
        counts, _ = append_list(transaction, source, "replace")
        others = [known for known in transaction.lists if known.list != source.name]
        transaction.lists = [*others, counts]
        return replace(transaction.commit("replace", list_name=source.name), counts=counts)


def _find_list(
    transaction: Transaction,
    file: str | os.PathLike[str],
    list_name: str | None,
    version: str | None,
    reading: ListReading | None,
    *,
    new_list: bool,
) -> RecipeList:
    """Return the list of a further file and how to read it, completed from index and recipe."""
    directory, reading = transaction.directory, reading or ListReading()
    has_recipe = (directory / RECIPE_FILE).exists()
    sources = {one.name: one for one in Recipe.load(directory).lists} if has_recipe else {}
    versions = {name: source.version for name, source in sources.items()}
    versions |= {counts.list: counts.list_version for counts in transaction.lists}
    name = _choose_name(directory, list_name, versions, new_list=new_list)
    version = versions.get(name) if version is None else version
    if version is None:
        raise HashmatchError(f"{directory}: list {redact(name)} is new; say which version it is")
    if not all(text.strip() and text.isprintable() for text in (name, version)):
        raise ValueError("name and version of a list must be text on one line")
    if name in sources:
        reading = inherit_reading(reading, sources[name].reading, file)
    return RecipeList(name=name, file=Path(file), version=version, reading=reading)


def _choose_name(
    directory: Path, given: str | None, known: Mapping[str, str], *, new_list: bool
) -> str:
    names = ", ".join(known)
    if given is None:
        if len(known) != 1:
            raise HashmatchError(f"{directory}: say which list it is of: {names}")
        return next(iter(known))
    if given not in known and not new_list:
        hint = did_you_mean(given, known).removeprefix("; ") or f"only: {names};"
        raise UnknownNameError(
            f"{directory}: there is no list {redact(given)}, {hint} "
            "add takes a new one by --new-list"
        )
    return given


def _add_counts(lists: Sequence[ListCounts], new: ListCounts) -> list[ListCounts]:
    """Return the lists with new counts added to those of the same list and version."""
    others = []
    for known in lists:
        if (known.list, known.list_version) == (new.list, new.list_version):
            summed = ("rows", "indexed", "withdrawn", "ignored", "duplicates", "removed")
            sums = {name: getattr(known, name) + getattr(new, name) for name in summed}
            new = msgspec.structs.replace(new, **sums)
        else:
            others.append(known)
    return [*others, new]
