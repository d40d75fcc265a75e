"""Build a folder: read its recipe and lists, write segments and entries, publish them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hashmatch import hashing
from hashmatch.errors import HashmatchError
from hashmatch.index.built_folder import BuiltFolder, build_command, built_path, read_manifest
from hashmatch.index.contents import codes_of, read_contents
from hashmatch.index.draft import Draft
from hashmatch.index.entry_table import entry_batches, entry_rows
from hashmatch.index.ledger import decode_ledger
from hashmatch.index.manifest import ListCounts
from hashmatch.index.published import read_ledger
from hashmatch.index.recipe import Recipe


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Parameters
    ----------
    name, generation, digest
        Of what is published now.
    is_new : bool
        Whether the contents differ from those published before.
    n_codes : dict of str to int
        Codes by algorithm.
    n_entries : int
        Distinct entries.
    lists : tuple of ListCounts
        Where the rows of each list went.
    """

    name: str
    generation: int
    digest: str
    is_new: bool
    n_codes: dict[str, int]
    n_entries: int
    lists: tuple[ListCounts, ...]


def build_index(
    directory: str | os.PathLike[str], *, discard_additions: bool = False, wait_s: float = 0.0
) -> BuildReport:
    """Build `directory/built` from `directory/recipe.toml`.

    Reads every list, leaves out withdrawn rows, exact repetitions, algorithms to be ignored and
    entries that `remove_entries` removed (each counted in the report), and publishes the rest as
    one generation. What was disabled stays so. Equal lists give equal bytes; the number of the
    generation grows only when contents change, and files that were damaged are written anew either
    way.

    Parameters
    ----------
    directory : path-like
        A folder with a recipe.
    discard_additions : bool
        Build even where lists were added to or replaced since the last build. The recipe's files
        alone count then: what they lack is gone.
    wait_s : float
        Seconds to wait for another writer to finish.

    Returns
    -------
    BuildReport

    Raises
    ------
    HashListError
        A recipe or list that cannot be taken as it stands; what was published before stays.
    IndexFormatError
        The published manifest or its ledger is damaged, so that the number of the next generation,
        or what was removed, is not known.
    HashmatchError
        Lists were added to or replaced since the last build; another process changes the folder
        now; or it cannot be written.

    Notes
    -----
    Killed at any moment, it leaves the generation published before. Holds all lists in memory.
    """
    directory = Path(directory)
    recipe = Recipe.load(directory)
    try:
        with BuiltFolder.hold(directory, wait_s=wait_s) as folder:
            return _build(recipe, directory, folder, discard_additions=discard_additions)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise HashmatchError(f"{directory}: cannot be built: {reason}")


def _build(
    recipe: Recipe, directory: Path, folder: BuiltFolder, *, discard_additions: bool
) -> BuildReport:
    before = read_manifest(directory)
    if before is not None and not discard_additions:
        _refuse_to_discard(directory, before.manifest.lists)
    raw = read_ledger(directory, before.manifest) if before else None
    ledger = decode_ledger(raw, str(directory))
    contents = read_contents(recipe, ledger)
    draft = Draft(recipe.name, folder, built_path(directory), before, ledger)
    draft.origins, draft.lists = list(contents.origins), list(contents.lists)
    draft.n_entries = contents.n_entries
    for algorithm, rows in contents.tables.items():
        codes = codes_of(rows, hashing.get_algorithm(algorithm).bits)
        entries = entry_rows(rows)
        draft.append(algorithm, codes, entries.schema, entry_batches(entries))
    published = draft.publish()
    return BuildReport(
        name=published.name,
        generation=published.generation,
        digest=published.digest,
        is_new=published.is_new,
        n_codes={name: rows.num_rows for name, rows in contents.tables.items()},
        n_entries=contents.n_entries,
        lists=contents.lists,
    )


def _refuse_to_discard(directory: Path, lists: tuple[ListCounts, ...]) -> None:
    live = list(dict.fromkeys(one.list for one in lists if one.came_by != "build"))
    if live:
        raise HashmatchError(
            f"{directory}: changed since the last build by add or replace: {', '.join(live)}; make "
            f"sure that the files of the recipe say the same, then run: {build_command(directory)} "
            "--discard-additions"
        )
