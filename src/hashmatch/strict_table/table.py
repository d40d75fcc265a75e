"""Tables of a TOML document, read key by key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from hashmatch.strict_table.document import Document, Place, quote

_DURATION = re.compile(r"[1-9][0-9]{0,5}[smhd]")
_COMPARED_CHARACTERS = 60
_CLOSENESS = 0.66  # one of three letters may be wrong
_MAX_DIGITS = 60


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` if a known word is close, else an empty string."""
    close = get_close_matches(text[:_COMPARED_CHARACTERS], list(known), n=1, cutoff=_CLOSENESS)
    return f"; did you mean {close[0]}?" if close else ""


class StrictTable:
    """One table and its place; every method reads one key and raises the document's error.

    Parameters
    ----------
    table : object
        A value as `tomllib` returns it; anything but a table is an error.
    place : Place
        Where it stands.
    keys : sequence of str
        The keys it may have; any other is an error.
    misplaced : mapping of str to str
        Keys that belong elsewhere, and where.
    """

    __slots__ = ("_table", "place")

    def __init__(
        self,
        table: object,
        place: Place,
        keys: tuple[str, ...],
        misplaced: Mapping[str, str] | None = None,
    ) -> None:
        if not isinstance(table, dict):
            raise place.wrong_kind("a table", table)
        for key in table:
            if key in keys:
                continue
            if misplaced is not None and key in misplaced:
                raise place.key(key).error(f"unknown key here; it belongs {misplaced[key]}")
            hint = did_you_mean(key, keys) or f"; known keys: {', '.join(keys)}"
            raise place.key(key).error(f"unknown key{hint}")
        self._table: dict[str, Any] = table
        self.place = place

    @classmethod
    def parse(cls, document: Document, keys: tuple[str, ...]) -> StrictTable:
        """Return the outermost table of a document."""
        return cls(document.parse(), Place(document), keys)

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def table(
        self,
        key: str,
        keys: tuple[str, ...],
        *,
        example: str,
        misplaced: Mapping[str, str] | None = None,
    ) -> StrictTable:
        """Return a required table; the error for a missing one shows an example."""
        return StrictTable(*self._require(key, f"a table such as {example}"), keys, misplaced)

    def tables(
        self, key: str, keys: tuple[str, ...], misplaced: Mapping[str, str] | None = None
    ) -> list[StrictTable]:
        """Return an array of tables, empty if absent; errors show the `name` of each."""
        value, place = self._table.get(key, []), self.place.key(key)
        if not isinstance(value, list):
            raise place.wrong_kind(f"tables headed [[{key}]]", value)
        names = [item.get("name") if isinstance(item, dict) else None for item in value]
        return [
            StrictTable(item, place.item(number, name), keys, misplaced)
            for number, (item, name) in enumerate(zip(value, names, strict=True))
        ]

    def text(self, key: str) -> str:
        """Return a required string that is not blank."""
        return _text(*self._require(key, "a string"))

    def optional_text(self, key: str) -> str | None:
        """Return a string that is not blank, None if the key is absent."""
        return self.text(key) if key in self else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of different strings, empty if the key is absent."""
        return _texts(self._table[key], self.place.key(key)) if key in self else ()

    def alternatives(self, key: str) -> tuple[str, ...]:
        """Return one required string, or a list of at least one, as a tuple."""
        expected = "a string or a list of strings"
        value, place = self._require(key, expected)
        if isinstance(value, str):
            return (_text(value, place),)
        if not isinstance(value, list):
            raise place.wrong_kind(expected, value)
        if not value:
            raise place.error("an empty list fits no match; leave the key out to fit every match")
        return _texts(value, place)

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Return one of the given words; required unless there is a default."""
        if default is not None and key not in self:
            return default
        return _known(*self._require_text(key, f"one of {', '.join(choices)}"), choices)

    def choices(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return a list of different known words in the order of `known`; all if it is absent."""
        if key not in self:
            return known
        texts, place = self.texts(key), self.place.key(key)
        for number, text in enumerate(texts):
            _known(text, place.item(number), known)
        return tuple(word for word in known if word in texts)

    def optional_duration(self, key: str) -> str | None:
        """Return a length of time as it is written, None if the key is absent."""
        if key not in self:
            return None
        expected = 'a duration such as "45s", "30m", "4h" or "2d"'
        value, place = self._require_text(key, expected)
        if not _DURATION.fullmatch(value):
            raise place.error(f"expected {expected}, not {quote(value)}")
        return value

    def whole_number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Return an int within inclusive bounds; required unless there is a default."""
        if default is not None and key not in self:
            return default
        return int(self._number(key, f"a whole number from {low} to {high}", int, low, high))

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """Return a number within inclusive bounds; required unless there is a default."""
        if default is not None and key not in self:
            return default
        return float(self._number(key, f"a number from {low} to {high}", (int, float), low, high))

    def _number(self, key: str, expected: str, kind: Any, low: float, high: float) -> Any:
        value, place = self._require(key, expected)
        if isinstance(value, bool) or not isinstance(value, kind):
            raise place.wrong_kind(expected, value)
        if not low <= value <= high:  # true of nan, too
            shown = value if abs(value) < 10**_MAX_DIGITS else "a number of that size"
            raise place.error(f"expected {expected}, not {shown}")
        return value

    def _require(self, key: str, expected: str) -> tuple[Any, Place]:
        place = self.place.key(key)
        if key not in self._table:
            raise place.error(f"missing; expected {expected}")
        return self._table[key], place

    def _require_text(self, key: str, expected: str) -> tuple[str, Place]:
        value, place = self._require(key, expected)
        if not isinstance(value, str):
            raise place.wrong_kind(expected, value)
        return value, place


def _text(value: object, place: Place) -> str:
    if not isinstance(value, str):
        raise place.wrong_kind("a string", value)
    if not value.strip():
        raise place.error("expected a string that is not blank")
    if value != value.strip() or not value.isprintable():
        raise place.error(f"{quote(value)} has spaces around it or a control character; remove it")
    return value


def _texts(value: object, place: Place) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise place.wrong_kind("a list of strings", value)
    texts: dict[str, None] = {}
    for number, item in enumerate(value):
        text = _text(item, place.item(number))
        if text in texts:
            raise place.item(number).error(f"{quote(text)} is listed twice")
        texts[text] = None
    return tuple(texts)


def _known(text: str, place: Place, known: tuple[str, ...]) -> str:
    if text not in known:
        problem = f"{quote(text)} is not one of {', '.join(known)}{did_you_mean(text, known)}"
        raise place.error(problem)
    return text
