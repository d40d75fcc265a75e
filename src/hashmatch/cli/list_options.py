"""Options of the commands that read a list file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashmatch.cli.options import find_algorithm, with_options

if TYPE_CHECKING:
    from hashmatch.lists import ListReading

ListFile = Annotated[
    Path,
    typer.Argument(
        metavar="LISTFILE",
        exists=True,
        help="CSV, JSON Lines or vPDQ text (.txt, one video a file), or a folder of vPDQ text.",
    ),
]


def make_list_reading(
    *,
    format: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Format; by default recognised from the content."),
    ] = None,
    harm: Annotated[str | None, typer.Option(help="Harm of rows without one.")] = None,
    classification: Annotated[
        str | None, typer.Option(help="Classification of rows without one.")
    ] = None,
    algorithm: Annotated[str | None, typer.Option(help="Algorithm of rows without one.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLUMN",
            help="The file's own name for the column hash, entry_id, ...; may be repeated.",
        ),
    ] = None,
    ignore_algorithm: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Leave out rows of this algorithm; may be repeated."),
    ] = None,
    entry_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Id of the video in a file of vPDQ text.")
    ] = None,
    min_quality: Annotated[
        int | None,
        typer.Option(
            metavar="Q", min=0, max=100, help="Leave out frames of vPDQ text of lower quality."
        ),
    ] = None,
) -> ListReading:
    """Return how a command line asks to read a list; raise a usage error if it is invalid."""
    from hashmatch.lists import ListReading, list_formats

    if algorithm is not None:
        find_algorithm(algorithm)
    if format is not None and format not in list_formats():
        known = ", ".join(list_formats())
        raise typer.BadParameter(f"expected one of: {known}", param_hint="--format")
    try:
        return ListReading(
            format=format,
            columns=dict(pair.partition("=")[::2] for pair in column) if column else None,
            algorithm=algorithm,
            harm=harm,
            classification=classification,
            ignore_algorithms=ignore_algorithm or None,
            entry_id=entry_id,
            min_quality=min_quality,
        )
    except ValueError as error:
        name = str(error).partition(" ")[0].replace("_", "-")
        problem = f"expected NAME=COLUMN: {error}" if name == "columns" else str(error)
        raise typer.BadParameter(problem, param_hint=f"--{name.rstrip('s')}") from None


with_list_reading = with_options("reading", make_list_reading)
