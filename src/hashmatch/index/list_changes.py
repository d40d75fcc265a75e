"""Changes to a list in an index in use: files added, and entries removed or disabled."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from hashmatch.errors import HashmatchError, UnknownNameError
from hashmatch.index.append import append_list
from hashmatch.index.changes import DEFAULT_OPTIONS, ChangeReport, StorageOptions
from hashmatch.index.manifest import ListCounts
from hashmatch.index.overrides import Name
from hashmatch.index.recipe import RECIPE_FILE, Recipe, RecipeList
from hashmatch.index.transaction import Transaction, open_transaction
from hashmatch.lists import ListReading, inherit_reading, is_encodable, redact
from hashmatch.strict_table import did_you_mean


def add_list(
    directory: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    list_name: str | None = None,
    version: str | None = None,
    new_list: bool = False,
    return_removed: bool = False,
    reading: ListReading | None = None,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> ChangeReport:
    """Add the rows of a list file to a list; they are searched from then on.

    A row that the index has already, by entry, harm, classification, algorithm and hash, is a
    duplicate: the old row keeps its list version and its time. With another status, harm or
    classification the new row replaces it. A withdrawn row with an entry id removes all rows of
    that entry in the list; without one, all rows of its hash; whatever their harm and
    classification, except those that the file gives as well. Entries that `remove_entries` removed
    stay out, and so do their hashes under another entry id. A known entry that gets another hash
    stays one entry.

    Parameters
    ----------
    directory : path-like
        A built folder.
    file : path-like
        As `hashmatch.lists.read_batches` takes it.
    list_name : str, optional
        The list that the file belongs to; may be left out if the index has only one list.
    version : str, optional
        The version that matches will name; the latest of the list by default.
    new_list : bool
        Allow a list that neither index nor recipe knows; needs `version`.
    return_removed : bool
        Add also what `remove_entries` removed; from then on it is as if it had never been removed.
    reading : ListReading, optional
        How to read the file. Options left open are taken from the recipe, if it has the list.
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
    Costs reading the file, building an index of its rows, and for every 65,536 rows one scan of
    the ids of all segments with rows of the list, in native code. Small segments are merged on the
    way (`Transaction.commit`); others are neither read whole nor rewritten. Memory is that of
    `build_index`. Killed at any moment, it leaves the old or the new generation, complete.
    """
    directory = Path(directory)
    with open_transaction(directory, wait_s=wait_s, options=options) as transaction:
        source = _find_list(transaction, file, list_name, version, reading, new_list=new_list)
        added = append_list(transaction, source, "add", readmit=return_removed)
        counts = added.counts
        is_known = counts.list in {known.list for known in transaction.lists}
        if counts.indexed or transaction.n_removed or not is_known:
            transaction.lists = _add_counts(transaction.lists, counts)
        change = transaction.commit("add", list_name=source.name)
        return replace(
            change,
            n_returned_entries=added.n_returned,
            n_unmet_withdrawals=added.n_unmet,
            counts=counts,
        )


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
    """Replace all rows of a list with those of a list file, in one generation.

    What `remove_entries` removed is left out, and counted in the report; only `add_list` with
    `return_removed` adds it again. The old rows get tombstones, and stay on disk until their
    segment is merged. Parameters, errors and costs are those of `add_list`.
    """
    directory = Path(directory)
    with open_transaction(directory, wait_s=wait_s, options=options) as transaction:
        source = _find_list(transaction, file, list_name, version, reading, new_list=False)
        transaction.remove_entries(source.name, None)
        counts = append_list(transaction, source, "replace").counts
        others = [known for known in transaction.lists if known.list != source.name]
        transaction.lists = [*others, counts]
        return replace(transaction.commit("replace", list_name=source.name), counts=counts)


def remove_entries(
    directory: str | os.PathLike[str],
    list_name: str,
    entry_ids: Collection[str],
    *,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> ChangeReport:
    """Remove entries of a list: no row of them matches from the next generation on.

    All hashes of an entry go, of every algorithm, harm and classification. Whatever adds rows later
    leaves them out, and also any other entry of the list with one of their hashes, unless such an
    entry matches already. Only `add_list` with `return_removed` adds them again. Removing an entry
    twice changes nothing.

    Parameters
    ----------
    directory : path-like
        A built folder.
    list_name : str
    entry_ids : collection of str
        As the list gives them.
    wait_s, options
        As in `add_list`.

    Raises
    ------
    UnknownNameError
        A KeyError: there is no such list, or it lacks one of the entries; nothing is changed.
    HashmatchError
        The folder was never built, another writer has the lock, or the folder cannot be written.

    Notes
    -----
    Scans the ids of all segments with rows of the list, once, in native code, and writes a deletion
    vector for each segment concerned; codes and entries are not rewritten. Killed at any moment, it
    leaves the old or the new generation, complete.
    """
    with _open(directory, list_name, wait_s, options) as transaction:
        ids = _check_entries(transaction, list_name, entry_ids, transaction.overrides.removed)
        codes = transaction.live_codes(list_name, ids)
        transaction.remove_entries(list_name, ids)
        digests = transaction.digest_unlisted(list_name, codes)
        transaction.overrides = transaction.overrides.remove(list_name, ids, digests)
        return transaction.commit("remove", list_name=list_name)


def disable(
    directory: str | os.PathLike[str],
    list_name: str,
    entry_ids: Collection[str] | None = None,
    *,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> ChangeReport:
    """Disable entries of a list, or all of it: they do not match until `enable` is called.

    Names stay disabled when rows of them are added, when the list is replaced and when the index is
    built. Parameters, errors and cost are those of `remove_entries`, except that None for
    `entry_ids` means the whole list, including later additions; while anything is disabled, every
    change of the index costs as much again.
    """
    with _open(directory, list_name, wait_s, options) as transaction:
        overrides = transaction.overrides
        if entry_ids is not None:
            entry_ids = _check_entries(transaction, list_name, entry_ids, overrides.disabled)
        transaction.overrides = overrides.disable(list_name, entry_ids)
        return transaction.commit("disable", list_name=list_name)


def enable(
    directory: str | os.PathLike[str],
    list_name: str,
    entry_ids: Collection[str] | None = None,
    *,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> ChangeReport:
    """Undo `disable`, for entries that were disabled by name or for a list as a whole.

    Entries disabled by name stay disabled when their list is enabled. Enabling what is not disabled
    changes nothing. Parameters and errors are those of `disable`; HashmatchError for entries of a
    list that is disabled as a whole, as they would not match yet.
    """
    with _open(directory, list_name, wait_s, options) as transaction:
        overrides = transaction.overrides
        if entry_ids is not None:
            if list_name in overrides.disabled_lists:
                raise HashmatchError(
                    f"{directory}: list {redact(list_name)} is disabled as a whole, so that no "
                    "entry of it matches; enable the list first"
                )
            entry_ids = _check_entries(transaction, list_name, entry_ids, overrides.disabled)
        transaction.overrides = overrides.enable(list_name, entry_ids)
        return transaction.commit("enable", list_name=list_name)


def _find_list(
    transaction: Transaction,
    file: str | os.PathLike[str],
    list_name: str | None,
    version: str | None,
    reading: ListReading | None,
    *,
    new_list: bool,
) -> RecipeList:
    """Return the file's list and how to read it, with defaults from the index and the recipe."""
    directory, reading = transaction.directory, reading or ListReading()
    has_recipe = (directory / RECIPE_FILE).exists()
    sources = {one.name: one for one in Recipe.load(directory).lists} if has_recipe else {}
    versions = {name: source.version for name, source in sources.items()}
    versions |= {counts.list: counts.list_version for counts in transaction.lists}
    name = _choose_name(directory, list_name, versions, new_list=new_list)
    version = versions.get(name) if version is None else version
    if version is None:
        raise HashmatchError(f"{directory}: list {redact(name)} is new; give its version")
    if not all(text.strip() and text.isprintable() for text in (name, version)):
        raise ValueError("name and version of a list must be text on one line")
    if name in sources:
        reading = inherit_reading(reading, sources[name].reading, file)
    return RecipeList(name=name, file=Path(file), version=version, reading=reading)


