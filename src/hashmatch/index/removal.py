"""Take entries out of an index at once: for good, or until they are enabled again."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from hashmatch.errors import HashmatchError, UnknownNameError
from hashmatch.index.draft import ChangeReport, Draft, changing
from hashmatch.lists import redact


def remove_entries(
    directory: str | os.PathLike[str],
    list_name: str,
    entry_ids: Collection[str],
    *,
    wait_s: float = 0.0,
) -> ChangeReport:
    """Remove entries of a list: no row of them matches from the next generation on.

    All hashes of an entry go, of every algorithm, harm and classification. A build or
    `replace_list` leaves the entries out, too; only `add_list` brings one back. Removing what is
    removed already changes nothing.

    Parameters
    ----------
    directory : path-like
        A built folder.
    list_name : str
    entry_ids : collection of str
        As the list gives them.
    wait_s : float
        Seconds to wait for another writer to finish.

    Returns
    -------
    ChangeReport

    Raises
    ------
    UnknownNameError
        A KeyError: there is no such list, or it lacks one of the entries; nothing is changed then.
    HashmatchError
        The folder was never built, another process changes it now, or it cannot be written.

    Notes
    -----
    Reads the ids of all segments with rows of the list, once, in native code, and writes a
    set of rows for each segment concerned; codes and entries are not rewritten. Killed at any
    moment, it leaves the generation before or the one after, whole.
    """
    ids = _checked(entry_ids)
    with changing(Path(directory), wait_s) as draft:
        _check_list(draft, list_name, directory)
        known = draft.known(list_name, pa.array(ids, pa.string()))
        there = known.live_ids() | draft.ledger.removed_of(list_name)
        _check_entries(directory, list_name, ids, there)
        draft.remove(known, known.is_live)
        draft.ledger = draft.ledger.after_removal(list_name, ids)
        return draft.publish()


def disable(
    directory: str | os.PathLike[str],
    list_name: str,
    entry_ids: Collection[str] | None = None,
    *,
    wait_s: float = 0.0,
) -> ChangeReport:
    """Disable entries of a list, or all of it: they do not match until `enable` is called.

    What is disabled stays so by name: when it is added anew, when its list is replaced and when
    the index is built. Parameters, errors and cost are those of `remove_entries`, but that None for
    `entry_ids` means the whole list, whatever will be added to it; while anything is disabled,
    every change of the index costs as much again.
    """
    ids = None if entry_ids is None else _checked(entry_ids)
    with changing(Path(directory), wait_s) as draft:
        _check_list(draft, list_name, directory)
        if ids is not None:
            there = draft.known(list_name, pa.array(ids, pa.string())).live_ids()
            _check_entries(directory, list_name, ids, there | draft.ledger.disabled_of(list_name))
        draft.ledger = draft.ledger.after_disabling(list_name, ids)
        return draft.publish()


def enable(
    directory: str | os.PathLike[str],
    list_name: str,
    entry_ids: Collection[str] | None = None,
    *,
    wait_s: float = 0.0,
) -> ChangeReport:
    """Undo what `disable` did: entries that were disabled by name, or a list as a whole.

    Entries disabled by name stay so when their list is enabled. Enabling what is not disabled
    changes nothing. Parameters and errors are those of `disable`; HashmatchError for entries of a
    list that is disabled as a whole, as they would not match yet.
    """
    ids = None if entry_ids is None else _checked(entry_ids)
    with changing(Path(directory), wait_s) as draft:
        _check_list(draft, list_name, directory)
        if ids is not None:
            if list_name in draft.ledger.disabled_lists:
                raise HashmatchError(
                    f"{directory}: list {redact(list_name)} is disabled as a whole, so that no "
                    "entry of it matches; enable the list first"
                )
            there = draft.known(list_name, pa.array(ids, pa.string())).live_ids()
            _check_entries(directory, list_name, ids, there | draft.ledger.disabled_of(list_name))
        draft.ledger = draft.ledger.after_enabling(list_name, ids)
        return draft.publish()


def _checked(entry_ids: Collection[str]) -> list[str]:
    if isinstance(entry_ids, str):
        raise TypeError("entry_ids must be a collection of str, not one str")
    ids = list(entry_ids)
    if not ids:
        raise ValueError("entry_ids must name at least one entry")
    for entry_id in ids:
        if not isinstance(entry_id, str):
            raise TypeError(f"an entry id must be a str, not {type(entry_id).__name__}")
    return ids


def _check_list(draft: Draft, list_name: str, directory: str | os.PathLike[str]) -> None:
    names = list(dict.fromkeys(one.list for one in draft.lists))
    if list_name not in names:
        raise UnknownNameError(
            f"{os.fspath(directory)}: there is no list {redact(list_name)}, "
            f"only: {', '.join(names)}"
        )


def _check_entries(
    directory: str | os.PathLike[str], list_name: str, ids: list[str], there: Collection[str]
) -> None:
    unknown = [entry_id for entry_id in dict.fromkeys(ids) if entry_id not in there]
    if unknown:
        more = f" and {len(unknown) - 1} more of those named" if len(unknown) > 1 else ""
        raise UnknownNameError(
            f"{os.fspath(directory)}: list {redact(list_name)} has no entry {redact(unknown[0])}"
            f"{more}; expected ids as the list gives them; nothing was changed"
        )
