"""The choice of a list format, and formats of third parties."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from hashmatch.errors import HashListError
from hashmatch.lists import (
    Confidence,
    ListFile,
    ListReading,
    RawRows,
    Record,
    format_problems,
    list_formats,
    read_batches,
    read_list,
    read_records,
    register_format,
    unregister_format,
)
from hashmatch.lists.formats.csv import CSV
from hashmatch.lists.formats.jsonl import JSONL
from hashmatch.lists.formats.vpdq import VPDQ
from tests.plugin_packages import Install, example_of_the_docs, installing

GROUP = "hashmatch.list_formats"
HASH = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
H = ListReading(harm="h")
BY_FORMAT = {
    "csv": f"hash,entry_id\n{HASH},a\n",
    "jsonl": f'{{"hash": "{HASH}", "entry_id": "a"}}\n',
    "vpdq": f"0,100,{HASH},0.000\n",
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install distributions for one test; forget their modules and formats after it."""
    with installing(tmp_path, monkeypatch, GROUP, unregister_format) as install:
        yield install


class Exchange:
    """A made-up format that a mark tells, in files with any suffix."""

    def __init__(self, name: str, mark: bytes, *suffixes: str) -> None:
        self.name = name
        self.suffixes = suffixes
        self._mark = mark

    def matches(self, head: bytes) -> Confidence:
        """Return CERTAIN for a file with the mark."""
        return Confidence.CERTAIN if self._mark in head else Confidence.NO

    def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
        """Yield one row, with the name of the format as the entry."""
        return read_records([Record(1, {"entry_id": self.name, "hash": HASH})], file)


def test_the_formats_are_these() -> None:
    assert list_formats() == ("csv", "jsonl", "vpdq")
    assert format_problems() == []


