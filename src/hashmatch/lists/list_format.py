"""List formats: their protocols, their registry, and the choice of one for a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from enum import IntEnum
from typing import Any, BinaryIO, Protocol, runtime_checkable

from hashmatch.errors import HashListError, HashmatchError
from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_reading import ListFile, redact
from hashmatch.registry import Registry

HEAD_BYTES = 1 << 16


class Confidence(IntEnum):
    """A format's confidence that a file is in it."""

    NO = 0
    """The bytes cannot be of this format."""
    POSSIBLE = 1
    """Nothing rules this format out, as with any text."""
    LIKELY = 2
    """The bytes look right, but may be of another format: a JSON object per line, a header row."""
    CERTAIN = 3
    """The bytes have marks that only this format has."""


@runtime_checkable
class ListFormat(Protocol):
    """A format of list files."""

    @property
    def name(self) -> str:
        """Name for `ListReading.format`, recipes and ``--format``; in lower case."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes that such files usually have, with the dot, in lower case."""

    def matches(self, head: bytes) -> Confidence:
        """Return the confidence that a file is of this format, from its first 64 KiB."""

    def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
        """Yield the rows of a file in order, block by block.

        `stream` is at its beginning and can seek. If something cannot be read, raise the
        HashListError that `file.error` returns: it names the row and the column, never a hash.
        """


@runtime_checkable
class EntryFormat(ListFormat, Protocol):
    """A format whose files are one entry each: a folder of such files is a list.

    Only such a format takes the options `entry_id` and `min_quality` of a `ListReading`.
    """

    def entry_id_of(self, name: str) -> str:
        """Return the entry id that the name of a file implies."""


def _admit(found: Any, _where: str) -> ListFormat:
    if isinstance(found, type) or not isinstance(found, ListFormat):
        raise ValueError("expected an object with the attributes and methods of ListFormat")
    if not isinstance(found.suffixes, tuple) or not all(
        isinstance(suffix, str) and suffix.startswith(".") and suffix == suffix.lower()
        for suffix in found.suffixes
    ):
        raise ValueError('expected suffixes to be a tuple of text in lower case, such as (".xml",)')
    return found


_OWN = {
    "csv": "hashmatch.lists.formats.csv:CSV",
    "jsonl": "hashmatch.lists.formats.jsonl:JSONL",
    "vpdq": "hashmatch.lists.formats.vpdq:VPDQ",
}
_REGISTRY: Registry[ListFormat] = Registry(
    "list format",
    group="hashmatch.list_formats",
    own=_OWN,
    admit=_admit,
    error=HashListError,
)


def list_formats() -> tuple[str, ...]:
    """Return the names of the list formats, in order: hashmatch's own, registered, plug-ins."""
    return tuple(_REGISTRY)


def format_problems() -> list[str]:
    """Load all installed list formats; return a line about each that is unusable or ignored."""
    return _REGISTRY.load_usable()[1]


def register_format(list_format: ListFormat) -> ExitStack:
    """Add a list format to this process; ``close()`` or the end of a `with` block undoes it.

    Other programs find a plug-in by its entry point (docs/lists.md). ValueError if there is a
    format of this name, HashListError if the object is not a list format.
    """
    return _REGISTRY.register(list_format)


def unregister_format(name: str) -> None:
    """Remove a registered format; unload a plug-in, so that it is loaded again."""
    _REGISTRY.forget(name)


def known_formats(file: ListFile) -> list[ListFormat]:
    """Return possible formats of a file: the one that its reading names, or all usable formats."""
    name = file.reading.format
    if name is None:
        return _REGISTRY.load_usable()[0]
    if name not in _REGISTRY:
        known = ", ".join(_REGISTRY)
        raise file.error(f"there is no list format {redact(name)}; known: {known}")
    return [_REGISTRY[name]]


def choose_format(file: ListFile, head: bytes, formats: Sequence[ListFormat]) -> ListFormat:
    """Return the format of a file, judged by its first bytes, with its suffix as a hint.

    The surest format is chosen if it is LIKELY or CERTAIN; the suffix decides between equals. If no
    format is sure, that of the suffix is chosen, so that its errors are precise. HashListError if
    this leaves no format or more than one.
    """
    ranks = [_rank(each, head, file) for each in formats]
    best = max(ranks)
    found = [each for each, rank in zip(formats, ranks, strict=True) if rank == best and any(best)]
    if len(found) == 1:
        return found[0]
    remedy = f'name its format, as in format = "{formats[0].name}"'
    if found:
        raise file.error(f"could be of the format {describe(found, ' or ')}; {remedy}")
    problems = "".join(f"; not tried: {problem}" for problem in format_problems())
    raise file.error(
        f"not in a known list format; tried {describe(formats)}; if it is one of them, {remedy}"
        f"{problems}"
    )


def read_rows(list_format: ListFormat, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
    """Yield the rows of a file; a plug-in's exception becomes an error of the file.

    The error omits the exception's message, which may hold a hash.
    """
    try:
        yield from list_format.read(stream, file)
    except (HashmatchError, OSError, MemoryError):
        raise
    except Exception as error:
        if list_format.name in _OWN:
            raise
        problem = type(error).__name__
    else:
        return
    raise file.error(f"the plug-in for {list_format.name} failed: {problem}")


def _rank(
    list_format: ListFormat, head: bytes, file: ListFile
) -> tuple[Confidence, bool, Confidence]:
    try:
        sure = Confidence(list_format.matches(head))
    except Exception:
        if list_format.name in _OWN:
            raise
        sure = Confidence.NO  # a plug-in that fails must not stop others
    is_sure = sure >= Confidence.LIKELY
    return sure if is_sure else Confidence.NO, has_suffix(file, list_format), sure


def has_suffix(file: ListFile, list_format: ListFormat) -> bool:
    """Return whether a file has a suffix of a format, in lower or upper case."""
    return file.path.name.lower().endswith(list_format.suffixes)


def describe(formats: Iterable[ListFormat], separator: str = ", ") -> str:
    """Return names and suffixes of formats, for error messages."""
    return separator.join(f"{each.name} ({', '.join(each.suffixes)})" for each in formats)
