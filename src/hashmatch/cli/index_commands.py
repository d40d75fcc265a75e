"""`hashmatch index build|info|history|verify`; other modules have the changes and `bench`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hashmatch.cli.display import print_facts, print_json, print_note, print_table
from hashmatch.cli.index_bench import bench
from hashmatch.cli.index_changes import COMMANDS, IndexFolder, WaitS
from hashmatch.cli.options import AsJson, warn_of_unreachable
from hashmatch.errors import PolicyError

index_app = typer.Typer(
    help="Build an index from lists, change it, look at it, check it.", rich_markup_mode=None
)


@index_app.command()
def build(
    directory: IndexFolder,
    *,
    discard_additions: Annotated[
        bool,
        typer.Option(
            "--discard-additions",
            help="Build from the recipe alone, even if lists were added to or replaced since.",
        ),
    ] = False,
    wait_s: WaitS = 0.0,
    as_json: AsJson = False,
) -> None:
    """Build an index from the lists of a recipe.

    The lists of DIR/recipe.toml go into DIR/built, published whole or not at all. Entries that were
    removed stay out, and what was disabled stays disabled. If there is a DIR/policy.toml, hashes
    of too low a quality for its rules are reported.

    Example: hashmatch index build indexes/demo
    """
    from hashmatch.index import build_index

    report = build_index(directory, discard_additions=discard_additions, wait_s=wait_s)
    if (policy := directory / "policy.toml").is_file():
        try:
            warn_of_unreachable(directory, policy)
        except PolicyError as error:  # the index is built all the same
            print_note(f"warning: {error}")
    if as_json:
        print_json(report.to_dict())
        return
    _print_lists(report.to_dict()["lists"])
    state = "built" if report.is_new else "unchanged"
    codes = ", ".join(f"{n:,} {algorithm} codes" for algorithm, n in report.n_codes.items())
    print_note(
        f"index {report.name}: generation {report.generation} {state}: "
        f"{report.n_entries:,} entries, {codes or 'no codes'}"
    )


@index_app.command()
def info(directory: IndexFolder, *, as_json: AsJson = False) -> None:
    """Show what a built index holds.

    Example: hashmatch index info indexes/demo --json
    """
    from hashmatch.index import Index

    facts = Index.open(directory).describe()
    if as_json:
        print_json(facts)
        return
    optional = {
        "entries removed": facts["n_removed_entries"],
        "entries disabled": facts["n_disabled_entries"],
        "lists disabled": ", ".join(facts["disabled_lists"]),
        **{f"list {name}": _describe_list(values) for name, values in facts["attributes"].items()},
    }
    shown = {
        "generation": facts["generation"],
        "digest": facts["digest"],
        "built by": f"hashmatch {facts['hashmatch_version']}",
        "entries": facts["n_entries"],
        **{f"{codes['algorithm']} codes": _describe_codes(codes) for codes in facts["algorithms"]},
        **{name: value for name, value in optional.items() if value},
    }
    print_facts(f"Index {facts['name']}", shown)
    _print_lists(facts["lists"])
    if facts["compaction_advised"]:
        print_note(
            f"many segments or removed rows: worth running hashmatch index compact {directory}"
        )


@index_app.command()
def history(directory: IndexFolder, *, as_json: AsJson = False) -> None:
    """List the generations that are kept, and what each changed.

    hashmatch index rollback publishes one of them again.

    Example: hashmatch index history indexes/demo
    """
    from hashmatch.index import index_history

    generations = [generation.to_dict() for generation in index_history(directory)]
    if as_json:
        print_json(generations)
        return
    counts = ["n_added", "n_removed", "n_disabled", "n_enabled", "n_rows", "n_purged"]
    rows = [
        [
            f"{kept['generation']}{' (current)' if kept['is_current'] else ''}",
            kept["published"][:19].replace("T", " "),
            " ".join(str(kept[name]) for name in ("kind", "list", "restored") if kept[name]),
            *(kept[name] for name in counts),
        ]
        for kept in generations
    ]
    columns = ["generation", "published", "change", *(name.removeprefix("n_") for name in counts)]
    print_table("Generations", columns, rows, caption="published in UTC; counts are of rows")


@index_app.command()
def verify(directory: IndexFolder, *, as_json: AsJson = False) -> None:
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


for command in (bench, *COMMANDS):
    index_app.command()(command)


def _describe_codes(codes: dict[str, Any]) -> str:
    segments = f" in {codes['n_segments']:,} segments" if codes["n_segments"] > 1 else ""
    removed = f", {codes['n_removed']:,} removed" if codes["n_removed"] else ""
    disabled = f", {codes['n_disabled']:,} disabled" if codes["n_disabled"] else ""
    return f"{codes['n_codes']:,} of {codes['bits']} bits{segments}{removed}{disabled}"


def _describe_list(attributes: dict[str, Any]) -> str:
    """Return the attributes of a list that differ from the defaults."""
    from hashmatch.index import ListAttributes

    usual = ListAttributes()
    changed = {name: set_ for name, set_ in attributes.items() if set_ != getattr(usual, name)}
    return ", ".join(f"{name} {value}" for name, value in changed.items())


def _print_lists(lists: list[dict[str, Any]]) -> None:
    """Print how many rows of each list were indexed or left out, and why."""
    counts = ["rows", "indexed", "withdrawn", "ignored", "duplicates"]
    if any(each["removed"] for each in lists):
        counts.append("removed")
    if any(each.get("live", each["indexed"]) != each["indexed"] for each in lists):
        counts.append("live")
    rows = [[each["list"], each["list_version"], *map(each.get, counts)] for each in lists]
    print_table("Lists", ["list", "version", *counts], rows)
