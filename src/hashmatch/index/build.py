"""Building an index from the lists of a recipe."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hashmatch.errors import HashmatchError
from hashmatch.index.append import append_list
from hashmatch.index.changes import DEFAULT_OPTIONS, ChangeReport, StorageOptions
from hashmatch.index.directory import build_command
from hashmatch.index.manifest import DEFAULT_ATTRIBUTES, ListCounts
from hashmatch.index.recipe import Recipe
from hashmatch.index.transaction import open_transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport(ChangeReport):
    """The result of a build: codes by algorithm, distinct entries, row counts by list."""

    n_codes: dict[str, int]
    n_entries: int
    lists: tuple[ListCounts, ...]


def build_index(
    directory: str | os.PathLike[str],
    *,
    discard_additions: bool = False,
    wait_s: float = 0.0,
    options: StorageOptions = DEFAULT_OPTIONS,
) -> BuildReport:
    """Build `directory/built` from `directory/recipe.toml`.

    Reads every list, leaves out withdrawn rows, duplicates, ignored algorithms and entries that
    `remove_entries` removed (each counted in the report), and publishes the rest as one generation.
    What was disabled stays disabled. Equal lists give equal bytes; if the contents are those of the
    current generation, nothing is published, but damaged files of it are written again.

    Parameters
    ----------
    directory : path-like
        A folder with a recipe.
    discard_additions : bool
        Build even if lists were added to or replaced since the last build. The new generation then
        has only what the recipe's files contain.
    wait_s, options
        As in `add_list`.

    Raises
    ------
    HashListError
        The recipe or a list has a fault; nothing is changed.
    IndexFormatError
        Pointer, manifest or overrides are damaged: next generation number or overrides unknown.
    HashmatchError
        Lists were added to or replaced since the last build; another writer has the lock; or the
        folder cannot be written.

    Notes
    -----
    A build killed at any moment leaves either the old or the new generation, complete. Memory does
    not grow with the text of the lists: it is 48 bytes a row while a list is read (`append_list`),
    and some 300 bytes for each 256-bit code of one algorithm while that algorithm is indexed.
    """
    directory = Path(directory)
    Recipe.load(directory)  # before a folder appears that nobody asked for
    with open_transaction(directory, wait_s=wait_s, empty=True, options=options) as transaction:
        recipe = Recipe.load(directory)  # may have changed while this waited
        if transaction.before is not None and not discard_additions:
            _refuse_to_discard(directory, transaction.before.lists)
        transaction.name = recipe.name
        transaction.n_removed = 0 if transaction.before is None else transaction.before.n_rows
        for source in recipe.lists:
            counts = append_list(transaction, source, "build").counts
            transaction.lists.append(counts)
            if source.attributes != DEFAULT_ATTRIBUTES:
                transaction.attributes[source.name] = source.attributes
        change = transaction.commit("build")
        return change.extend(
            BuildReport,
            n_codes={one.stored.algorithm: one.stored.n_codes for one in transaction.segments},
            n_entries=transaction.n_entries,
            lists=tuple(transaction.lists),
        )


def _refuse_to_discard(directory: Path, lists: tuple[ListCounts, ...]) -> None:
    changed = dict.fromkeys(counts.list for counts in lists if counts.came_by != "build")
    if changed:
        raise HashmatchError(
            f"{directory}: changed since the last build by add or replace: {', '.join(changed)}; "
            "bring the files of the recipe up to date, then run: "
            f"{build_command(directory)} --discard-additions"
        )
