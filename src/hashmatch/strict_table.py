"""TOML tables read strictly: every key is known, every value is of its kind, every error is placed.

A place is the source and the path of keys, as in ``policy.toml: rules[2] "spam".when.harm``. Arrays
are counted from 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any

from hashmatch.errors import PolicyError

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_DURATION = re.compile(r"[1-9][0-9]{0,5}[smhd]")
_SHOWN_CHARACTERS = 60
_CLOSENESS = 0.7
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a boolean"),
    (int, "a whole number"),
    (float, "a number with a fraction"),
    (str, "a string"),
    ((date, datetime, time), "a date or time"),
    (list, "a list"),
    (dict, "a table"),
)


def quoted(text: str) -> str:
    """Return text in double quotes, cut where it is long."""
    if len(text) > _SHOWN_CHARACTERS:
        text = text[:_SHOWN_CHARACTERS] + "..."
    return json.dumps(text, ensure_ascii=False)


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` where a known word is close, else an empty string."""
    close = get_close_matches(text[:_SHOWN_CHARACTERS], list(known), n=1, cutoff=_CLOSENESS)
    return f"; did you mean {close[0]}?" if close else ""


def policy_error(source: str, problem: str) -> PolicyError:
    """Return a `PolicyError` of one line, whatever characters its parts hold."""
    message = f"{source}: {problem}"
    return PolicyError(
        "".join(
            character if character.isprintable() else character.encode("unicode_escape").decode()
            for character in message
        )
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which source a value stands; `path` is empty for the whole document."""

    source: str
    path: str = ""

    def key(self, key: str) -> Place:
        """Return the place of a key of the table that stands here."""
        shown = key if _BARE_KEY.fullmatch(key) else quoted(key)
        return Place(self.source, f"{self.path}.{shown}" if self.path else shown)

    def item(self, number: int) -> Place:
        """Return the place of an item, counted from 0, of the array that stands here."""
        return Place(self.source, f"{self.path}[{number}]")

    def error(self, problem: str) -> PolicyError:
        """Return the error to raise for what stands here."""
        return policy_error(self.source, f"{self.path}: {problem}" if self.path else problem)

    def wrong_kind(self, expected: str, value: object) -> PolicyError:
        """Return the error to raise for a value of another kind than expected."""
        return self.error(f"expected {expected}, not {_kind(value)}")


class StrictTable:
    """One table and its place; every method reads one key and raises `PolicyError` on a fault.

    Parameters
    ----------
    table : object
        What TOML gave; anything but a table is an error.
    place : Place
        Where it stands.
    keys : tuple of str
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
        *,
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

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def raw(self, key: str, expected: str) -> Any:
        """Return the value of a required key as TOML gave it."""
        if key not in self._table:
            raise self.place.key(key).error(f"missing; expected {expected}")
        return self._table[key]

    def text(self, key: str) -> str:
        """Return a required string that is not blank."""
        return _text(self.raw(key, "a string"), self.place.key(key))

    def optional_text(self, key: str) -> str | None:
        """Return a string that is not blank, None where the key is absent."""
        return self.text(key) if key in self else None

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of different strings, empty where the key is absent."""
        return _texts(self._table[key], self.place.key(key)) if key in self else ()

    def alternatives(self, key: str) -> tuple[str, ...] | None:
        """Return one string or a list of at least one as a tuple, None where the key is absent."""
        if key not in self:
            return None
        value, place = self._table[key], self.place.key(key)
        if isinstance(value, str):
            return (_text(value, place),)
        if not isinstance(value, list):
            raise place.wrong_kind("a string or a list of strings", value)
        if not value:
            raise place.error("an empty list fits no match; leave the key out to fit every one")
        return _texts(value, place)

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Return one of the given words, the default where the key is absent and has one."""
        if default is not None and key not in self:
            return default
        expected = f"one of {', '.join(choices)}"
        value, place = self.raw(key, expected), self.place.key(key)
        if not isinstance(value, str):
            raise place.wrong_kind(expected, value)
        if value not in choices:
            raise place.error(f"{quoted(value)} is not {expected}{did_you_mean(value, choices)}")
        return value

    def choices(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return a list of different known words in the order of those; all where it is absent."""
        if key not in self:
            return known
        texts = self.texts(key)
        for number, text in enumerate(texts):
            if text not in known:
                raise (
                    self.place.key(key)
                    .item(number)
                    .error(
                        f"{quoted(text)} is not one of {', '.join(known)}"
                        f"{did_you_mean(text, known)}"
                    )
                )
        return tuple(word for word in known if word in texts)

    def whole_number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Return an int within the bounds, both inclusive; a boolean is none."""
        if default is not None and key not in self:
            return default
        expected = f"a whole number from {low} to {high}"
        value, place = self.raw(key, expected), self.place.key(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise place.wrong_kind(expected, value)
        if not low <= value <= high:
            raise place.error(f"expected {expected}, not {_shown_number(value)}")
        return value

    def number(self, key: str, low: float, high: float, default: float) -> float:
        """Return a number within the bounds, both inclusive, the default where it is absent."""
        if key not in self:
            return default
        expected = f"a number from {low} to {high}"
        value, place = self._table[key], self.place.key(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise place.wrong_kind(expected, value)
        if not low <= value <= high:  # not a number is not, either
            raise place.error(f"expected {expected}, not {_shown_number(value)}")
        return float(value)

    def optional_duration(self, key: str) -> str | None:
        """Return a length of time as it is written, None where the key is absent."""
        if key not in self:
            return None
        expected = 'a duration such as "45s", "30m", "4h" or "2d"'
        value, place = self._table[key], self.place.key(key)
        if not isinstance(value, str):
            raise place.wrong_kind(expected, value)
        if not _DURATION.fullmatch(value):
            raise place.error(f"expected {expected}, not {quoted(value)}")
        return value


def _text(value: object, place: Place) -> str:
    if not isinstance(value, str):
        raise place.wrong_kind("a string", value)
    if not value.strip():
        raise place.error("expected a string that is not blank")
    if value != value.strip() or not value.isprintable():
        raise place.error(f"{quoted(value)} has spaces around it or a control character; remove it")
    return value


def _texts(value: object, place: Place) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise place.wrong_kind("a list of strings", value)
    texts: dict[str, None] = {}
    for number, item in enumerate(value):
        text = _text(item, place.item(number))
        if text in texts:
            raise place.item(number).error(f"{quoted(text)} is listed twice")
        texts[text] = None
    return tuple(texts)


def _kind(value: object) -> str:
    return next(name for types, name in _KINDS if isinstance(value, types))


def _shown_number(value: float) -> str:
    return str(value) if abs(value) < 10**_SHOWN_CHARACTERS else "a number of that size"
