"""Lines of keys, against documents that are written by a program that knows its lines."""

import json
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hashmatch.strict_table.toml_lines import KeyPath, key_lines

BLANKS = st.sampled_from(["", " ", "\t", "  "])
BREAKS = st.lists(
    st.sampled_from(["\n", "\r\n", "# comment [x] = \"'\n", " \t\n", "#\n"]), max_size=3
)
NAMES = st.one_of(
    st.sampled_from(["a", "b", "c-1", "_", "1", "true", "2026-01-01"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
SCALARS = st.sampled_from(
    [
        *("1", "-1.5e3", "+inf", "true", "0x1F", "1_000", "07:32:00"),
        *("2026-01-01", "2026-01-01 07:32:00Z", "2026-01-01T07:32:00.5+01:00"),
        *('"a # \\" = ]"', "'a \\'", '""', "''", '"""a"""', "'''a'''", '""""""', "''''''"),
        *('"""\n"quoted" "" [x]\n\\"""\n"""""', "'''\n'a' '' = \\\n'''''", '"""\\\n  # no\n"""'),
    ]
)


class Writer:
    """Write a TOML document and note the line of every path."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[KeyPath, int] = {}

    def write(self, text: str) -> None:
        self.text += text

    def blank(self) -> None:
        self.write(self.draw(BLANKS))

    def breaks(self) -> None:
        self.write("".join(self.draw(BREAKS)))

    def note(self, path: KeyPath) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def end_line(self) -> None:
        self.blank()
        self.write(self.draw(st.sampled_from(["\n", "\r\n", "# [a] = 'x\n"])))
        self.breaks()

    def key(self, table: KeyPath, parts: list[str]) -> KeyPath:
        path = table
        for number, part in enumerate(parts):
            if number:
                self.blank()
                self.write(".")
                self.blank()
            path = (*path, part)
            self.note(path)
            self.write(self.spell(part))
        return path

    def spell(self, part: str) -> str:
        spellings = [json.dumps(part, ensure_ascii=False).replace("\x7f", "\\u007f")]
        if part and all(c.isascii() and (c.isalnum() or c in "-_") for c in part):
            spellings.append(part)
        if part.isprintable() and "'" not in part:
            spellings.append(f"'{part}'")
        return self.draw(st.sampled_from(spellings))

    def pairs(self, table: KeyPath, depth: int, *, inline: bool) -> None:
        names = self.draw(st.lists(NAMES, max_size=3, unique=True))
        for number, name in enumerate(names):
            if inline and number:
                self.write(",")
            self.blank()
            # Below a name only one dotted key is written, so that none is written twice.
            path = self.key(table, [name, *self.draw(st.lists(NAMES, max_size=2))])
            self.blank()
            self.write("=")
            self.blank()
            self.value(path, depth)
            self.blank()
            if not inline:
                self.end_line()

    def value(self, path: KeyPath, depth: int) -> None:
        kind = self.draw(st.integers(0, 3 if depth else 1))
        if kind < 2:
            self.write(self.draw(SCALARS))
        elif kind == 2:
            self.write("[")
            self.breaks()
            for number in range(self.draw(st.integers(0, 3))):
                if number:
                    self.write(",")
                    self.breaks()
                self.note((*path, number))
                self.value((*path, number), depth - 1)
                self.breaks()
            self.write("]")
        else:
            self.write("{")
            self.pairs(path, depth - 1, inline=True)
            self.write("}")

    def header(self, table: KeyPath, parts: list[str], *, array: bool, n_before: int) -> KeyPath:
        self.blank()
        self.write("[[" if array else "[")
        self.blank()
        path = self.key(table, parts)
        if array:
            path = (*path, n_before)
            self.note(path)
        self.blank()
        self.write("]]" if array else "]")
        self.end_line()
        return path

    def document(self) -> None:
        self.breaks()
        self.pairs((), 3, inline=False)
        for number in range(self.draw(st.integers(0, 3))):
            name = f"table-{number}"  # a name that the root table cannot have
            kind = self.draw(st.sampled_from(["table", "deep", "array", "twice"]))
            if kind == "table":
                self.pairs(self.header((), [name], array=False, n_before=0), 2, inline=False)
            elif kind == "deep":
                deep = [name, *self.draw(st.lists(NAMES, min_size=1, max_size=2))]
                self.pairs(self.header((), deep, array=False, n_before=0), 2, inline=False)
            elif kind == "twice":  # a table after one inside it; keys keep their first line
                self.header((), [name, "inner"], array=False, n_before=0)
                self.header((), [name], array=False, n_before=0)
            else:
                self.array(name)

    def array(self, name: str) -> None:
        for n_before in range(self.draw(st.integers(1, 3))):
            item = self.header((), [name], array=True, n_before=n_before)
            self.blank()
            self.note((*item, "own"))
            self.write(f"own = {self.draw(SCALARS)}")
            self.end_line()
            for n_inner in range(self.draw(st.integers(0, 2))):
                # A header names no items: this table belongs to the last one of [[name]].
                inner = (*item, "sub", n_inner)
                self.note(inner[:-1])
                self.note(inner)
                self.write(f"[[{name}.sub]]\n")
                self.pairs(inner, 1, inline=False)


@st.composite
def written_documents(draw: st.DrawFn) -> tuple[str, dict[KeyPath, int]]:
    writer = Writer(draw)
    writer.document()
    return writer.text, writer.lines


def key_paths(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """Return the path of everything in a parsed document."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    found: set[KeyPath] = set()
    for part, inner in items:
        found |= {(*path, part)} | key_paths(inner, (*path, part))
    return found


@given(written_documents())
def test_every_key_path_has_the_line_where_it_was_written(
    document: tuple[str, dict[KeyPath, int]],
) -> None:
    text, lines = document
    assert key_paths(tomllib.loads(text)) == lines.keys()
    assert key_lines(text) == lines


def test_a_worked_example() -> None:
    text = '''\
# a comment = 1
title = """
[no.table]
x = 1
"""
"a.b".c = { d = 1, e.f = [ 2 ] }
list = [ # [x]
  1,
  { g = 2 },
]
[[rules]]
name = "#1" # "

  [[ rules . "when" ]]
  x.y = 1
[[rules]]
[rules.when]
z = 2'''
    assert key_paths(tomllib.loads(text)) == key_lines(text).keys()
    assert key_lines(text) == {
        ("title",): 2,
        ("a.b",): 6,
        ("a.b", "c"): 6,
        ("a.b", "c", "d"): 6,
        ("a.b", "c", "e"): 6,
        ("a.b", "c", "e", "f"): 6,
        ("a.b", "c", "e", "f", 0): 6,
        ("list",): 7,
        ("list", 0): 8,
        ("list", 1): 9,
        ("list", 1, "g"): 9,
        ("rules",): 11,
        ("rules", 0): 11,
        ("rules", 0, "name"): 12,
        ("rules", 0, "when"): 14,
        ("rules", 0, "when", 0): 14,
        ("rules", 0, "when", 0, "x"): 15,
        ("rules", 0, "when", 0, "x", "y"): 15,
        ("rules", 1): 16,
        ("rules", 1, "when"): 17,
        ("rules", 1, "when", "z"): 18,
    }
    assert key_lines("") == {}
