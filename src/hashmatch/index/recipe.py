"""The recipe of an index: `recipe.toml`, which names the lists that go into it.

docs/index.md specifies its keys.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hashmatch import hashing
from hashmatch.errors import HashListError
from hashmatch.index.manifest import DEFAULT_ATTRIBUTES, ListAttributes
from hashmatch.lists import SOURCE_COLUMNS, ListReading, list_formats
from hashmatch.strict_table import Place, StrictTable, did_you_mean

RECIPE_FILE = "recipe.toml"

_KEYS = ("name", "description", "lists")
_LIST_KEYS = (
    *("name", "file", "version", "harm", "classification", "algorithm", "format", "columns"),
    *("ignore_algorithms", "entry_id", "min_quality", "enabled"),
)


@dataclass(frozen=True, slots=True)
class RecipeList:
    """One list of a recipe: its name and version, its file (resolved), and how to read it."""

    name: str
    file: Path
    version: str
    reading: ListReading
    attributes: ListAttributes = DEFAULT_ATTRIBUTES


@dataclass(frozen=True, slots=True)
class Recipe:
    """The recipe of an index: its name, its purpose (may be empty), and at least one list."""

    path: Path
    name: str
    description: str
    lists: tuple[RecipeList, ...]

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> Recipe:
        """Read `recipe.toml` of a folder; HashListError names the line and the key at fault."""
        path = Path(directory) / RECIPE_FILE
        document = Place.load(path, HashListError)
        try:
            stripped = _strip(document.data)
        except RecursionError:
            raise document.error("lists or tables are nested too deep") from None
        table = StrictTable(replace(document, data=stripped), _KEYS)
        name = table.text("name")
        description = table.optional_text("description") or ""
        lists: dict[str, RecipeList] = {}
        for list_table in table.tables("lists", _LIST_KEYS, {"description": "above [[lists]]"}):
            entry = _read_list(path.parent, list_table)
            if lists.setdefault(entry.name, entry) is not entry:
                raise list_table.error("name", "an earlier list has the same name")
        if not lists:
            raise table.error("lists", "expected at least one list, under [[lists]]")
        return cls(path, name, description, tuple(lists.values()))


def _strip(value: Any) -> Any:
    """Return a TOML value without white space around its text; keys stay as they are."""
    if isinstance(value, dict):
        return {key: _strip(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_strip(inner) for inner in value]
    return value.strip() if isinstance(value, str) else value


def _read_list(folder: Path, table: StrictTable) -> RecipeList:
    name = table.text("name")
    file = folder / table.text("file")
    if not (file.is_file() or file.is_dir()):
        raise table.error("file", f"there is no file {file}")
    reading = ListReading(
        harm=table.optional_text("harm"),
        format=table.choice("format", list_formats()) if "format" in table else None,
        classification=table.optional_text("classification"),
        algorithm=_read_algorithm(table),
        columns=_read_columns(table),
        ignore_algorithms=table.texts("ignore_algorithms") or None,
        entry_id=table.optional_text("entry_id"),
        min_quality=table.number("min_quality", 0, 100) if "min_quality" in table else None,
    )
    attributes = ListAttributes(enabled=_read_enabled(table))
    return RecipeList(name, file, table.text("version"), reading, attributes)


def _read_enabled(table: StrictTable) -> bool:
    enabled = table.place.at("enabled").value if "enabled" in table else True
    if not isinstance(enabled, bool):
        raise table.error("enabled", "expected true or false")
    return enabled


def _read_algorithm(table: StrictTable) -> str | None:
    name = table.optional_text("algorithm")
    if name is None:
        return None
    known = list(hashing.algorithms())
    if name.lower() not in known:
        hint = did_you_mean(name.lower(), known) or f"; known: {', '.join(known)}"
        raise table.error("algorithm", f"unknown algorithm{hint}")
    return name


def _read_columns(table: StrictTable) -> dict[str, str] | None:
    if "columns" not in table:
        return None
    columns = table.table("columns", SOURCE_COLUMNS, '{ hash = "pdq_hash" }')
    return {canonical: columns.text(canonical) for canonical in columns}
