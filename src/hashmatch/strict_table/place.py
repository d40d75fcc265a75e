"""Places in a TOML document, whose errors say where: source, line and path of keys."""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hashmatch.errors import HashmatchError
from hashmatch.strict_table.toml_lines import KeyPath, key_lines

MAX_BYTES = 4 * 2**20
"""Larger files are refused: they are no configuration, and reading them would only take long."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TOML_LINE = re.compile(r"\(at line ([0-9]+), column [0-9]+\)$")
_SHOWN_CHARACTERS = 60
_KINDS: dict[type, str] = {
    **{bool: "a boolean", int: "a whole number", float: "a number with a fraction"},
    **{str: "a string", list: "a list", dict: "a table"},
}


def quote(text: str) -> str:
    """Return text in double quotes, cut after 60 characters."""
    if len(text) > _SHOWN_CHARACTERS:
        text = text[:_SHOWN_CHARACTERS] + "..."
    return json.dumps(text, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Place:
    """The place in a document that `keys` lead to from the outside in; () is the whole.

    `source` is what errors call the document, `error_class` their class; `data` is the whole
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
        """Read a text; raise `error_class` if it is not TOML."""
        unread = cls(source, text, error_class)
        if text.startswith("\ufeff"):
            raise unread.error("begins with a byte order mark; save it as UTF-8 without one")
        try:
            return replace(unread, data=tomllib.loads(text))
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
        """The value that stands here."""
        value = self.data
        for key in self.keys:
            value = value[key]
        return value

    def check(self, kind: type | tuple[type, ...], expected: str) -> Any:
        """Return the value; raise an error if it is of another kind than expected."""
        value = self.value
        if not isinstance(value, kind) or isinstance(value, bool):
            found = _KINDS.get(type(value), "a date or time")
            raise self.error(f"expected {expected}, not {found}")
        return value

    def error(self, problem: str, line: int | None = None) -> HashmatchError:
        """Return the error to raise for the value that stands, or should stand, here.

        It is one printable line, with the path of keys (array items with their `name`) and the line
        given, or else that of the value, or of the innermost table around it if it is missing.
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
        keys, lines = self.keys, key_lines(self.text) if self.keys else {}
        while keys and keys not in lines:
            keys = keys[:-1]
        line = line or lines.get(keys)
        place = f"{self.source}:{line}" if line else self.source
        message = f"{place}: {path}: {problem}" if path else f"{place}: {problem}"
        return self.error_class(
            "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
        )
