"""TOML documents whose errors say where: source, line and path of keys."""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from hashmatch.errors import HashmatchError
from hashmatch.strict_table.toml_lines import KeyPath, key_lines

MAX_BYTES = 4 * 2**20
"""Larger files are refused: they are no configuration, and reading them would only take long."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TOML_LINE = re.compile(r"\(at line ([0-9]+), column [0-9]+\)$")
_SHOWN_CHARACTERS = 60
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a boolean"),
    (int, "a whole number"),
    (float, "a number with a fraction"),
    (str, "a string"),
    ((date, datetime, time), "a date or time"),
    (list, "a list"),
    (dict, "a table"),
)


def quote(text: str) -> str:
    """Return text in double quotes, cut after 60 characters."""
    if len(text) > _SHOWN_CHARACTERS:
        text = text[:_SHOWN_CHARACTERS] + "..."
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML text, the name that errors give it, and the class of those errors."""

    source: str
    text: str
    error_class: type[HashmatchError]

    @classmethod
    def load(cls, path: str | os.PathLike[str], error_class: type[HashmatchError]) -> Document:
        """Read a file of at most 4 MiB; raise `error_class` if it is unreadable or not UTF-8."""
        document = cls(os.fspath(path), "", error_class)
        try:
            with Path(path).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise document.error(f"cannot be read: {error.strerror or error}") from None
        if len(data) > MAX_BYTES:
            raise document.error(f"larger than the {MAX_BYTES} bytes allowed")
        try:
            return cls(document.source, data.decode("utf-8"), error_class)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise document.error("not UTF-8; save it as UTF-8", line) from None

    def parse(self) -> dict[str, Any]:
        """Return the document as `tomllib` reads it; raise `error_class` if it is not TOML."""
        if self.text.startswith("\ufeff"):
            raise self.error("begins with a byte order mark; save it as UTF-8 without one")
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            found = _TOML_LINE.search(str(error))
            line = int(found[1]) if found else self.text.rstrip().count("\n") + 1
            raise self.error(f"not TOML: {error}", line) from None
        except ValueError:  # Python's own limit on the digits of an int
            raise self.error("a number has too many digits") from None
        except RecursionError:
            raise self.error("lists or tables are nested too deep") from None

    def line_of(self, keys: KeyPath) -> int | None:
        """Return the line of a value; if it is missing, that of the table it should stand in."""
        lines = key_lines(self.text)
        while keys and keys not in lines:
            keys = keys[:-1]
        return lines.get(keys)

    def error(self, problem: str, line: int | None = None) -> HashmatchError:
        """Return an error of one printable line, whatever characters its parts hold."""
        source = self.source if line is None else f"{self.source}:{line}"
        return self.error_class(
            "".join(
                shown if shown.isprintable() else shown.encode("unicode_escape").decode()
                for shown in f"{source}: {problem}"
            )
        )


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a value in a document; `path` is how errors show `keys`, "" for the whole."""

    document: Document
    keys: KeyPath = ()
    path: str = ""

    def key(self, key: str) -> Place:
        """Return the place of a key of the table that stands here."""
        shown = key if _BARE_KEY.fullmatch(key) else quote(key)
        path = f"{self.path}.{shown}" if self.path else shown
        return Place(self.document, (*self.keys, key), path)

    def item(self, number: int, name: object = None) -> Place:
        """Return the place of an array item, counted from 0; a name is shown if it is a string."""
        path = f"{self.path}[{number}]"
        if isinstance(name, str) and name.strip():
            path += f" {quote(name)}"
        return Place(self.document, (*self.keys, number), path)

    def error(self, problem: str) -> HashmatchError:
        """Return the error to raise for the value that stands, or should stand, here."""
        shown = f"{self.path}: {problem}" if self.path else problem
        return self.document.error(shown, self.document.line_of(self.keys))

    def wrong_kind(self, expected: str, value: object) -> HashmatchError:
        """Return the error to raise for a value of another kind than expected."""
        kind = next(name for types, name in _KINDS if isinstance(value, types))
        return self.error(f"expected {expected}, not {kind}")
