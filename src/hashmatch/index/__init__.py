"""The index: the lists of a folder, built into segments, changed while in use, and searched.

From a folder with a `recipe.toml`, a build makes `built/`: segments of codes, tables of entries,
tombstones, and for each generation a manifest that names its files. A generation is published by
one atomic rename, so that readers see all of it or nothing. docs/index.md specifies the files.
"""

from __future__ import annotations

from hashmatch.index.append import append_list
from hashmatch.index.build import BuildReport, build_index
from hashmatch.index.changes import ChangeReport, StorageOptions
from hashmatch.index.compaction import CompactionReport, compact_index
from hashmatch.index.directory import index_files
from hashmatch.index.history import GenerationInfo, index_history, rollback_index
from hashmatch.index.index import Index
from hashmatch.index.list_changes import add_list, disable, enable, remove_entries, replace_list
from hashmatch.index.manifest import ListAttributes, ListCounts, Origin
from hashmatch.index.open import verify_index
from hashmatch.index.recipe import Recipe, RecipeList
from hashmatch.index.transaction import Transaction, open_transaction

__all__ = [
    "BuildReport",
    "ChangeReport",
    "CompactionReport",
    "GenerationInfo",
    "Index",
    "ListAttributes",
    "ListCounts",
    "Origin",
    "Recipe",
    "RecipeList",
    "StorageOptions",
    "Transaction",
    "add_list",
    "append_list",
    "build_index",
    "compact_index",
    "disable",
    "enable",
    "index_files",
    "index_history",
    "open_transaction",
    "remove_entries",
    "replace_list",
    "rollback_index",
    "verify_index",
]