@pytest.mark.parametrize("form", BY_FORMAT)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".txt", ".json", ".list", ""])
def test_content_tells_the_format_whatever_the_suffix(
    tmp_path: Path, form: str, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(BY_FORMAT[form])
    table = read_list(path, H).table
    assert table["code"].to_pylist() == [bytes.fromhex(HASH)]
    assert table.equals(read_list(path, ListReading(harm="h", format=form)).table)


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        (".csv", "", "the file is empty; expected a header row"),
        (".csv", "digits,id\nx,y\n", "there is no column hash (hash) among: digits, id"),
        (".jsonl", "digits;id\n", "row 1: not JSON; expected one object a line"),
        (".jsonl", f'{{"hash": "{HASH}\n', "row 1: not JSON"),
        (".txt", f"0,100,{HASH}\n", "row 1: expected frame,quality,64 hex digits,seconds"),
        (".txt", "", "it has no frames"),
    ],
)
def test_a_suffix_decides_where_no_format_is_sure(
    tmp_path: Path, suffix: str, text: str, message: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(text)
    with pytest.raises(HashListError, match=re.escape(message)):
        read_list(path, H)


def test_a_file_of_no_format_says_what_was_tried(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\0\0" + HASH.encode())
    with pytest.raises(HashListError) as raised:
        read_list(path, H)
    assert str(raised.value) == (
        f"{path}: not in a known list format; tried csv (.csv), jsonl (.jsonl, .ndjson), vpdq "
        '(.txt); if it is one of them, name its format, as in format = "csv"'
    )


def test_a_format_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(BY_FORMAT["csv"])
    with pytest.raises(HashListError, match="row 1: not JSON"):
        read_list(path, ListReading(harm="h", format="jsonl"))
    with pytest.raises(HashListError, match="no list format jsonlines; known: csv, jsonl, vpdq"):
        read_list(path, ListReading(harm="h", format="jsonlines"))


def test_formats_that_share_a_suffix_are_told_by_content(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with (
        register_format(Exchange("stop", b"stopkey", ".json")),
        register_format(Exchange("tx", b"txkey", ".json")),
    ):
        for name in ("stop", "tx"):
            path.write_text(f'{{"{name}key": 1}}')
            assert read_list(path, H).table["entry_id"].to_pylist() == [name]
        path.write_text(BY_FORMAT["jsonl"])
        assert read_list(path, H).table["entry_id"].to_pylist() == ["a"]
        path.write_text('{"stopkey": 1, "txkey": 1}')
        with pytest.raises(HashListError) as raised:
            read_list(path, H)
        assert "could be of the format stop (.json) or tx (.json); name its" in str(raised.value)
        assert read_list(path, ListReading(harm="h", format="tx")).table.num_rows == 1
        assert read_list(path.rename(tmp_path / "b.csv"), ListReading(harm="h", format="stop"))
    assert list_formats() == ("csv", "jsonl", "vpdq")


def test_a_suffix_may_have_two_parts(tmp_path: Path) -> None:
    path = tmp_path / "A.TWO.PARTS"
    path.write_text("both")
    with (
        register_format(Exchange("one", b"both", ".one")),
        register_format(Exchange("two", b"both", ".two.parts")),
    ):
        assert read_list(path, H).table["entry_id"].to_pylist() == ["two"]


def test_the_suffix_decides_between_formats_that_are_equally_sure(tmp_path: Path) -> None:
    path = tmp_path / "a.two"
    path.write_text("both")
    with (
        register_format(Exchange("one", b"both", ".one")),
        register_format(Exchange("two", b"both", ".two")),
    ):
        assert read_list(path, H).table["entry_id"].to_pylist() == ["two"]


@pytest.mark.parametrize(
    ("list_format", "head", "confidence"),
    [
        (CSV, b"\xef\xbb\xbfentry_id, hash\r\n", Confidence.LIKELY),
        (CSV, b'"hash","entry_id"\n', Confidence.LIKELY),
        (CSV, b"id;hash\n", Confidence.POSSIBLE),
        (CSV, b'{"hash": 1}\n', Confidence.NO),
        (CSV, b"a\0b", Confidence.NO),
        (JSONL, b'\xef\xbb\xbf\n\n {"a": 1}\r\n{', Confidence.LIKELY),
        (JSONL, b'{"a": 1', Confidence.POSSIBLE),
        (JSONL, b"[1]\n", Confidence.NO),
        (JSONL, b"", Confidence.NO),
        (VPDQ, b"\n" + BY_FORMAT["vpdq"].encode(), Confidence.CERTAIN),
        (VPDQ, b"\xef\xbb\xbf" + BY_FORMAT["vpdq"].encode(), Confidence.CERTAIN),
        (VPDQ, b"0,100,ff,0\n", Confidence.NO),
    ],
)
def test_how_sure_a_format_is(list_format: Any, head: bytes, confidence: Confidence) -> None:
    assert list_format.matches(head) is confidence


def test_the_example_of_the_docs_works(install: Install, tmp_path: Path) -> None:
    source, module, name, value = example_of_the_docs("lists.md", GROUP)
    install("acme-lists", module, source, {name: value})
    assert name in list_formats()
    assert format_problems() == []
    lines = ["# acme pairs, of 2026", f"case 7 = {HASH}", f"case 8={HASH[::-1]}"]
    for path in (tmp_path / "known.pairs", tmp_path / "known.csv"):
        path.write_text("\n".join(lines))
        table = read_list(path, H).table
        assert table["entry_id"].to_pylist() == ["case 7", "case 8"]
        assert table["row_number"].to_pylist() == [2, 3]
        assert table["code"].to_pylist() == [bytes.fromhex(text) for text in (HASH, HASH[::-1])]
    path.write_text("\n".join([*lines, HASH]))
    with pytest.raises(HashListError) as raised:
        read_list(path, H)
    assert str(raised.value) == f"{path} row 4: expected an id, an equals sign and a hash"
    batches = read_batches(path, H)
    assert next(batches)[0].num_rows == 2  # what stands before the fault


def test_an_unusable_plugin_is_named_where_nothing_else_fits(
    install: Install, tmp_path: Path
) -> None:
    install("broken", "broken_lists", "raise RuntimeError('no')", {"broken": "broken_lists:A"})
    problem = "entry point broken = broken_lists:A of broken 1.2 cannot be loaded: RuntimeError: no"
    assert format_problems() == [problem]
    path = tmp_path / "a.csv"
    path.write_text(BY_FORMAT["csv"])
    assert read_list(path, H).table.num_rows == 1
    path = path.rename(tmp_path / "a.broken")
    path.write_bytes(b"\0")
    with pytest.raises(HashListError, match=f"; not tried: {re.escape(problem)}$"):
        read_list(path, H)
    with pytest.raises(HashListError, match=f"^{re.escape(problem)}$"):
        read_list(path, ListReading(harm="h", format="broken"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "Two"}, "expected its name"),
        ({"suffixes": "json"}, "expected suffixes to be a tuple"),
        ({"suffixes": ("json",)}, "expected suffixes to be a tuple"),
        ({"suffixes": (".JSON",)}, "expected suffixes to be a tuple"),
    ],
)
def test_what_is_no_format_is_not_registered(changes: dict[str, Any], reason: str) -> None:
    odd = Exchange("one", b"one", ".one")
    vars(odd).update(changes)
    with pytest.raises(HashListError, match=f"is no list format: {reason}"):
        register_format(odd)
    with pytest.raises(HashListError, match="expected an object"):
        register_format(object())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the name 'csv' is taken by another list format"):
        register_format(CSV)


def test_an_exception_of_a_plugin_is_an_error_without_its_text(tmp_path: Path) -> None:
    class Raising(Exchange):
        def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
            raise KeyError(stream.read().decode())

    path = tmp_path / "a.one"
    path.write_text(f"one {HASH}")
    with register_format(Raising("one", b"one", ".one")):
        with pytest.raises(HashListError) as raised:
            read_list(path, H)
        assert str(raised.value) == f"{path}: the plug-in for one failed: KeyError"
        assert raised.value.__context__ is None


def test_a_plugin_that_cannot_look_stops_no_other(tmp_path: Path) -> None:
    class Blind(Exchange):
        def matches(self, head: bytes) -> Confidence:
            raise KeyError

    path = tmp_path / "a.one"
    path.write_text(BY_FORMAT["csv"])
    with register_format(Blind("one", b"one", ".one")):
        assert read_list(path, H).table.num_rows == 1


def test_a_format_of_one_entry_a_file_may_come_in_folders(tmp_path: Path) -> None:
    class Clips(Exchange):
        def entry_id_of(self, name: str) -> str:
            return name.removesuffix(".clip")

        def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
            entry_id = file.reading.entry_id or self.entry_id_of(file.path.name)
            return read_records([Record(1, {"entry_id": entry_id, "hash": HASH})], file)

    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "b.clip").write_text("clip")
    (folder / "a.txt").write_text(BY_FORMAT["vpdq"])
    with register_format(Clips("clips", b"clip", ".clip")):
        assert read_list(folder, H).table["entry_id"].to_pylist() == ["a", "b"]
        one = ListReading(harm="h", entry_id="x")
        assert read_list(folder / "b.clip", one).table["entry_id"].to_pylist() == ["x"]
