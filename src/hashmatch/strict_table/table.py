"""Tables of a TOML document, read key by key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TypeVar

from hashmatch.errors import HashmatchError
from hashmatch.strict_table.place import Place, quote

_DURATION = re.compile(r"[1-9][0-9]{0,5}[smhd]")
_COMPARED_CHARACTERS = 60
_CLOSENESS = 0.66  # one of three letters may be wrong
_MAX_DIGITS = 60

_N = TypeVar("_N", int, float)
_Keys = tuple[str, ...]
_Misplaced = Mapping[str, str] | None


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` if a known word is close, else an empty string."""
    close = get_close_matches(text[:_COMPARED_CHARACTERS], list(known), n=1, cutoff=_CLOSENESS)
    return f"; did you mean {close[0]}?" if close else ""


class StrictTable:
    """The table at a place; every method reads one key and raises the document's error.

    A key that is not among `keys` is an error; `misplaced` says where some keys belong instead.
    """

    __slots__ = ("place",)

    def __init__(self, place: Place, keys: _Keys, misplaced: _Misplaced = None) -> None:
        self.place = place
        for key in place.check(dict, "a table"):
            if key in keys:
                continue
            if misplaced is not None and key in misplaced:
                raise self.error(key, f"unknown key here; it belongs {misplaced[key]}")
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
        """Return a list of different strings, empty if the key is absent."""
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
        """Return a list of different known words in the order of `known`; all if it is absent."""
        chosen = {_known(self.place.at(key, n), known) for n in range(len(self.texts(key)))}
        return tuple(word for word in known if key not in self or word in chosen)

    def optional_duration(self, key: str) -> str | None:
        """Return a length of time as it is written, None if the key is absent."""
        if key not in self:
            return None
        expected = 'a duration such as "45s", "30m", "4h" or "2d"'
        duration = str(self.place.at(key).check(str, expected))
        if not _DURATION.fullmatch(duration):
            raise self.error(key, f"expected {expected}, not {quote(duration)}")
        return duration

    def number(self, key: str, low: _N, high: _N, default: _N | None = None) -> _N:
        """Return a number within inclusive bounds, whole if these are; required as `choice` is."""
        if default is not None and key not in self:
            return default
        whole = isinstance(low, int)
        expected = f"a {'whole ' * whole}number from {low:g} to {high:g}"
        place = self._require(key, expected)
        value = place.check(int if whole else (int, float), expected)
        if not low <= value <= high:  # true of nan, too
            shown = value if abs(value) < 10**_MAX_DIGITS else "a number of that size"
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
