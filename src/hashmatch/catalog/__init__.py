"""Build the lists of a folder into an index with entries, change it while in use, and read it.

A folder with a `recipe.toml` becomes `built/`: segments of codes, tables of entries, tombstones,
and one manifest that names them all. The manifest is published by one atomic rename, so a reader
sees one generation whole or another, never a mixture. docs/catalog.md specifies it.
"""

from __future__ import annotations

from hashmatch.catalog.adding import add_list, replace_list
from hashmatch.catalog.build import BuildReport, build_catalog
from hashmatch.catalog.compaction import CompactionReport, compact_catalog
from hashmatch.catalog.draft import ChangeReport
from hashmatch.catalog.manifest import ListCounts, Origin
from hashmatch.catalog.published import verify_catalog
from hashmatch.catalog.reader import Catalog
from hashmatch.catalog.recipe import Recipe, RecipeList
from hashmatch.catalog.removal import disable, enable, remove_entries

__all__ = [
    "BuildReport",
    "Catalog",
    "ChangeReport",
    "CompactionReport",
    "ListCounts",
    "Origin",
    "Recipe",
    "RecipeList",
    "add_list",
    "build_catalog",
    "compact_catalog",
    "disable",
    "enable",
    "remove_entries",
    "replace_list",
    "verify_catalog",
]
