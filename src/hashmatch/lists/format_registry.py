"""The registry of list formats, and the choice of one for a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any, BinaryIO

from hashmatch.errors import HashListError, HashmatchError
from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_format import Confidence, ListFormat
from hashmatch.lists.list_reading import ListFile
from hashmatch.lists.redaction import redact
from hashmatch.registry import Registry

HEAD_BYTES = 1 << 16

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


def _admit(found: Any, name: str, where: str) -> ListFormat:
    suffixes = getattr(found, "suffixes", None)
    problem = None
    if isinstance(found, type) or not isinstance(found, ListFormat):
        problem = "expected an object with the attributes and methods of ListFormat"
    elif found.name != name or not _NAME.fullmatch(name):
        problem = "expected its name to be that of the entry point: lower case, at most 40 letters"
    elif not isinstance(suffixes, tuple) or not all(
        isinstance(suffix, str) and suffix.startswith(".") and suffix == suffix.lower()
        for suffix in suffixes
    ):
        problem = 'expected suffixes to be a tuple of text in lower case, such as (".xml",)'
    if problem:
        raise HashListError(f"{where} is no list format: {problem}")
    own: ListFormat = found
    return own


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
    """Return what is wrong with the installed list formats, a line each; loads all of them."""
    return _REGISTRY.load_usable()[1]


def register_format(list_format: ListFormat) -> ExitStack:
    """Add a list format to this process; ``close()`` or the end of a `with` block undoes it.

    Other programs find a plug-in by its entry point (docs/lists.md). ValueError if there is a
    format of this name, HashListError if it is no list format.
    """
    return _REGISTRY.register(str(getattr(list_format, "name", "")), list_format)


def unregister_format(name: str) -> None:
    """Take out a format that was registered; forget a plug-in, so that it is loaded anew."""
    _REGISTRY.forget(name)


def known_formats(file: ListFile) -> list[ListFormat]:
    """Return the formats that a file may have: the one that its reading names, else all usable."""
    name = file.reading.format
    if name is None:
        return _REGISTRY.load_usable()[0]
    with suppress(KeyError):
        return [_REGISTRY[name]]
    known = ", ".join(list_formats())
    raise file.error(f"there is no list format {redact(name)}; known: {known}")


def choose_format(file: ListFile, head: bytes, formats: Sequence[ListFormat]) -> ListFormat:
    """Return the format of a file, by its first bytes and with its suffix as a hint.

    The surest format is chosen if it is LIKELY or CERTAIN; the suffix decides between equals. If no
    format is sure, that of the suffix is chosen, so that its errors are precise. HashListError if
    this leaves no format or more than one.
    """
    sureness = [(_match(each, head), each) for each in formats]
    hinted = [each for each in formats if file.path.suffix.lower() in each.suffixes]
    best = max((sure for sure, _ in sureness), default=Confidence.NO)
    if best < Confidence.LIKELY and hinted:
        best = max(sure for sure, each in sureness if each in hinted)
        found = [each for sure, each in sureness if sure is best and each in hinted]
    else:
        found = [each for sure, each in sureness if sure is best and best is not Confidence.NO]
        found = [each for each in found if each in hinted] or found
    if len(found) == 1:
        return found[0]
    remedy = f'name its format, as in format = "{formats[0].name}"'
    if found:
        raise file.error(f"could be of the format {describe(found, ' or ')}; {remedy}")
    problems = "".join(f"; not tried: {problem}" for problem in format_problems())
    raise file.error(
        f"of no known list format; tried {describe(formats)}; if it is one of them, {remedy}"
        f"{problems}"
    )


def read_rows(list_format: ListFormat, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
    """Yield the rows of a file; what a plug-in raises becomes an error of the file.

    It lacks the message of the exception, which may hold a hash.
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


def _match(list_format: ListFormat, head: bytes) -> Confidence:
    try:
        return Confidence(list_format.matches(head))
    except Exception:
        if list_format.name in _OWN:
            raise
        return Confidence.NO  # a plug-in that fails must not stop others


def describe(formats: Iterable[ListFormat], separator: str = ", ") -> str:
    """Return names and suffixes of formats, for error messages."""
    return separator.join(f"{each.name} ({', '.join(each.suffixes)})" for each in formats)
