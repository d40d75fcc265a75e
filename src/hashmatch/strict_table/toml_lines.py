"""Line numbers of the keys of a TOML document, which `tomllib` does not keep."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]
"""Keys of tables and positions in arrays, from the outside in."""

_TOKEN = re.compile(
    r"""
    \"{3} (?: [^\\] | \\. )*? \"{3,5} | '{3} .*? '{3,5}   # strings of several lines
    | " (?: [^"\\] | \\. )* " | ' [^']* '                 # strings of one line
    | \# [^\n]* | [ \t\r]+                                # comments and blanks
    | [\[\]{}=,.\n]
    | [^\[\]{}=,.\s"'\#]+                                 # bare keys, pieces of other values
    """,
    re.DOTALL | re.VERBOSE,
)
_CLOSING = {"[": "]", "{": "}"}
_AFTER_VALUE = (",", "]", "}", "\n", "")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, of every key and every array item of a TOML document.

    A key that is written several times, as ``a`` in ``[a.b]`` and ``[a.c]``, has the line of the
    first. `text` must be valid TOML; the lines of any other text have no meaning.
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


class _Scanner:
    """One pass over a document; `next` is the next token, "" at the end, and `line` its line."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._array_lengths: dict[KeyPath, int] = {}  # of arrays of tables under [[headers]]
        self._tokens = _tokens(text)
        self.next, self.line = next(self._tokens, ("", 0))

    def take(self) -> str:
        token = self.next
        self.next, self.line = next(self._tokens, ("", 0))
        return token

    def take_header(self) -> KeyPath:
        """Return the path of the table that a ``[header]`` or ``[[header]]`` opens."""
        self.take()
        is_array = self.next == "["
        if is_array:
            self.take()
        path: KeyPath = ()
        *parents, last = self._take_key()
        for part in parents:
            path = self._place(path, part)
            if path in self._array_lengths:
                path = (*path, self._array_lengths[path] - 1)
        path = self._place(path, last)
        if is_array:
            self._array_lengths[path] = self._array_lengths.get(path, 0) + 1
            path = self._place(path, self._array_lengths[path] - 1)
        while self.next == "]":
            self.take()
        return path

    def take_pair(self, path: KeyPath) -> None:
        for part in self._take_key():
            path = self._place(path, part)
        self.take()  # the "="
        self._take_value(path)

    def _take_key(self) -> list[str]:
        parts = [self.take()]
        while self.next == ".":
            self.take()
            parts.append(self.take())
        return [
            str(tomllib.loads(f"key = {part}")["key"]) if part[:1] == '"' else part.strip("'")
            for part in parts
        ]

    def _take_value(self, path: KeyPath) -> None:
        opening = self.take()
        if opening not in _CLOSING:
            while self.next not in _AFTER_VALUE:  # a number or a date is several tokens
                self.take()
            return
        n_items = 0
        while self.next not in (_CLOSING[opening], ""):
            if self.next in (",", "\n"):
                self.take()
            elif opening == "{":
                self.take_pair(path)
            else:
                self._take_value(self._place(path, n_items))
                n_items += 1
        self.take()

    def _place(self, path: KeyPath, part: str | int) -> KeyPath:
        """Note the current line for a part of a path; no key reaches over the end of its line."""
        path = (*path, part)
        self.lines.setdefault(path, self.line)
        return path
