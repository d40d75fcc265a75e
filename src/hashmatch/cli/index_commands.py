"""`hashmatch index build|info|history|verify`; other modules have the changes and `bench`."""

from __future__ import annotations

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
        metavar="DIR", help="A folder with a recipe.toml.", exists=True, file_okay=False
    ),
]


@index_app.command()
def build(
    directory: RecipeDir,
    *,
    discard_additions: Annotated[
        bool,
        typer.Option(
            "--discard-additions",
            help="Build even if lists were added to or replaced since: the recipe alone counts.",
        ),
    ] = False,
    wait_s: WaitS = 0.0,
    as_json: AsJson = False,
) -> None:
    """Build an index from the lists of a recipe.

    The lists of DIR/recipe.toml go into DIR/built, published whole or not at all. Entries that were
    removed stay out, and what was disabled stays disabled.

    Example: hashmatch index build indexes/demo
    """
    from hashmatch.index import build_index

    report = build_index(directory, discard_additions=discard_additions, wait_s=wait_s)
    if as_json:
        print_json(report.to_dict())
        return
    print_lists(report.to_dict()["lists"])
    state = "built" if report.is_new else "unchanged"
    codes = ", ".join(f"{n:,} {algorithm} codes" for algorithm, n in report.n_codes.items())
    print_note(
        f"index {report.name}: generation {report.generation} {state}: "
        f"{report.n_entries:,} entries, {codes or 'no codes'}"
    )


@index_app.command()
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
        **{f"list {name}": _attributes(set_) for name, set_ in facts["attributes"].items()},
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


@index_app.command()
def history(directory: RecipeDir, *, as_json: AsJson = False) -> None:
    """List the generations that are kept, and what each changed.

    hashmatch index rollback publishes one of them anew.

    Example: hashmatch index history indexes/demo
    """
    from hashmatch.index import index_history

    generations = [generation.to_dict() for generation in index_history(directory)]
    if as_json:
        print_json(generations)
        return
    counts = ["n_added", "n_removed", "n_disabled", "n_enabled", "n_rows", "n_purged"]
    print_table(
        "Generations",
        ["generation", "published", "change", *(name.removeprefix("n_") for name in counts)],
        [
            [
                f"{one['generation']}{' (current)' if one['is_current'] else ''}",
                one["published"][:19].replace("T", " "),
                " ".join(str(one[name]) for name in ("kind", "list", "restored") if one[name]),
                *(one[name] for name in counts),
            ]
            for one in generations
        ],
        caption="published in UTC; counts are of rows",
    )


@index_app.command()
def verify(directory: RecipeDir, *, as_json: AsJson = False) -> None:
    """Check every byte of a built index, earlier generations included.

    The exit code is 1 if a checksum differs.

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
    """Describe the codes of one algorithm."""
    words = f"{algorithm['n_codes']:,} of {algorithm['bits']} bits"
    if algorithm["n_segments"] > 1:
        words += f" in {algorithm['n_segments']:,} segments"
    for state in ("removed", "disabled"):
        if algorithm[f"n_{state}"]:
            words += f", {algorithm[f'n_{state}']:,} {state}"
    return words


def _attributes(attributes: dict[str, Any]) -> str:
    """Describe the attributes of a list that are not the defaults."""
    from hashmatch.index import ListAttributes

    defaults = ListAttributes()
    return ", ".join(
        f"{name} {value}" for name, value in attributes.items() if value != getattr(defaults, name)
    )


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
