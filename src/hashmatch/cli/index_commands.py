"""`hashmatch index build|info|verify`; `bench` is in a module of its own."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from hashmatch.cli.display import print_facts, print_json, print_note, print_table
from hashmatch.cli.index_bench import bench
from hashmatch.cli.options import AsJson

index_app = typer.Typer(
    help="Build an index from lists, look at it, check it.", rich_markup_mode=None
)
index_app.command("bench")(bench)

RecipeDir = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="A folder with a recipe.toml.",
        exists=True,
        file_okay=False,
        show_default=False,
    ),
]


@index_app.command("build")
def build(directory: RecipeDir, *, as_json: AsJson = False) -> None:
    """Build an index from the lists of a recipe.

    What DIR/recipe.toml names goes into DIR/built, published at once or not at all.

    Example: hashmatch index build indexes/demo
    """
    from hashmatch.catalog import build_catalog

    report = build_catalog(directory)
    if as_json:
        print_json(asdict(report))
        return
    print_lists([asdict(counts) for counts in report.lists])
    state = "built" if report.is_new else "unchanged"
    codes = ", ".join(f"{n:,} {algorithm} codes" for algorithm, n in report.n_codes.items())
    print_note(
        f"index {report.name}: generation {report.generation} {state}: "
        f"{report.n_entries:,} entries, {codes or 'no codes'}"
    )


@index_app.command("info")
def info(directory: RecipeDir, *, as_json: AsJson = False) -> None:
    """Show what a built index holds.

    Example: hashmatch index info indexes/demo --json
    """
    from hashmatch.catalog import Catalog

    facts = Catalog.open(directory).describe()
    if as_json:
        print_json(facts)
        return
    codes = {
        f"{one['algorithm']} codes": f"{one['n_codes']:,} of {one['bits']} bits"
        for one in facts["algorithms"]
    }
    print_facts(
        f"Index {facts['name']}",
        {
            "generation": facts["generation"],
            "digest": facts["digest"],
            "built by": f"hashmatch {facts['hashmatch_version']}",
            "entries": facts["n_entries"],
            **codes,
        },
    )
    print_lists(facts["lists"])


@index_app.command("verify")
def verify(directory: RecipeDir, *, as_json: AsJson = False) -> None:
    """Check every byte of a built index.

    The exit code is 1 where a checksum differs.

    Example: hashmatch index verify indexes/demo
    """
    from hashmatch.catalog import verify_catalog

    files = verify_catalog(directory)
    if as_json:
        print_json({"verified": files})
    else:
        print_note(f"{directory}: {len(files)} files verified: {', '.join(files)}")


def print_lists(lists: list[dict[str, Any]]) -> None:
    """Print where the rows of each list went, for people."""
    counts = ("rows", "indexed", "withdrawn", "ignored", "duplicates")
    print_table(
        "Lists",
        ["list", "version", *counts],
        [[one["list"], one["list_version"], *(one[name] for name in counts)] for one in lists],
    )
