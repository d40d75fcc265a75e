"""Where a list comes from, for reading it and for naming the place of an error."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hashmatch.errors import HashListError
from hashmatch.lists.schema import SOURCE_COLUMNS

MAX_SHOWN_CHARACTERS = 40
_LIKE_A_HASH = re.compile(r"[0-9A-Fa-f]{16}")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for an entry whose row does not say."""

    algorithm: str
    harm: str | None
    classification: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """A list file and how its columns are to be understood.

    `columns` maps canonical names to the file's own; a name it lacks stands for itself. `entry_id`
    and `min_quality` are for vPDQ text: the id of the video (None: the name of the file tells) and
    the least quality of a frame.
    """

    path: Path
    defaults: Defaults
    columns: Mapping[str, str] = field(default_factory=dict)
    ignore_algorithms: frozenset[str] = frozenset()
    entry_id: str | None = None
    min_quality: int = 0

    def column(self, canonical: str) -> str:
        """Name that the file uses for a canonical column."""
        return self.columns.get(canonical, canonical)

    def error(
        self, problem: str, *, row: int | None = None, column: str | None = None
    ) -> HashListError:
        """Return the error that names the file and, where given, the row and the file's column."""
        where = str(self.path)
        if row is not None:
            where += f" row {row}"
        if column is not None:
            where += f", column {shown(column)}"
        return HashListError(f"{where}: {problem}")

    def missing_column(self, canonical: str, present: Collection[str]) -> HashListError:
        """Return the error for a column that the file should have and has not."""
        named = ", ".join(shown(name) for name in present)
        wanted = shown(self.column(canonical))
        return self.error(
            f"there is no column {wanted} ({canonical}) among: {named}; "
            f'say which it is, as in columns = {{ {canonical} = "..." }}'
        )


def shown(text: str) -> str:
    """Return text of a list as an error message may show it: on one line, short, never a hash."""
    if _LIKE_A_HASH.search(text):
        return "(something like a hash, not shown)"
    if len(text) > MAX_SHOWN_CHARACTERS:
        text = text[:MAX_SHOWN_CHARACTERS] + "..."
    return text if text.isprintable() and text else repr(text)


def check_columns(columns: Mapping[str, str]) -> None:
    """Raise ValueError unless `columns` maps canonical names to names."""
    for canonical, name in columns.items():
        if canonical not in SOURCE_COLUMNS:
            raise ValueError(
                f"columns can name {', '.join(SOURCE_COLUMNS)}, not {shown(canonical)}"
            )
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"columns must name the file's column for {canonical}")
