"""Options for reading a list, a file to read with these options, and errors about the file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from hashmatch.errors import HashListError
from hashmatch.lists.schema import SOURCE_COLUMNS

_MAX_SHOWN_CHARACTERS = 40
_LIKE_A_HASH = re.compile(r"[0-9A-Fa-f]{16}")


def redact(text: str) -> str:
    """Return text from a list made safe for an error message: on one line, short, never a hash."""
    if _LIKE_A_HASH.search(text):
        return "(something like a hash, not shown)"
    if len(text) > _MAX_SHOWN_CHARACTERS:
        text = text[:_MAX_SHOWN_CHARACTERS] + "..."
    return text if text.isprintable() and text else repr(text)


def is_encodable(text: str) -> bool:
    """Return whether text can be stored as UTF-8: lone surrogates, used for bad bytes, cannot."""
    return text.encode(errors="ignore").decode() == text


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReading:
    """Options for reading a list file; None leaves an option open.

    Text is trimmed and names of algorithms are lowered, so that equal readings compare equal.
    ValueError if a number is out of range, or `columns` names a column that is not canonical.

    `format` is one of `list_formats()`; by default it is recognised from the file. `columns` maps
    canonical names to the file's own, such as ``{"hash": "pdq_hash"}``; columns that are not
    canonical are kept in `record` only. `algorithm`, `harm` and `classification` are defaults for
    rows that leave them out; `algorithm` falls back to ``"pdq"``. Rows of `ignore_algorithms` are
    counted and left out, whatever their other columns hold.

    For vPDQ text, `entry_id` is the id of the video, by default the file's name without ``.txt`` or
    ``.vpdq.txt``; frames below `min_quality`, by default 50, are counted and left out.

    `block_bytes` and `block_rows` bound the blocks in which a file is parsed; no row of CSV may be
    longer than `block_bytes`.
    """

    format: str | None = None
    columns: Mapping[str, str] | None = None
    algorithm: str | None = None
    harm: str | None = None
    classification: str | None = None
    ignore_algorithms: Collection[str] | None = None
    entry_id: str | None = None
    min_quality: int | None = None
    block_bytes: int = 4 << 20
    block_rows: int = 1 << 16

    def __post_init__(self) -> None:
        """Check and normalise the options."""
        for name in ("format", "algorithm", "harm", "classification", "entry_id"):
            text = (getattr(self, name) or "").strip() or None
            if text is not None and not is_encodable(text):
                raise ValueError(f"{name} must be UTF-8")
            object.__setattr__(self, name, text)
        if self.algorithm is not None:
            object.__setattr__(self, "algorithm", self.algorithm.lower())
        if self.ignore_algorithms is not None:
            ignored = frozenset(name.strip().lower() for name in self.ignore_algorithms)
            object.__setattr__(self, "ignore_algorithms", ignored)
        if self.columns is not None:
            object.__setattr__(self, "columns", dict(self.columns))
        for canonical, name in (self.columns or {}).items():
            if canonical not in SOURCE_COLUMNS:
                known = ", ".join(SOURCE_COLUMNS)
                raise ValueError(f"columns can name {known}, not {redact(canonical)}")
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"columns must name the file's column for {canonical}")
        if self.min_quality is not None and not 0 <= self.min_quality <= 100:
            raise ValueError(f"min_quality must be from 0 to 100, not {self.min_quality}")
        if self.block_bytes < 1 or self.block_rows < 1:
            raise ValueError("block_bytes and block_rows must be at least 1")

    @property
    def default_algorithm(self) -> str:
        """Algorithm of rows that name none."""
        return self.algorithm or "pdq"

    def column(self, canonical: str) -> str:
        """Return the file's name for a canonical column."""
        return (self.columns or {}).get(canonical, canonical)

    def with_fallback(self, other: ListReading) -> ListReading:
        """Return this reading, with the options that it leaves open taken from another."""
        missing = [field.name for field in fields(self) if getattr(self, field.name) is None]
        return replace(self, **{name: getattr(other, name) for name in missing})


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list file and how it is read."""

    path: Path
    reading: ListReading

    def error(
        self, problem: str, *, row: int | None = None, column: str | None = None
    ) -> HashListError:
        """Return the error that names the file and, if given, the row and the file's column."""
        where = str(self.path) if row is None else f"{self.path} row {row}"
        if column is not None:
            where += f", column {redact(column)}"
        return HashListError(f"{where}: {problem}")

    def missing_column(self, canonical: str, present: Collection[str]) -> HashListError:
        """Return the error for a required column that the file lacks."""
        named = ", ".join(redact(name) for name in present)
        wanted = redact(self.reading.column(canonical))
        return self.error(
            f"there is no column {wanted} ({canonical}) among: {named}; "
            f'say which it is, as in columns = {{ {canonical} = "..." }}'
        )