def _choose_name(
    directory: Path, given: str | None, known: Mapping[str, str], *, new_list: bool
) -> str:
    if given is None:
        if len(known) != 1:
            raise HashmatchError(f"{directory}: say which list it belongs to: {', '.join(known)}")
        return next(iter(known))
    if given not in known and not new_list:
        raise _unknown_list(directory, given, known, " (index add --new-list adds a new one)")
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


@contextlib.contextmanager
def _open(
    directory: str | os.PathLike[str], list_name: str, wait_s: float, options: StorageOptions
) -> Iterator[Transaction]:
    """Open a transaction; UnknownNameError if the index has no such list."""
    with open_transaction(Path(directory), wait_s=wait_s, options=options) as transaction:
        names = list(dict.fromkeys(counts.list for counts in transaction.lists))
        if list_name not in names:
            raise _unknown_list(directory, list_name, names)
        yield transaction


def _unknown_list(
    directory: str | os.PathLike[str], name: str, known: Collection[str], remedy: str = ""
) -> UnknownNameError:
    hint = did_you_mean(name, known) or f", only: {', '.join(known)}"
    return UnknownNameError(f"{directory}: there is no list {redact(name)}{hint}{remedy}")


def _check_entries(
    transaction: Transaction, list_name: str, entry_ids: Collection[str], named: Collection[Name]
) -> list[str]:
    """Return the distinct ids; UnknownNameError for any neither in the list nor in `named`."""
    if isinstance(entry_ids, str):
        raise TypeError("entry_ids must be a collection of str, not one str")
    ids = list(dict.fromkeys(entry_ids))
    if not ids:
        raise ValueError("entry_ids must name at least one entry")
    if wrong := [type(each).__name__ for each in ids if not isinstance(each, str)]:
        raise TypeError(f"an entry id must be a str, not {wrong[0]}")
    live = transaction.live_ids(list_name, [each for each in ids if is_encodable(each)])
    unknown = [each for each in ids if each not in live and (list_name, each) not in named]
    if unknown:
        more = f" and {len(unknown) - 1} more of those given" if len(unknown) > 1 else ""
        raise UnknownNameError(
            f"{transaction.directory}: list {redact(list_name)} has no entry {redact(unknown[0])}"
            f"{more}; expected ids as the list gives them; nothing was changed"
        )
    return ids
