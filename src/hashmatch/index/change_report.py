"""The report of a change."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import msgspec

from hashmatch.index.manifest import ListCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReport:
    """The effect of a change; counts are of rows, one for each hash, unless they name entries.

    Parameters
    ----------
    name, generation, digest
        Of the current generation.
    is_new : bool
        True if the contents differ from those before; else nothing was published.
    n_added, n_removed : int
        Rows that came in, and rows that never match again.
    n_disabled, n_enabled : int
        Rows that are there and no longer match, or match again.
    n_returned_entries : int
        Entries that were removed earlier and match again.
    counts : ListCounts or None
        Where the rows of a list file went.
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
    counts: ListCounts | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts and lists, ready for JSON."""
        report: dict[str, Any] = msgspec.to_builtins(self)
        return report

    def extend(self, kind: type[_Report], **facts: Any) -> _Report:
        """Return a report of another kind that says the same, and more."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return kind(**own, **facts)


_Report = TypeVar("_Report", bound=ChangeReport)
