"""Overrides: the names of entries and lists that the owner of an index removed or disabled.

Tombstones mark rows that do not match; overrides say by name what must stay out when its rows are
added again. A build leaves removed entries out, and rows added to a disabled list are disabled.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import starmap

import msgspec

from hashmatch.index.manifest import Record

Name = tuple[str, str]
"""List and entry id."""


class _Names(Record, frozen=True):
    """The body of the file: ids by list."""

    removed: dict[str, list[str]]
    disabled: dict[str, list[str]]
    disabled_lists: list[str]
    removed_hashes: dict[str, list[str]] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntryOverrides:
    """Names of removed entries, of disabled entries, and of lists disabled as a whole.

    `removed_hashes` are digests of the hashes of removed entries, by list, so that a hash stays out
    when its list gives it another entry id.
    """

    removed: frozenset[Name] = frozenset()
    disabled: frozenset[Name] = frozenset()
    disabled_lists: frozenset[str] = frozenset()
    removed_hashes: frozenset[Name] = frozenset()

    def removed_of(self, list_name: str) -> frozenset[str]:
        """Return the ids of the removed entries of a list."""
        return frozenset(entry_id for name, entry_id in self.removed if name == list_name)

    def removed_hashes_of(self, list_name: str) -> frozenset[str]:
        """Return the digests of the removed hashes of a list."""
        return frozenset(digest for name, digest in self.removed_hashes if name == list_name)

    def disabled_of(self, list_name: str) -> frozenset[str]:
        """Return the ids of the entries of a list that are disabled by name."""
        return frozenset(entry_id for name, entry_id in self.disabled if name == list_name)

    def remove(
        self, list_name: str, entry_ids: Iterable[str], digests: Iterable[str]
    ) -> EntryOverrides:
        """Return these overrides with further entries and hashes removed."""
        return replace(
            self,
            removed=self.removed | _names(list_name, entry_ids),
            removed_hashes=self.removed_hashes | _names(list_name, digests),
        )

    def readmit(
        self, list_name: str, entry_ids: Iterable[str], digests: Iterable[str]
    ) -> EntryOverrides:
        """Return these overrides with some entries and hashes no longer removed."""
        return replace(
            self,
            removed=self.removed - _names(list_name, entry_ids),
            removed_hashes=self.removed_hashes - _names(list_name, digests),
        )

    def disable(self, list_name: str, entry_ids: Collection[str] | None) -> EntryOverrides:
        """Return these overrides with further entries disabled; None disables the whole list."""
        if entry_ids is None:
            return replace(self, disabled_lists=self.disabled_lists | {list_name})
        return replace(self, disabled=self.disabled | _names(list_name, entry_ids))

    def enable(self, list_name: str, entry_ids: Collection[str] | None) -> EntryOverrides:
        """Return the overrides with `disable` undone."""
        if entry_ids is None:
            return replace(self, disabled_lists=self.disabled_lists - {list_name})
        return replace(self, disabled=self.disabled - _names(list_name, entry_ids))

    def encode(self) -> bytes:
        """Return the bytes of the file: JSON, the same for equal overrides."""
        body = {
            "removed": _by_list(self.removed),
            "disabled": _by_list(self.disabled),
            "disabled_lists": sorted(self.disabled_lists),
        }
        if self.removed_hashes:
            body["removed_hashes"] = _by_list(self.removed_hashes)
        return json.dumps(body, indent=1, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def decode(cls, raw: bytes) -> EntryOverrides:
        """Return the overrides in `raw`; ValueError if they are malformed."""
        names = msgspec.json.decode(raw, type=_Names)
        return cls(
            removed=frozenset().union(*starmap(_names, names.removed.items())),
            disabled=frozenset().union(*starmap(_names, names.disabled.items())),
            disabled_lists=frozenset(names.disabled_lists),
            removed_hashes=frozenset().union(*starmap(_names, names.removed_hashes.items())),
        )


def digest_code(algorithm: str, code: bytes) -> str:
    """Return a digest of algorithm and code: it names a hash without storing it."""
    return blake2b(b"%s\0%s" % (algorithm.encode(), code), digest_size=16).hexdigest()


def _names(list_name: str, entry_ids: Iterable[str]) -> frozenset[Name]:
    return frozenset((list_name, entry_id) for entry_id in entry_ids)


def _by_list(names: frozenset[Name]) -> dict[str, list[str]]:
    by_list: dict[str, list[str]] = {}
    for list_name, entry_id in sorted(names):
        by_list.setdefault(list_name, []).append(entry_id)
    return by_list
