"""Which list of an index a file belongs to, and how it is to be read."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from hashmatch.errors import HashmatchError, UnknownNameError
from hashmatch.index.manifest import ListCounts
from hashmatch.index.recipe import RECIPE_FILE, Recipe, RecipeList, closest
from hashmatch.lists import is_vpdq_text
from hashmatch.lists.source import check_columns, shown


class ListSettings(TypedDict, total=False):
    """How a list file is to be read, as a recipe says it; None is like leaving out."""

    harm: str | None
    classification: str | None
    algorithm: str | None
    columns: Mapping[str, str] | None
    ignore_algorithms: Collection[str] | None
    entry_id: str | None
    min_quality: int | None


def list_source(
    directory: Path,
    lists: Sequence[ListCounts],
    file: str | os.PathLike[str],
    *,
    list_name: str | None,
    version: str | None,
    new_list: bool,
    settings: ListSettings,
) -> RecipeList:
    """Return how to read a file that belongs to one of the lists of a built folder.

    What is not given comes from the recipe, if there is one; but `entry_id` is that of one video.
    `add_list` says what is raised.
    """
    recipe = _recipe_lists(directory)
    versions = {name: one.version for name, one in recipe.items()}
    versions |= {one.list: one.list_version for one in lists}
    name = _name(directory, list_name, list(versions), new_list=new_list)
    version = version or versions.get(name)
    if version is None:
        raise HashmatchError(f"{directory}: list {shown(name)} is new; say which version it is")
    for text in (name, version):
        if not text.strip() or not text.isprintable():
            raise ValueError("name and version of a list must be text on one line")
    columns = settings.get("columns")
    check_columns(columns or {})
    own = recipe.get(name)
    ignored = settings.get("ignore_algorithms")
    min_quality = settings.get("min_quality")
    if min_quality is None and own is not None and is_vpdq_text(Path(file)):
        min_quality = own.min_quality
    return RecipeList(
        name=name,
        file=Path(file),
        version=version,
        harm=settings.get("harm") or (own.harm if own else None),
        classification=settings.get("classification") or (own.classification if own else None),
        algorithm=settings.get("algorithm") or (own.algorithm if own else "pdq"),
        columns=columns if columns is not None else (own.columns if own else {}),
        ignore_algorithms=tuple(
            ignored if ignored is not None else (own.ignore_algorithms if own else ())
        ),
        entry_id=settings.get("entry_id"),
        min_quality=min_quality,
    )


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
    likely = closest(given, names)
    hint = f"did you mean {likely}?" if likely else f"only: {', '.join(names)};"
    raise UnknownNameError(
        f"{directory}: there is no list {shown(given)}, {hint} add takes a new one by --new-list"
    )
