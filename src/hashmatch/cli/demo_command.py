"""`hashmatch demo`."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from hashmatch.cli.display import print_note, print_table
from hashmatch.cli.explanation import explain
from hashmatch.errors import HashmatchError
from hashmatch.files import write_folder

IN_CHECKOUT = Path("indexes/demo")
ELSEWHERE = Path("hashmatch-demo")
PACKAGED = Path(__file__).parents[1] / "_demo"
DECISIONS = Path("built/decisions.jsonl")


def demo(
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="Folder of the demo, created if missing; by default indexes/demo in a checkout, "
            "else hashmatch-demo.",
        ),
    ] = None,
) -> None:
    """Build a small index, scan some uploads, show each decision.

    A table on stderr gives each decision and its reason.

    Example: hashmatch demo
    """
    from hashmatch.backlog import scan
    from hashmatch.index import build_index

    folder = _prepare_folder(directory)
    report = build_index(folder)
    print_note(
        f"index {report.name}: {report.n_entries} entries of {len(report.lists)} lists, "
        f"generation {report.generation}"
    )
    output = folder / DECISIONS
    summary = scan([folder / "uploads"], index=folder, policy=folder / "policy.toml", output=output)
    rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    names = [os.path.relpath(row["content_id"], folder / "uploads") for row in rows]
    print_table(
        "Decisions, and why",
        ["upload", "action", "queue", "why"],
        [
            [name, row["action"], row["queue"] or "", explain(row)]
            for name, row in zip(names, rows, strict=True)
        ],
    )
    print_note(
        f"{summary.n_files} uploads, {summary.n_with_matches} with matches, {summary.n_errors} "
        f"not decodable; a row of JSON for each is in {output}"
    )


def _prepare_folder(directory: Path | None) -> Path:
    """Return the folder of the demo; copy it from the package if it does not exist."""
    if directory is None:
        directory = IN_CHECKOUT if (IN_CHECKOUT / "recipe.toml").is_file() else ELSEWHERE
    if (directory / "recipe.toml").is_file() and (directory / "uploads").is_dir():
        return directory
    if os.path.lexists(directory):
        raise typer.BadParameter(
            f"{directory} exists but is not a demo: it lacks recipe.toml or uploads/",
            param_hint="DIR",
        )
    if not PACKAGED.is_dir():
        raise HashmatchError(
            f"{directory} does not exist, and this installation has no demo to copy there; run "
            "the demo in a checkout of hashmatch"
        )
    with write_folder(directory) as folder:
        shutil.copytree(PACKAGED, folder, dirs_exist_ok=True)
    print_note(f"the demo's lists, policy and uploads are in {directory}")
    return directory
