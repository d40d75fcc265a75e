"""The list that a further file belongs to, and how the file is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hashmatch.errors import HashmatchError, UnknownNameError
from hashmatch.index.manifest import ListCounts
from hashmatch.index.recipe import RECIPE_FILE, Recipe, RecipeList
from hashmatch.lists import ListReading, inherit_reading, redact
from hashmatch.strict_table import did_you_mean


def list_source(
    directory: Path,
    lists: Sequence[ListCounts],
    file: str | os.PathLike[str],
    *,
    list_name: str | None,
    version: str | None,
    new_list: bool,
    reading: ListReading,
) -> RecipeList:
    """Return the list of a further file, and how to read it.

    Facts that are not given come from the recipe, if there is one, except for `entry_id`, which
    names one video. Errors are those of `add_list`.
    """
    recipe = _recipe_lists(directory)
    versions = {name: one.version for name, one in recipe.items()}
    versions |= {one.list: one.list_version for one in lists}
    name = _name(directory, list_name, list(versions), new_list=new_list)
    version = version or versions.get(name)
    if version is None:
        raise HashmatchError(f"{directory}: list {redact(name)} is new; say which version it is")
    for text in (name, version):
        if not text.strip() or not text.isprintable():
            raise ValueError("name and version of a list must be text on one line")
    own = recipe.get(name)
    if own is not None:
        reading = inherit_reading(reading, own.reading, file)
    return RecipeList(name=name, file=Path(file), version=version, reading=reading)


def _recipe_lists(directory: Path) -> dict[str, RecipeList]:
    if not (directory / RECIPE_FILE).exists():
        return {}
    return {one.name: one for one in Recipe.load(directory).lists}


def _name(directory: Path, given: str | None, names: Sequence[str], *, new_list: bool) -> str:
    if given is None:
        if len(names) == 1:
            return names[0]
        raise HashmatchError(f"{directory}: say which list it is of: {', '.join(names)}")
    if given in names or new_list:
        return given
    hint = did_you_mean(given, names).removeprefix("; ") or f"only: {', '.join(names)};"
    raise UnknownNameError(
        f"{directory}: there is no list {redact(given)}, {hint} add takes a new one by --new-list"
    )
