"""`hashmatch index build|info|verify`; changes and `bench` are in modules of their own."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from hashmatch.cli.display import print_facts, print_json, print_note, print_table
from hashmatch.cli.index_bench import bench
from hashmatch.cli.index_changes import COMMANDS, WaitS
from hashmatch.cli.options import AsJson

index_app = typer.Typer(
    help="Build an index from lists, change it, look at it, check it.", rich_markup_mode=None
)

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
def build(
    directory: RecipeDir,
    *,
    discard_additions: Annotated[
        bool,
        typer.Option(
            "--discard-additions",
            help="Build though lists were added to or replaced since: the recipe alone counts.",
        ),
    ] = False,
    wait_s: WaitS = 0.0,
    as_json: AsJson = False,
) -> None:
    """Build an index from the lists of a recipe.

    What DIR/recipe.toml names goes into DIR/built, published at once or not at all. Entries that
    were removed stay out, and what was disabled stays disabled.

    Example: hashmatch index build indexes/demo
    """
    from hashmatch.index import build_index

    report = build_index(directory, discard_additions=discard_additions, wait_s=wait_s)
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
    from hashmatch.index import Index

    facts = Index.open(directory).describe()
    if as_json:
        print_json(facts)
        return
    codes = {f"{one['algorithm']} codes": _codes(one) for one in facts["algorithms"]}
    apart = {
        "entries removed": facts["n_removed_entries"],
        "entries disabled": facts["n_disabled_entries"],
        "lists disabled": ", ".join(facts["disabled_lists"]),
    }
    print_facts(
        f"Index {facts['name']}",
        {
            "generation": facts["generation"],
            "digest": facts["digest"],
            "built by": f"hashmatch {facts['hashmatch_version']}",
            "entries": facts["n_entries"],
            **codes,
            **{name: value for name, value in apart.items() if value},
        },
    )
    print_lists(facts["lists"])
    if facts["compaction_advised"]:
        print_note(
            f"many segments or removed rows: worth running hashmatch index compact {directory}"
        )


@index_app.command("verify")
def verify(directory: RecipeDir, *, as_json: AsJson = False) -> None:
    """Check every byte of a built index.

    The exit code is 1 where a checksum differs.

    Example: hashmatch index verify indexes/demo
    """
    from hashmatch.index import verify_index

    files = verify_index(directory)
    if as_json:
        print_json({"verified": files})
    else:
        print_note(f"{directory}: {len(files)} files verified: {', '.join(files)}")


index_app.command("bench")(bench)
for command in COMMANDS:
    index_app.command(command.__name__)(command)


def _codes(algorithm: dict[str, Any]) -> str:
    """Return what there is of one algorithm, in words."""
    words = f"{algorithm['n_codes']:,} of {algorithm['bits']} bits"
    if algorithm["n_segments"] > 1:
        words += f" in {algorithm['n_segments']:,} segments"
    for state in ("removed", "disabled"):
        if algorithm[f"n_{state}"]:
            words += f", {algorithm[f'n_{state}']:,} {state}"
    return words


def print_lists(lists: list[dict[str, Any]]) -> None:
    """Print where the rows of each list went, for people."""
    counts = ["rows", "indexed", "withdrawn", "ignored", "duplicates"]
    if any(one["removed"] for one in lists):
        counts.append("removed")
    if any(one.get("live", one["indexed"]) != one["indexed"] for one in lists):
        counts.append("live")
    print_table(
        "Lists",
        ["list", "version", *counts],
        [[one["list"], one["list_version"], *(one[name] for name in counts)] for one in lists],
    )
