"""Build the lists of a folder into an index with entries, and read it back.

A folder with a `recipe.toml` becomes `built/`: segments of codes, tables of entries, and one
manifest that names them all. The manifest is published by one atomic rename, so a reader sees one
generation whole or another, never a mixture.
"""

from __future__ import annotations

from hashmatch.catalog.build import BuildReport, build_catalog
from hashmatch.catalog.manifest import ListCounts, Origin
from hashmatch.catalog.published import verify_catalog
from hashmatch.catalog.reader import Catalog
from hashmatch.catalog.recipe import Recipe, RecipeList

__all__ = [
    "BuildReport",
    "Catalog",
    "ListCounts",
    "Origin",
    "Recipe",
    "RecipeList",
    "build_catalog",
    "verify_catalog",
]
