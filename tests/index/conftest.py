"""A folder with two small lists, and makers of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hashmatch.index import build_index
from tests.builders import (
    TOY,
    MakeFolder,
    MakeList,
    Rows,
    pdq_hash,
    register_toy,
    write_folder,
    write_list,
)

_KNOWN = {"entry_id": "k-1", "hash": pdq_hash(1), "harm": "csam", "classification": "A1"}
KNOWN = [
    {**_KNOWN, "status": ""},
    {**_KNOWN, "entry_id": "k-2", "hash": pdq_hash(2), "classification": "", "status": "disputed"},
    {**_KNOWN, "hash": pdq_hash(3), "status": ""},
    {**_KNOWN, "status": ""},
    {**_KNOWN, "entry_id": "k-4", "hash": pdq_hash(4), "status": "withdrawn"},
    {**_KNOWN, "harm": "spam", "status": ""},
]
SPAM = [{"entry_id": "k-1", "hash": pdq_hash(1), "harm": "spam"}]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    def make(lists: Mapping[str, Rows], folder: str = "demo", **keys: str) -> Path:
        return write_folder(tmp_path / folder, lists, **keys)

    return make


@pytest.fixture
def folder(make_folder: MakeFolder) -> Path:
    """Two lists: one hash twice, one withdrawn, one entry of two harms; the other with one row."""
    return make_folder({"known": KNOWN, "spam": SPAM})


@pytest.fixture
def built(folder: Path) -> Path:
    build_index(folder)
    return folder


@pytest.fixture
def list_file(tmp_path: Path) -> MakeList:
    """Write rows to a list file of their own."""

    def write(rows: Rows, name: str = "delta.csv") -> Path:
        return write_list(tmp_path / name, rows)

    return write


@pytest.fixture
def toy() -> Iterator[str]:
    """Name of an algorithm of 64 bits, registered for one test."""
    with register_toy():
        yield TOY
