"""How a list file is to be read, as options of the commands that take one."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hashmatch.index.list_source import ListSettings

ListFile = Annotated[
    Path,
    typer.Argument(
        metavar="LISTFILE",
        help="CSV, JSON Lines, vPDQ text (.txt, a video a file) or a folder of that.",
        exists=True,
    ),
]
Version = Annotated[
    str | None,
    typer.Option(help="What matches will say of the rows; as before if left out."),
]
Harm = Annotated[str | None, typer.Option(help="Harm of rows that do not say.")]
Classification = Annotated[str | None, typer.Option(help="Classification of such rows.")]
Algorithm = Annotated[str | None, typer.Option(help="Algorithm of such rows.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="NAME=COLUMN", help="The file's own column for hash, entry_id, ..."
    ),
]
Ignored = Annotated[
    list[str] | None,
    typer.Option("--ignore-algorithm", metavar="NAME", help="Leave out rows of this algorithm."),
]
EntryId = Annotated[
    str | None,
    typer.Option("--entry-id", metavar="ID", help="Id of the video in a file of vPDQ text."),
]
MinQuality = Annotated[
    int | None,
    typer.Option(metavar="Q", min=0, max=100, help="Least quality of a frame of vPDQ text."),
]


def list_settings(
    *,
    harm: str | None,
    classification: str | None,
    algorithm: str | None,
    columns: list[str] | None,
    ignored: list[str] | None,
    entry_id: str | None,
    min_quality: int | None,
) -> ListSettings:
    """Return what the options say; the usage error for what cannot be."""
    from hashmatch.hashing import algorithms

    if algorithm is not None and algorithm not in algorithms():
        known = ", ".join(sorted(algorithms()))
        raise typer.BadParameter(f"expected one of: {known}", param_hint="--algorithm")
    return {
        "harm": harm,
        "classification": classification,
        "algorithm": algorithm,
        "columns": _columns(columns) if columns else None,
        "ignore_algorithms": ignored or None,
        "entry_id": entry_id,
        "min_quality": min_quality,
    }


def _columns(pairs: list[str]) -> dict[str, str]:
    from hashmatch.lists import SOURCE_COLUMNS

    columns = {}
    for pair in pairs:
        canonical, equals, name = pair.partition("=")
        if canonical not in SOURCE_COLUMNS or not equals or not name.strip():
            known = ", ".join(SOURCE_COLUMNS)
            raise typer.BadParameter(
                f"expected NAME=COLUMN with a NAME of: {known}", param_hint="--column"
            )
        columns[canonical] = name
    return columns
