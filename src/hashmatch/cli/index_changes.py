"""`hashmatch index add|replace|remove|disable|enable|compact|rollback`: changes in use."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashmatch.cli.display import print_json, print_note
from hashmatch.cli.list_options import ListFile, with_list_reading
from hashmatch.cli.options import AsJson, with_options

if TYPE_CHECKING:
    from hashmatch.index import ChangeReport
    from hashmatch.lists import ListReading

IndexFolder = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="Folder of the index: recipe.toml and built/.",
        exists=True,
        file_okay=False,
    ),
]
WaitS = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0.0,
        max=1e6,
        help="How long to wait while another process changes the index.",
    ),
]


def _check_text(text: str | None) -> str | None:
    if text is not None and not (text.strip() and text.isprintable()):
        raise typer.BadParameter("expected text on one line")
    return text


ListOfFile = Annotated[
    str | None,
    typer.Option(
        "--list",
        metavar="NAME",
        callback=_check_text,
        help="The list that the file belongs to; may be omitted if there is only one.",
    ),
]
Version = Annotated[
    str | None,
    typer.Option(
        callback=_check_text,
        help="Version that matches will report for the rows; unchanged if omitted.",
    ),
]


Entries = tuple[str, list[str] | None]
"""A list, and ids of entries of it, None for all."""


def make_entries(
    *,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Further ids after --entry.")
    ] = None,
    list_name: Annotated[str, typer.Option("--list", metavar="NAME", help="The list.")],
    entry: Annotated[
        list[str] | None, typer.Option(metavar="ID...", help="Entries, as the list names them.")
    ] = None,
) -> Entries:
    """Return the named entries; in `--entry A B --entry C`, B is parsed as an argument."""
    if more and not entry:
        raise typer.BadParameter("entry ids go after --entry", param_hint="ID")
    return list_name, [*(entry or []), *(more or [])] or None


with_entries = with_options("entries", make_entries)


@with_list_reading
def add(
    directory: IndexFolder,
    file: ListFile,
    *,
    list_name: ListOfFile = None,
    version: Version = None,
    new_list: Annotated[
        bool, typer.Option("--new-list", help="The list is new; needs --version.")
    ] = False,
    return_removed: Annotated[
        bool,
        typer.Option("--return-removed", help="Add also what hashmatch index remove removed."),
    ] = False,
    reading: ListReading,
    wait_s: WaitS = 0.0,
    as_json: AsJson = False,
) -> None:
    """Add the rows of a list file; they are searched at once.

    The recipe says how to read the file if it has the list. Rows that the index already has count
    as duplicates; a row with another harm, classification or status replaces the old one. A
    withdrawn row removes its entry from the list, or its hash if it has no entry id. Entries and
    hashes that were removed by hand stay out.

    Example: hashmatch index add indexes/demo new.csv --list demo-hotline --version 2026-12-01
    """
    from hashmatch import index

    if new_list and (list_name is None or version is None):
        raise typer.BadParameter("a new list needs --list and --version", param_hint="--new-list")
    report = index.add_list(
        directory,
        file,
        list_name=list_name,
        version=version,
        new_list=new_list,
        return_removed=return_removed,
        reading=reading,
        wait_s=wait_s,
    )
    _print_report(report, as_json=as_json)


@with_list_reading
def replace(
    directory: IndexFolder,
    file: ListFile,
    *,
    list_name: ListOfFile = None,
    version: Version = None,
    reading: ListReading,
    wait_s: WaitS = 0.0,
    as_json: AsJson = False,
) -> None:
    """Replace all rows of a list with those of a file, at once.

    Entries and hashes that were removed stay out.

    Example: hashmatch index replace indexes/demo spam.csv --list demo-spam --version 2026-48
    """
    from hashmatch import index

    report = index.replace_list(
        directory, file, list_name=list_name, version=version, reading=reading, wait_s=wait_s
    )
    _print_report(report, as_json=as_json)


@with_entries
def remove(
    directory: IndexFolder, *, entries: Entries, wait_s: WaitS = 0.0, as_json: AsJson = False
) -> None:
    """Remove entries: they never match again.

    Nothing brings them or their hashes back, except add with --return-removed.

    Example: hashmatch index remove indexes/demo --list demo-hotline --entry H-1001 H-1002
    """
    from hashmatch import index

    list_name, ids = entries
    if ids is None:
        raise typer.BadParameter("name at least one entry", param_hint="--entry")
    report = index.remove_entries(directory, list_name, ids, wait_s=wait_s)
    _print_report(report, as_json=as_json)


@with_entries
def disable(
    directory: IndexFolder, *, entries: Entries, wait_s: WaitS = 0.0, as_json: AsJson = False
) -> None:
    """Stop entries or a list from matching.

    They match again once they are enabled.

    Example: hashmatch index disable indexes/demo --list demo-spam
    """
    from hashmatch import index

    _print_report(index.disable(directory, *entries, wait_s=wait_s), as_json=as_json)


@with_entries
def enable(
    directory: IndexFolder, *, entries: Entries, wait_s: WaitS = 0.0, as_json: AsJson = False
) -> None:
    """Let disabled entries or lists match again.

    Example: hashmatch index enable indexes/demo --list demo-spam
    """
    from hashmatch import index

    _print_report(index.enable(directory, *entries, wait_s=wait_s), as_json=as_json)


def compact(
    directory: IndexFolder,
    *,
    threads: Annotated[
        int, typer.Option(metavar="N", min=1, max=1024, help="Threads to build with.")
    ] = 1,
    keep: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=10**6, help="Generations to keep, the current one included."
        ),
    ] = 8,
    purge: Annotated[
        bool,
        typer.Option(
            "--purge",
            help="Delete hashes that are no longer in the index from earlier generations, too.",
        ),
    ] = False,
    wait_s: WaitS = 0.0,
    as_json: AsJson = False,
) -> None:
    """Merge what was added, drop what was removed.

    Answers stay the same. hashmatch index info says when it is worth it. Earlier generations stay,
    with the hashes that were removed since, until --keep or --purge deletes them.

    Example: hashmatch index compact indexes/demo --purge
    """
    from hashmatch.index import StorageOptions, compact_index

    options = StorageOptions(kept_generations=keep)
    report = compact_index(directory, threads=threads, purge=purge, wait_s=wait_s, options=options)
    if as_json:
        print_json(report.to_dict())
        return
    state = "compacted" if report.is_new else "unchanged"
    print_note(
        f"index {report.name}: generation {report.generation} {state}; "
        f"segments: {report.n_segments_before:,}, now {report.n_segments:,}; "
        f"removed rows dropped: {report.n_dropped:,}"
        + (f"; rows purged from earlier generations: {report.n_purged:,}" if purge else "")
    )


def rollback(
    directory: IndexFolder,
    generation: Annotated[
        int,
        typer.Argument(
            metavar="GENERATION", min=1, max=2**63, help="As in hashmatch index history."
        ),
    ],
    *,
    with_overrides: Annotated[
        bool,
        typer.Option(
            "--with-overrides",
            help="Also restore what was removed and disabled by name at that time.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait_s: WaitS = 0.0,
    as_json: AsJson = False,
) -> None:
    """Publish a new generation with the rows of an earlier one.

    What was removed or disabled by name stays out, even if that happened later. Says first how many
    entries match again.

    Example: hashmatch index rollback indexes/demo 3 --yes
    """
    from hashmatch import index

    roll_back = partial(
        index.rollback_index, directory, generation, with_overrides=with_overrides, wait_s=wait_s
    )
    if not yes:
        plan = roll_back(dry_run=True)
        print_note(
            f"index {plan.name}: rolled back to generation {generation}, "
            f"{plan.n_returned_entries:,} entries would match again; "
            f"rows: {plan.n_added:,} would return, {plan.n_removed:,} would go"
        )
        if not (sys.stdin.isatty() and typer.confirm("Roll back?", err=True)):
            raise typer.BadParameter("nothing was changed; confirm with --yes", param_hint="--yes")
    _print_report(roll_back(), as_json=as_json)


COMMANDS = (add, replace, remove, disable, enable, compact, rollback)


def _print_report(report: ChangeReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_dict())
        return
    facts = report.to_dict()
    counts = facts["counts"] or dict.fromkeys(("duplicates", "ignored", "removed"), 0)
    numbers = {name: facts[f"n_{name}"] for name in ("added", "removed", "disabled", "enabled")}
    numbers |= {name: counts[name] for name in ("duplicates", "ignored")}
    numbers["left out, as their entry or hash was removed"] = counts["removed"]
    numbers["withdrawn, but not on the list"] = report.n_unmet_withdrawals
    state = "published" if report.is_new else "unchanged"
    note = f"index {report.name}: generation {report.generation} {state}"
    if rows := ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number):
        note += f"; rows: {rows}"
    if report.n_returned_entries:
        note += f"; entries that match again: {report.n_returned_entries:,}"
    print_note(note)
