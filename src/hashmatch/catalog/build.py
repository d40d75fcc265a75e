"""Build a folder: read its recipe and lists, write segments and entries, publish them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from hashmatch import hashing
from hashmatch._version import __version__
from hashmatch.catalog.built_folder import BuiltFolder, read_manifest, sync
from hashmatch.catalog.contents import Contents, codes_of, read_contents
from hashmatch.catalog.entry_table import ENTRY_SCHEMA, write_entry_table
from hashmatch.catalog.manifest import (
    ListCounts,
    Manifest,
    Segment,
    StoredFile,
    contents_digest,
    encode_manifest,
)
from hashmatch.catalog.recipe import Recipe
from hashmatch.errors import HashmatchError
from hashmatch.index import HammingIndex

CODES_SUFFIX = ".hmi"
ENTRIES_SUFFIX = ".entries.arrow"


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


def build_catalog(directory: str | os.PathLike[str]) -> BuildReport:
    """Build `directory/built` from `directory/recipe.toml`.

    Reads every list, leaves out withdrawn rows, exact repetitions and algorithms to be ignored
    (each counted in the report), and publishes the rest as one generation. Equal lists give equal
    bytes; the number of the generation grows only when contents change, and files that were damaged
    are written anew either way.

    Parameters
    ----------
    directory : path-like
        A folder with a recipe.

    Returns
    -------
    BuildReport

    Raises
    ------
    HashListError
        A recipe or list that cannot be taken as it stands; what was published before stays.
    IndexFormatError
        The published manifest is damaged, so that the number of the next generation is not known.
    HashmatchError
        Another process builds the folder now, or it cannot be written.

    Notes
    -----
    Killed at any moment, it leaves the generation published before. Holds all lists in memory.
    """
    directory = Path(directory)
    recipe = Recipe.load(directory)
    try:
        with BuiltFolder.hold(directory) as folder:
            return _build(recipe, directory, folder)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise HashmatchError(f"{directory}: cannot be built: {reason}")


def _build(recipe: Recipe, directory: Path, folder: BuiltFolder) -> BuildReport:
    published = read_manifest(directory)
    contents = read_contents(recipe)
    segments = tuple(_write_segment(folder, name, rows) for name, rows in contents.tables.items())
    manifest = _manifest(recipe, contents, segments, published[1] if published else None)
    folder.publish(encode_manifest(manifest))
    folder.remove_others({stored.file for stored in manifest.files}, (CODES_SUFFIX, ENTRIES_SUFFIX))
    return BuildReport(
        name=manifest.name,
        generation=manifest.generation,
        digest=manifest.digest,
        is_new=published is None or published[1].digest != manifest.digest,
        n_codes={segment.algorithm: segment.n_codes for segment in segments},
        n_entries=manifest.n_entries,
        lists=manifest.lists,
    )


def _manifest(
    recipe: Recipe,
    contents: Contents,
    segments: tuple[Segment, ...],
    before: Manifest | None,
) -> Manifest:
    digest = contents_digest(contents.origins, contents.lists, segments)
    generation = 1 if before is None else before.generation + (before.digest != digest)
    return Manifest(
        name=recipe.name,
        generation=generation,
        digest=digest,
        hashmatch_version=__version__,
        n_entries=contents.n_entries,
        origins=contents.origins,
        lists=contents.lists,
        segments=segments,
    )


def _write_segment(folder: BuiltFolder, algorithm: str, rows: pa.Table) -> Segment:
    codes = codes_of(rows, hashing.get_algorithm(algorithm).bits)
    index = HammingIndex.build(codes, algorithm=algorithm)
    index.save(folder.staged("codes"))
    entries = _write_entries(folder, algorithm, rows.select(ENTRY_SCHEMA.names))
    return Segment(
        algorithm=algorithm,
        n_codes=rows.num_rows,
        codes=folder.adopt("codes", algorithm, CODES_SUFFIX),
        entries=entries,
    )


def _write_entries(folder: BuiltFolder, algorithm: str, rows: pa.Table) -> StoredFile:
    with folder.create("entries") as file:
        write_entry_table(file, rows.cast(ENTRY_SCHEMA))
        sync(file)
    return folder.adopt("entries", algorithm, ENTRIES_SUFFIX)
