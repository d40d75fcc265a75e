"""Options and reports shared by all changes to an index."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import msgspec

from hashmatch.index.entry_table import BATCH_ROWS
from hashmatch.index.manifest import ListCounts, Manifest


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """Sizes for making a change; search results do not depend on them.

    `kept_generations` is how many are kept after a change, the current one included. Small segments
    are merged automatically, up to `merged_codes` codes. A list is processed in chunks of
    `chunk_rows` rows; a record batch of an entry table has `batch_rows` rows.
    """

    kept_generations: int = 8
    merged_codes: int = 1 << 20
    chunk_rows: int = BATCH_ROWS
    batch_rows: int = BATCH_ROWS

    def __post_init__(self) -> None:
        """Raise ValueError for a size below 1."""
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} must be at least 1")


DEFAULT_OPTIONS = StorageOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReport:
    """The effect of a change. Counts are of rows (one per hash) unless their name says entries.

    Name, generation and digest describe the current generation. `is_new` is true if the contents
    changed; otherwise nothing was published. `n_added` rows were added and `n_removed` never match
    again; `n_disabled` stay but no longer match, `n_enabled` match again. `n_returned_entries`
    entries had been removed and match again. `n_unmet_withdrawals` withdrawn rows of a list file
    that was added named an entry or hash that the list did not have. `counts` breaks down the rows
    of a list file, if there was one.
    """

    name: str
    generation: int
    digest: str
    is_new: bool
    n_added: int = 0
    n_removed: int = 0
    n_disabled: int = 0
    n_enabled: int = 0
    n_returned_entries: int = 0
    n_unmet_withdrawals: int = 0
    counts: ListCounts | None = None

    @classmethod
    def of(cls, manifest: Manifest, *, is_new: bool, **counts: Any) -> ChangeReport:
        """Return the report of the change that made `manifest` current."""
        name, generation, digest = manifest.name, manifest.generation, manifest.digest
        return cls(name=name, generation=generation, digest=digest, is_new=is_new, **counts)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts and lists, ready for JSON."""
        report: dict[str, Any] = msgspec.to_builtins(self)
        return report

    def extend(self, kind: type[_Report], **facts: Any) -> _Report:
        """Return a report of a subclass: the values of this report, and further ones."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return kind(**own, **facts)


_Report = TypeVar("_Report", bound=ChangeReport)
