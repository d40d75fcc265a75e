"""What a folder's `recipe.toml` says: which lists go into its index.

::

    name = "demo"
    description = "lists that show hashmatch at work"   # optional

    [[lists]]
    name = "demo-known"
    file = "known.csv"               # relative to the recipe
    version = "2026-11-22"
    harm = "csam"                    # where a row does not say; optional like all below
    format = "csv"                   # by default the file tells
    classification = "A1"
    algorithm = "pdq"
    columns = { hash = "pdq_hash", entry_id = "id" }
    ignore_algorithms = ["md5"]

    [[lists]]
    name = "known-videos"
    file = "videos"                  # a folder of vPDQ text, or one such file
    version = "2026-11-22"
    harm = "csam"
    min_quality = 50                 # frames of less are left out; of vPDQ text alone
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hashmatch import hashing
from hashmatch.errors import HashListError
from hashmatch.index.manifest import DEFAULT_ATTRIBUTES, ListAttributes
from hashmatch.lists import SOURCE_COLUMNS, ListReading, list_formats

RECIPE_FILE = "recipe.toml"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RecipeList:
    """One list of a recipe: its name and version, its file (resolved), and how that is read."""

    name: str
    file: Path
    version: str
    reading: ListReading
    attributes: ListAttributes = DEFAULT_ATTRIBUTES


@dataclass(frozen=True, slots=True)
class Recipe:
    """A folder's recipe.

    Parameters
    ----------
    path : Path
        The `recipe.toml`.
    name, description : str
        Name of the index; what it is for, may be empty.
    lists : tuple of RecipeList
        In the order of the file; at least one.
    """

    path: Path
    name: str
    description: str
    lists: tuple[RecipeList, ...]

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> Recipe:
        """Read `recipe.toml` of a folder; HashListError names the key that is wrong."""
        path = Path(directory) / RECIPE_FILE
        try:
            document = tomllib.loads(path.read_bytes().decode())
        except OSError as error:
            raise HashListError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise HashListError(f"{path}: not UTF-8") from None
        except tomllib.TOMLDecodeError as error:
            raise HashListError(f"{path}: not TOML: {error}") from None
        return _recipe(path, _Keys(document, f"{path}"))


def _recipe(path: Path, keys: _Keys) -> Recipe:
    name = keys.required("name", _text)
    description = keys.optional("description", _text, "")
    tables = keys.required("lists", _tables)
    keys.no_others()
    lists: list[RecipeList] = []
    for number, table in enumerate(tables, start=1):
        one = _recipe_list(path, _Keys(table, f"{path}, list {number}"))
        if one.name in (earlier.name for earlier in lists):
            raise HashListError(f"{path}, list {number}: an earlier list has the name {one.name}")
        lists.append(one)
    return Recipe(path, name, description, tuple(lists))


def _recipe_list(path: Path, keys: _Keys) -> RecipeList:
    one = RecipeList(
        name=keys.required("name", _text),
        file=path.parent / keys.required("file", _text),
        version=keys.required("version", _text),
        reading=ListReading(
            format=keys.optional("format", _format, None),
            harm=keys.optional("harm", _text, None),
            classification=keys.optional("classification", _text, None),
            algorithm=keys.optional("algorithm", _algorithm, None),
            columns=keys.optional("columns", _columns, None),
            ignore_algorithms=keys.optional("ignore_algorithms", _names, None),
            entry_id=keys.optional("entry_id", _text, None),
            min_quality=keys.optional("min_quality", _quality, None),
        ),
    )
    keys.no_others()
    if not (one.file.is_file() or one.file.is_dir()):
        raise keys.error("file", f"there is no file {one.file}")
    return one


class _Keys:
    """Keys of one TOML table, each to be asked for; what was never asked for is unknown."""

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self._table = table
        self._where = where
        self._known: list[str] = []

    def required(self, key: str, read: Callable[[Any], _T]) -> _T:
        self._known.append(key)
        if key not in self._table:
            misspelt = closest(key, self._table)
            hint = f"; is {misspelt} meant to be {key}?" if misspelt else ""
            raise self.error(key, f"missing{hint}")
        try:
            return read(self._table[key])
        except ValueError as error:
            raise self.error(key, str(error)) from None

    def optional(self, key: str, read: Callable[[Any], _T], default: _T) -> _T:
        if key in self._table:
            return self.required(key, read)
        self._known.append(key)
        return default

    def no_others(self) -> None:
        for key in self._table:
            if key not in self._known:
                raise self.error(key, f"unknown key; {_suggestion(key, self._known)}")

    def error(self, key: str, problem: str) -> HashListError:
        return HashListError(f"{self._where}, key {key}: {problem}")


def closest(name: str, candidates: Collection[str]) -> str | None:
    """Return the candidate that a misspelt name is likely to mean, None where none is."""
    return next(iter(difflib.get_close_matches(name, candidates, n=1)), None)


def _suggestion(name: str, candidates: Collection[str]) -> str:
    likely = closest(name, candidates)
    return f"did you mean {likely}?" if likely else f"expected one of: {', '.join(candidates)}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError('expected text, in quotation marks: "..."')
    text = value.strip()
    if not text:
        raise ValueError("expected text that is not empty")
    if not text.isprintable():
        raise ValueError("expected text on one line")
    return text


def _tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise ValueError("expected tables, each under [[lists]]")
    if not value:
        raise ValueError("expected at least one list, under [[lists]]")
    return value


def _algorithm(value: Any) -> str:
    name = _text(value).lower()
    known = sorted(hashing.algorithms())
    if name not in known:
        raise ValueError(f"unknown algorithm; {_suggestion(name, known)}")
    return name


def _format(value: Any) -> str:
    name = _text(value)
    if name not in list_formats():
        raise ValueError(f"unknown list format; {_suggestion(name, list_formats())}")
    return name


def _columns(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError('expected a table, as in columns = { hash = "..." }')
    columns = {}
    for canonical, name in value.items():
        if canonical not in SOURCE_COLUMNS:
            raise ValueError(
                f"unknown column {canonical}; {_suggestion(canonical, SOURCE_COLUMNS)}"
            )
        try:
            columns[canonical] = _text(name)
        except ValueError as error:
            raise ValueError(f"{canonical}: {error}") from None
    return columns


def _quality(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise ValueError("expected a whole number from 0 to 100")
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError('expected a list of text, as in ["md5", "sha1"]')
    return tuple(_text(name).lower() for name in value)
