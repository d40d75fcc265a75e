"""Protocols of list formats."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import BinaryIO, Protocol, runtime_checkable

from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_reading import ListFile


class Confidence(IntEnum):
    """A format's confidence that a file is of it."""

    NO = 0
    """The bytes cannot be of this format."""
    POSSIBLE = 1
    """Nothing speaks against it, as nothing does against text in general."""
    LIKELY = 2
    """The bytes have the form, which others may share: a JSON object a line, a header row."""
    CERTAIN = 3
    """The bytes bear the marks of this format alone."""


@runtime_checkable
class ListFormat(Protocol):
    """A form in which list files come."""

    @property
    def name(self) -> str:
        """Name for `ListReading.format`, recipes and ``--format``; in lower case."""
        ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes that such files customarily have, with their dots, in lower case."""
        ...

    def matches(self, head: bytes) -> Confidence:
        """Return how sure it is that a file is of this format, by its first 64 KiB."""
        ...

    def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
        """Yield the rows of a file in order, block by block.

        `stream` stands at the beginning and can seek. HashListError, made by `file.error`, for what
        cannot be read: it names the row and the column, never a hash.
        """
        ...


@runtime_checkable
class EntryFormat(ListFormat, Protocol):
    """A format whose files are one entry each: a folder of them is a list.

    Only it takes the keys `entry_id` and `min_quality` of a `ListReading`.
    """

    def entry_id_of(self, name: str) -> str:
        """Return the id that the name of a file gives its entry."""
        ...
