"""A folder with a recipe and lists to build, and a second algorithm beside the real ones."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from hashmatch import hashing

Rows = Sequence[Mapping[str, str]]
MakeFolder = Callable[..., Path]


def pdq(seed: object) -> str:
    """A hash of 256 bits that belongs to `seed`."""
    return hashlib.sha256(str(seed).encode()).hexdigest()


def write_folder(folder: Path, lists: Mapping[str, Rows], **keys: str) -> Path:
    """Write `folder/recipe.toml` and its lists as CSV; `keys` go to every list as TOML."""
    folder.mkdir(exist_ok=True)
    recipe = ['name = "demo"']
    for name, rows in lists.items():
        recipe += ["[[lists]]", f'name = "{name}"', f'file = "{name}.csv"', 'version = "v1"']
        recipe += [f"{key} = {value}" for key, value in keys.items()]
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            header = list(rows[0]) if rows else ["entry_id", "hash", "harm"]
            writer = csv.DictWriter(file, header)
            writer.writeheader()
            writer.writerows(rows)
    (folder / "recipe.toml").write_text("\n".join(recipe) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    def make(lists: Mapping[str, Rows], name: str = "demo", **keys: str) -> Path:
        return write_folder(tmp_path / name, lists, **keys)

    return make


KNOWN = [
    {"entry_id": "k-1", "hash": pdq(1), "harm": "csam", "classification": "A1", "status": ""},
    {"entry_id": "k-2", "hash": pdq(2), "harm": "csam", "classification": "", "status": "disputed"},
    {"entry_id": "k-1", "hash": pdq(3), "harm": "csam", "classification": "A1", "status": ""},
    {"entry_id": "k-1", "hash": pdq(1), "harm": "csam", "classification": "A1", "status": ""},
    {
        "entry_id": "k-4",
        "hash": pdq(4),
        "harm": "csam",
        "classification": "A1",
        "status": "withdrawn",
    },
    {"entry_id": "k-1", "hash": pdq(1), "harm": "spam", "classification": "A1", "status": ""},
]
SPAM = [{"entry_id": "k-1", "hash": pdq(1), "harm": "spam"}]


@pytest.fixture
def folder(make_folder: MakeFolder) -> Path:
    """Two lists: one hash twice, one withdrawn, one entry of two harms; the other with one row."""
    return make_folder({"known": KNOWN, "spam": SPAM})


@pytest.fixture
def toy() -> Iterator[str]:
    """Name of an algorithm of 64 bits, registered for one test."""
    attributes = {"name": "toy", "bits": 64, "default_radius": 4, "consumes": "grey"}
    with hashing.register(SimpleNamespace(**attributes, hash_pixels=None)):
        yield "toy"


@pytest.fixture
def hash_of() -> Callable[[object], str]:
    return pdq


@pytest.fixture
def list_file(tmp_path: Path) -> Callable[[Rows], Path]:
    """Write rows to a list file of their own."""

    def write(rows: Rows, name: str = "delta.csv") -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]) if rows else ["entry_id", "hash", "harm"])
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write
