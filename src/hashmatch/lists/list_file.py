"""`ListFile`: a file that is being read, which names the place of every error."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from hashmatch.errors import HashListError
from hashmatch.lists.list_reading import ListReading
from hashmatch.lists.redaction import redact


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list file and how it is read."""

    path: Path
    reading: ListReading

    def column(self, canonical: str) -> str:
        """Return the file's name for a canonical column."""
        return self.reading.column(canonical)

    def error(
        self, problem: str, *, row: int | None = None, column: str | None = None
    ) -> HashListError:
        """Return the error that names the file and, where given, the row and the file's column."""
        where = str(self.path)
        if row is not None:
            where += f" row {row}"
        if column is not None:
            where += f", column {redact(column)}"
        return HashListError(f"{where}: {problem}")

    def missing_column(self, canonical: str, present: Collection[str]) -> HashListError:
        """Return the error for a column that the file should have and lacks."""
        named = ", ".join(redact(name) for name in present)
        wanted = redact(self.column(canonical))
        return self.error(
            f"there is no column {wanted} ({canonical}) among: {named}; "
            f'say which it is, as in columns = {{ {canonical} = "..." }}'
        )
