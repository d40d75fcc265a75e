"""Line numbers of the keys of a TOML document, which `tomllib` does not keep."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]
"""Keys of tables and positions in arrays, from the outside in."""

_TOKEN = re.compile(
    r'"{3}(?:[^\\]|\\.)*?"{3,5}|'
    r"'{3}.*?'{3,5}|"  # strings of several lines
    r'"(?:[^"\\]|\\.)*"|'
    r"'[^']*'|"  # strings of one line
    r"#[^\n]*|[ \t\r]+|"  # comments and blanks
    r"[\[\]{}=,.\n]|[^\[\]{}=,.\s\"'#]+",  # the last: bare keys and pieces of other values
    re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, of every key and every array item of a TOML document.

    A key that is written several times, like ``a`` in ``[a.b]`` and ``[a.c]``, has the line of its
    first use. `text` must be valid TOML; otherwise the lines are meaningless.
    """
    scanner = _Scanner(text)
    table: KeyPath = ()
    while scanner.next:
        if scanner.next == "[":
            table = scanner.take_header()
        elif scanner.next == "\n":
            scanner.take()
        else:
            scanner.take_pair(table)
    return scanner.lines


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line = 1
    for found in _TOKEN.finditer(text):
        if found[0][0] not in "# \t\r":
            yield found[0], line
        line += found[0].count("\n")
    while True:
        yield "", line


class _Scanner:
    """One pass over a document; `next` is the next token, "" at the end, and `line` its line."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}  # of arrays of tables under [[headers]]
        self._tokens = _tokens(text)
        self.next, self.line = next(self._tokens)

    def take(self) -> str:
        token = self.next
        self.next, self.line = next(self._tokens)
        return token

    def take_header(self) -> KeyPath:
        """Return the path of the table that a ``[header]`` or ``[[header]]`` opens."""
        self.take()
        is_array = self.next == "["
        if is_array:
            self.take()
        path: KeyPath = ()
        for part in self._take_key():
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
            path = self._place(path, part)
        if is_array:
            self._lengths[path] = self._lengths.get(path, 0) + 1
            path = self._place(path, self._lengths[path] - 1)
        while self.next == "]":
            self.take()
        return path

    def take_pair(self, path: KeyPath) -> None:
        for part in self._take_key():
            path = self._place(path, part)
        self.take()  # the "="
        self._take_value(path)

    def _take_key(self) -> Iterator[str]:
        while True:
            part = self.take()
            yield tomllib.loads(f"k = {part}")["k"] if part[:1] == '"' else part.strip("'")
            if self.next != ".":
                return
            self.take()

    def _take_value(self, path: KeyPath) -> None:
        opening, n_items = self.take(), 0
        if opening not in ("[", "{"):
            while self.next not in (",", "]", "}", "\n", ""):  # a number or a date has several
                self.take()
            return
        while self.next not in ("]", "}", ""):
            if self.next in (",", "\n"):
                self.take()
            elif opening == "{":
                self.take_pair(path)
            else:
                self._take_value(self._place(path, n_items))
                n_items += 1
        self.take()

    def _place(self, path: KeyPath, part: str | int) -> KeyPath:
        """Note the line of a part of a path; the token after it is on the same line."""
        self.lines.setdefault((*path, part), self.line)
        return (*path, part)
