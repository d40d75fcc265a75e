"""Build the lists of a folder into an index with entries, change it while in use, and read it.

A folder with a `recipe.toml` becomes `built/`: segments of codes, tables of entries, tombstones,
and one manifest that names them all. The manifest is published by one atomic rename, so a reader
sees one generation whole or another, never a mixture. docs/index.md specifies it.
"""

from __future__ import annotations

from hashmatch.index.adding import add_list, replace_list
from hashmatch.index.build import BuildReport, build_index
from hashmatch.index.compaction import CompactionReport, compact_index
from hashmatch.index.draft import ChangeReport
from hashmatch.index.manifest import ListCounts, Origin
from hashmatch.index.published import verify_index
from hashmatch.index.reader import Index
from hashmatch.index.recipe import Recipe, RecipeList
from hashmatch.index.removal import disable, enable, remove_entries

__all__ = [
    "BuildReport",
    "ChangeReport",
    "CompactionReport",
    "Index",
    "ListCounts",
    "Origin",
    "Recipe",
    "RecipeList",
    "add_list",
    "build_index",
    "compact_index",
    "disable",
    "enable",
    "remove_entries",
    "replace_list",
    "verify_index",
]
