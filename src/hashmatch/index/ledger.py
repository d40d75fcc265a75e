"""The ledger: what the people who own an index have removed or disabled, by name.

Tombstones say which rows do not match. The ledger says why that must stay so when rows come anew:
a build leaves removed entries out, and what is added to a disabled list is disabled. Disabling is
reversible, and kept apart from removal.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from hashmatch.errors import IndexFormatError

Name = tuple[str, str]
"""List and entry id."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Names of entries removed, of entries disabled, and of lists disabled as a whole."""

    removed: frozenset[Name] = frozenset()
    disabled: frozenset[Name] = frozenset()
    disabled_lists: frozenset[str] = frozenset()

    def removed_of(self, list_name: str) -> frozenset[str]:
        """Return the ids of the removed entries of a list."""
        return _ids(self.removed, list_name)

    def disabled_of(self, list_name: str) -> frozenset[str]:
        """Return the ids of the entries of a list that are disabled by name."""
        return _ids(self.disabled, list_name)

    def after_removal(self, list_name: str, entry_ids: Iterable[str]) -> Ledger:
        """Return the ledger with entries removed."""
        return replace(self, removed=self.removed | _names(list_name, entry_ids))

    def after_return(self, list_name: str, entry_ids: Iterable[str]) -> Ledger:
        """Return the ledger with entries removed no longer."""
        return replace(self, removed=self.removed - _names(list_name, entry_ids))

    def after_disabling(self, list_name: str, entry_ids: Collection[str] | None) -> Ledger:
        """Return the ledger with entries disabled, or, for None, a list as a whole."""
        if entry_ids is None:
            return replace(self, disabled_lists=self.disabled_lists | {list_name})
        return replace(self, disabled=self.disabled | _names(list_name, entry_ids))

    def after_enabling(self, list_name: str, entry_ids: Collection[str] | None) -> Ledger:
        """Return the ledger with what `after_disabling` did undone."""
        if entry_ids is None:
            return replace(self, disabled_lists=self.disabled_lists - {list_name})
        return replace(self, disabled=self.disabled - _names(list_name, entry_ids))

    def encode(self) -> bytes:
        """Return the bytes of the file: JSON, in one order for equal ledgers."""
        body = {
            "removed": _by_list(self.removed),
            "disabled": _by_list(self.disabled),
            "disabled_lists": sorted(self.disabled_lists),
        }
        return json.dumps(body, indent=1, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def decode(cls, raw: bytes) -> Ledger:
        """Return the ledger in `raw`; ValueError where there is none."""
        body = json.loads(raw)
        try:
            return cls(
                removed=_of_lists(body.pop("removed")),
                disabled=_of_lists(body.pop("disabled")),
                disabled_lists=frozenset(body.pop("disabled_lists")),
            )
        except (TypeError, KeyError, AttributeError):
            raise ValueError("ledger") from None


def decode_ledger(raw: bytes | None, where: str) -> Ledger:
    """Return what a ledger says; IndexFormatError names `where` it is, should it be none."""
    try:
        return Ledger() if raw is None else Ledger.decode(raw)
    except ValueError:
        raise IndexFormatError(f"{where}: the ledger is of another form; build again") from None


def _names(list_name: str, entry_ids: Iterable[str]) -> frozenset[Name]:
    return frozenset((list_name, entry_id) for entry_id in entry_ids)


def _ids(names: frozenset[Name], list_name: str) -> frozenset[str]:
    return frozenset(entry_id for name, entry_id in names if name == list_name)


def _by_list(names: frozenset[Name]) -> dict[str, list[str]]:
    by_list: dict[str, list[str]] = {}
    for list_name, entry_id in sorted(names):
        by_list.setdefault(list_name, []).append(entry_id)
    return by_list


def _of_lists(by_list: dict[str, list[Any]]) -> frozenset[Name]:
    return frozenset((name, entry_id) for name, ids in by_list.items() for entry_id in ids)
