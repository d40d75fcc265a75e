"""Options of the commands that read a list file."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
import functools
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hashmatch.lists import ListReading

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


def list_reading(
    *,
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help="Format; by default the file tells.")
    ] = None,
    harm: Annotated[str | None, typer.Option(help="Harm of rows that name none.")] = None,
    classification: Annotated[
        str | None, typer.Option(help="Classification of rows that name none.")
    ] = None,
    algorithm: Annotated[str | None, typer.Option(help="Algorithm of rows that name none.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=COLUMN", help="The file's own column for hash, entry_id, ..."),
    ] = None,
    ignore_algorithm: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Leave out rows of this algorithm.")
    ] = None,
    entry_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Id of the video in a file of vPDQ text.")
    ] = None,
    min_quality: Annotated[
        int | None,
        typer.Option(metavar="Q", min=0, max=100, help="Least quality of a frame of vPDQ text."),
    ] = None,
) -> ListReading:
    """Return what the options say; a usage error for what cannot be."""
    from hashmatch.hashing import algorithms
    from hashmatch.lists import ListReading, list_formats

    for option, name, known in (
        ("--algorithm", algorithm, sorted(algorithms())),
        ("--format", format, list_formats()),
    ):
        if name is not None and name not in known:
            raise typer.BadParameter(f"expected one of: {', '.join(known)}", param_hint=option)
    return ListReading(
        format=format,
        columns=_parse_columns(column) if column else None,
        algorithm=algorithm,
        harm=harm,
        classification=classification,
        ignore_algorithms=ignore_algorithm or None,
        entry_id=entry_id,
        min_quality=min_quality,
    )


def with_list_reading(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `list_reading` in place of its parameter `reading`."""
    options = _parameters(list_reading)
    parameters: list[inspect.Parameter] = []
    for parameter in _parameters(command):
        parameters += options if parameter.name == "reading" else [parameter]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        chosen = {option.name: given.pop(option.name) for option in options}
        command(**given, reading=list_reading(**chosen))

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    names = {"ListReading": object}  # is imported for type checkers alone
    hints = typing.get_type_hints(function, localns=names, include_extras=True)
    parameters = inspect.signature(function).parameters.values()
    return [parameter.replace(annotation=hints[parameter.name]) for parameter in parameters]


def _parse_columns(pairs: list[str]) -> dict[str, str]:
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
