"""Taking entries out of an index: for good, or until they are enabled again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from hashmatch.errors import HashmatchError, UnknownNameError
from hashmatch.index.changes import DEFAULT_OPTIONS, ChangeReport, StorageOptions
from hashmatch.index.overrides import Name
from hashmatch.index.transaction import Transaction, open_transaction
from hashmatch.lists import redact


def remove_entries(
    directory: str | os.PathLike[str],
    list_name: str,
    entry_ids: Collection[str],
    *,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> ChangeReport:
    """Remove entries of a list: no row of them matches from the next generation on.

    All hashes of an entry go, of every algorithm, harm and classification. A build or
    `replace_list` leaves the entries out, too; only `add_list` brings one back. Removing an entry
    twice changes nothing.

    Parameters
    ----------
    directory : path-like
        A built folder.
    list_name : str
    entry_ids : collection of str
        As the list gives them.
    wait_s : float
        Seconds to wait for another writer to finish.
    options : StorageOptions
        Sizes, and how many generations are kept.

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
    leaves the generation before or the one after, whole.
    """
    with _open(directory, list_name, wait_s, options) as transaction:
        ids = _check_entries(transaction, list_name, entry_ids, transaction.overrides.removed)
        transaction.remove_entries(list_name, ids)
        transaction.overrides = transaction.overrides.remove(list_name, ids)
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

    Entries disabled by name stay so when their list is enabled. Enabling what is not disabled
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


@contextlib.contextmanager
def _open(
    directory: str | os.PathLike[str], list_name: str, wait_s: float, options: StorageOptions
) -> Iterator[Transaction]:
    """Open a transaction; UnknownNameError if the index has no such list."""
    with open_transaction(Path(directory), wait_s=wait_s, options=options) as transaction:
        names = list(dict.fromkeys(counts.list for counts in transaction.lists))
        if list_name not in names:
            raise UnknownNameError(
                f"{directory}: there is no list {redact(list_name)}, only: {', '.join(names)}"
            )
        yield transaction


def _check_entries(
    transaction: Transaction, list_name: str, entry_ids: Collection[str], named: Collection[Name]
) -> list[str]:
    """Return the distinct ids; UnknownNameError for one neither in the list nor among `named`."""
    if isinstance(entry_ids, str):
        raise TypeError("entry_ids must be a collection of str, not one str")
    ids = list(dict.fromkeys(entry_ids))
    if not ids:
        raise ValueError("entry_ids must name at least one entry")
    for entry_id in ids:
        if not isinstance(entry_id, str):
            raise TypeError(f"an entry id must be a str, not {type(entry_id).__name__}")
    live = transaction.live_ids(list_name, ids)
    unknown = [each for each in ids if each not in live and (list_name, each) not in named]
    if unknown:
        more = f" and {len(unknown) - 1} more of those named" if len(unknown) > 1 else ""
        raise UnknownNameError(
            f"{transaction.directory}: list {redact(list_name)} has no entry {redact(unknown[0])}"
            f"{more}; expected ids as the list gives them; nothing was changed"
        )
    return ids
