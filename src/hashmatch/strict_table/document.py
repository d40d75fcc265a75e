"""A TOML document read key by key, whose errors give source, line and path of keys."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from hashmatch.errors import HashmatchError
from hashmatch.strict_table.toml_lines import KeyPath, key_lines

MAX_BYTES = 4 * 2**20
"""Larger files are refused: no configuration is so large, and reading one would take long."""

_BOM = "\ufeff"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TOML_LINE = re.compile(r"\(at line ([0-9]+), column [0-9]+\)$")
_DURATION = re.compile(r"[1-9][0-9]{0,5}[smhd]")
_MAX_CHARACTERS = 60  # or digits, of a value that is shown or compared
_CLOSENESS = 0.66  # one of three letters may be wrong
_KINDS: dict[type, str] = {
    **{bool: "a boolean", int: "a whole number", float: "a number with a fraction"},
    **{str: "a string", list: "a list", dict: "a table"},
}

_N = TypeVar("_N", int, float)
_Keys = tuple[str, ...]
_Misplaced = Mapping[str, str] | None


def quote(text: str) -> str:
    """Return text in double quotes, cut after 60 characters."""
    if len(text) > _MAX_CHARACTERS:
        text = text[:_MAX_CHARACTERS] + "..."
    return json.dumps(text, ensure_ascii=False)


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` if a known word is close, else an empty string."""
    close = get_close_matches(text[:_MAX_CHARACTERS], list(known), n=1, cutoff=_CLOSENESS)
    return f"; did you mean {close[0]}?" if close else ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document, which `keys` lead to from the outside in; () is the whole document.

    `source` is the name of the document in errors, `error_class` their class; `data` is the whole
    document as `tomllib` reads it.
    """

    source: str
    text: str
    error_class: type[HashmatchError]
    data: Any = None
    keys: KeyPath = ()

    @classmethod
    def load(cls, path: str | os.PathLike[str], error_class: type[HashmatchError]) -> Place:
        """Read a file; raise `error_class` if it is unreadable, over 4 MiB, not UTF-8 or TOML."""
        unread = cls(os.fspath(path), "", error_class)
        try:
            with Path(path).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise unread.error(f"cannot be read: {error.strerror or error}") from None
        if len(content) > MAX_BYTES:
            raise unread.error(f"larger than the {MAX_BYTES} bytes allowed")
        try:
            return cls.parse(content.decode("utf-8"), unread.source, error_class)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise unread.error("not UTF-8; save it as UTF-8", line) from None

    @classmethod
    def parse(cls, text: str, source: str, error_class: type[HashmatchError]) -> Place:
        """Read a text, skipping a byte order mark; raise `error_class` if it is not TOML."""
        unread = cls(source, text, error_class)
        try:
            return replace(unread, data=tomllib.loads(text.removeprefix(_BOM)))
        except tomllib.TOMLDecodeError as error:
            found = _TOML_LINE.search(str(error))
            line = int(found[1]) if found else text.rstrip().count("\n") + 1
            raise unread.error(f"not TOML: {error}", line) from None
        except ValueError:  # Python's own limit on the digits of an int
            raise unread.error("a number has too many digits") from None
        except RecursionError:
            raise unread.error("lists or tables are nested too deep") from None

    def at(self, *keys: str | int) -> Place:
        """Return the place that further keys lead to; items of arrays are counted from 0."""
        return replace(self, keys=self.keys + keys)

    @property
    def value(self) -> Any:
        """The value at this place."""
        value = self.data
        for key in self.keys:
            value = value[key]
        return value

    def check(self, kind: type | tuple[type, ...], expected: str) -> Any:
        """Return the value; raise an error if it is not of the expected type."""
        value = self.value
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            found = _KINDS.get(type(value), "a date or time")
            raise self.error(f"expected {expected}, not {found}")
        return value

    def error(self, problem: str, line: int | None = None) -> HashmatchError:
        """Return the error to raise for the value that is, or should be, at this place.

        It is one printable line, with the path of keys (array items with their `name`) and the
        given line, or else the line of the value, or of the table around it if it is missing.
        """
        path, value = "", self.data
        for key in self.keys:
            if isinstance(key, int):
                path, value = f"{path}[{key}]", value[key]
                name = value.get("name") if isinstance(value, dict) else None
                path += f" {quote(name)}" if isinstance(name, str) and name.strip() else ""
            else:
                shown = key if _BARE_KEY.fullmatch(key) else quote(key)
                path, value = f"{path}.{shown}" if path else shown, value.get(key)
        keys, lines = self.keys, key_lines(self.text.removeprefix(_BOM)) if self.keys else {}
        while keys and keys not in lines:
            keys = keys[:-1]
        line = line or lines.get(keys)
        place = f"{self.source}:{line}" if line else self.source
        message = f"{place}: {path}: {problem}" if path else f"{place}: {problem}"
        return self.error_class(
            "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
        )


class StrictTable:
    """The table at a place; every method reads one key and raises the document's error.

    A key that is not among `keys` is an error; `misplaced` says where some keys belong instead.
    """

    __slots__ = ("place",)

    def __init__(self, place: Place, keys: _Keys, misplaced: _Misplaced = None) -> None:
        self.place = place
        for key in place.check(dict, "a table"):
            if misplaced and key in misplaced:
                raise self.error(key, f"unknown key here; it belongs {misplaced[key]}")
            if key not in keys:
                hint = did_you_mean(key, keys) or f"; known keys: {', '.join(keys)}"
                raise self.error(key, f"unknown key{hint}")

    def __contains__(self, key: str) -> bool:
        return key in self.place.value

    def __iter__(self) -> Iterator[str]:
        return iter(self.place.value)

    def error(self, key: str, problem: str) -> HashmatchError:
        """Return the error to raise for a key."""
        return self.place.at(key).error(problem)

    def table(
        self, key: str, keys: _Keys, example: str, misplaced: _Misplaced = None
    ) -> StrictTable:
        """Return a required table; the error for a missing one shows an example."""
        return StrictTable(self._require(key, f"a table such as {example}"), keys, misplaced)

    def tables(self, key: str, keys: _Keys, misplaced: _Misplaced = None) -> list[StrictTable]:
        """Return an array of tables, empty if the key is absent."""
        if key not in self:
            return []
        place = self.place.at(key)
        items = range(len(place.check(list, f"tables headed [[{key}]]")))
        return [StrictTable(place.at(number), keys, misplaced) for number in items]

    def text(self, key: str) -> str:
        """Return a required string that is not blank."""
        return _text(self._require(key, "a string"))

    def optional_text(self, key: str) -> str | None:
        """Return a string that is not blank, None if the key is absent."""
        return self.text(key) if key in self else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of distinct strings, empty if the key is absent."""
        return _texts(self.place.at(key)) if key in self else ()

    def alternatives(self, key: str) -> tuple[str, ...]:
        """Return one required string, or a list of at least one, as a tuple."""
        expected = "a string or a list of strings"
        place = self._require(key, expected)
        if place.check((str, list), expected) == []:
            raise place.error("an empty list fits no match; leave the key out to fit every match")
        return (_text(place),) if isinstance(place.value, str) else _texts(place)

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Return one of the given words; required unless there is a default."""
        if default is not None and key not in self:
            return default
        return _known(self._require(key, f"one of {', '.join(choices)}"), choices)

    def choices(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return a list of distinct words from `known`, in that order; all if the key is absent."""
        chosen = {_known(self.place.at(key, n), known) for n in range(len(self.texts(key)))}
        return tuple(word for word in known if key not in self or word in chosen)

    def flag(self, key: str) -> bool:
        """Return true or false, false if the key is absent."""
        return key in self and bool(self.place.at(key).check(bool, "true or false"))

    def optional_duration(self, key: str) -> str | None:
        """Return a duration as written, None if the key is absent."""
        if key not in self:
            return None
        expected = 'a duration such as "45s", "30m", "4h" or "2d"'
        duration = str(self.place.at(key).check(str, expected))
        if not _DURATION.fullmatch(duration):
            raise self.error(key, f"expected {expected}, not {quote(duration)}")
        return duration

    def number(self, key: str, low: _N, high: _N, default: _N | None = None) -> _N:
        """Return a number within inclusive bounds, whole if these are; required as in `choice`."""
        if default is not None and key not in self:
            return default
        whole = isinstance(low, int)
        expected = f"a {'whole ' * whole}number from {low:g} to {high:g}"
        place = self._require(key, expected)
        value = place.check(int if whole else (int, float), expected)
        if not low <= value <= high:  # true of nan, too
            shown = value if abs(value) < 10**_MAX_CHARACTERS else "a number of that size"
            raise place.error(f"expected {expected}, not {shown}")
        return type(low)(value)

    def _require(self, key: str, expected: str) -> Place:
        if key not in self:
            raise self.error(key, f"missing; expected {expected}")
        return self.place.at(key)


def _text(place: Place) -> str:
    text = str(place.check(str, "a string"))
    if not text.strip():
        raise place.error("expected a string that is not blank")
    if text != text.strip() or not text.isprintable():
        raise place.error(f"{quote(text)} has spaces around it or a control character; remove it")
    return text


def _texts(place: Place) -> tuple[str, ...]:
    texts: dict[str, None] = {}
    for number in range(len(place.check(list, "a list of strings"))):
        text = _text(place.at(number))
        if text in texts:
            raise place.at(number).error(f"{quote(text)} is listed twice")
        texts[text] = None
    return tuple(texts)


def _known(place: Place, known: tuple[str, ...]) -> str:
    expected = f"one of {', '.join(known)}"
    text = str(place.check(str, expected))
    if text not in known:
        raise place.error(f"{quote(text)} is not {expected}{did_you_mean(text, known)}")
    return text
