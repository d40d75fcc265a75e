"""Arguments and options that several commands share, and the values made from them."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import typing
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

import typer

from hashmatch.cli.display import print_note
from hashmatch.files import write_file

if TYPE_CHECKING:
    from hashmatch.hashing import Algorithm
    from hashmatch.index import Index
    from hashmatch.workers import Isolation

_Command = Callable[..., None]

Decode = Literal["exact", "luma"]

STDOUT = Path("-")


def _count_usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_POLICY = typer.Option(
    "--policy", metavar="FILE", exists=True, dir_okay=False, help="Policy to decide by, in TOML."
)

PicturePaths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH",
        readable=False,  # a file that cannot be read is a row
        help="Files and folders; a folder stands for every file in it, at any depth.",
    ),
]
IndexDir = Annotated[
    Path,
    typer.Option(
        "--index",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="A folder that hashmatch index build has built.",
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        dir_okay=False,
        readable=False,  # it is only written to
        help="File to write; - for stdout.",
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        max=1024,
        default_factory=_count_usable_cpus,
        show_default="one per CPU",
        help="Number of workers. Results do not depend on it.",
    ),
]
AlgorithmName = Annotated[
    str,
    typer.Option(
        "--algorithm", metavar="NAME", help="A hash or digest; hashmatch info lists them."
    ),
]
PolicyFile = Annotated[Path, _POLICY]
OptionalPolicyFile = Annotated[Path | None, _POLICY]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]


_OTHER_FORMATS = frozenset(
    (
        ".csv",
        ".tsv",
        ".jsonl",
        ".ndjson",
        ".json",
        ".txt",
        ".parquet",
        ".arrow",
        ".xlsx",
        ".html",
        ".gz",
        ".zst",
        ".toml",
    )
)


def check_suffix(output: Path, *suffixes: str) -> None:
    """Raise a usage error if the name of an output ends like that of another format."""
    if output.suffix.lower() in _OTHER_FORMATS - {*suffixes}:
        problem = f"{output}: expected a name that ends in {' or '.join(suffixes)}"
        raise typer.BadParameter(problem, param_hint="--output")


def open_output(path: Path) -> AbstractContextManager[BinaryIO]:
    """Open the file of --output, which appears once it is complete, or stdout."""
    return nullcontext(sys.stdout.buffer) if path == STDOUT else write_file(path)


def with_options(name: str, make: Callable[..., object]) -> Callable[[_Command], _Command]:
    """Replace a command's parameter `name` by the options of `make`; `make` returns its value."""
    options = _parameters(make)

    def decorate(command: _Command) -> _Command:
        parameters: list[inspect.Parameter] = []
        for parameter in _parameters(command):
            parameters += options if parameter.name == name else [parameter]

        @functools.wraps(command)
        def run(**given: Any) -> None:
            chosen = {option.name: given.pop(option.name) for option in options}
            command(**given, **{name: make(**chosen)})

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    # The types of parameters that options replace are imported for type checkers only.
    replaced = dict.fromkeys(("Isolation", "ListReading", "VideoHash"), object)
    hints = typing.get_type_hints(function, localns=replaced, include_extras=True)
    parameters = inspect.signature(function).parameters.values()
    return [parameter.replace(annotation=hints[parameter.name]) for parameter in parameters]


def make_isolation(
    *,
    isolate: Annotated[
        bool,
        typer.Option(
            "--isolate/--no-isolate",
            help="Decode in separate processes: a decoder that crashes, hangs, exhausts memory or "
            "is taken over costs one file. hashmatch info says what such a process cannot do.",
        ),
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0.1,
            max=1e6,
            show_default="30",
            help="With --isolate: seconds to decode one file; videos may need more.",
        ),
    ] = None,
    memory_limit: Annotated[
        int | None,
        typer.Option(
            metavar="MIB", min=1, max=2**30, show_default="2048", help="With --isolate: MiB a file."
        ),
    ] = None,
) -> Isolation | None:
    """Return the requested isolation; raise a usage error for limits without --isolate."""
    if isolate:
        from hashmatch.workers import Isolation

        return Isolation(time_limit or 30.0, (memory_limit or 2048) << 20)
    given = {"--time-limit": time_limit, "--memory-limit": memory_limit}
    if names := [name for name, value in given.items() if value]:
        raise typer.BadParameter("needs --isolate", param_hint=names[0])
    return None


with_isolation = with_options("isolation", make_isolation)


def find_algorithm(name: str) -> Algorithm:
    """Return the algorithm of this name; raise a usage error if there is none."""
    from hashmatch.hashing import get_algorithm

    try:
        return get_algorithm(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--algorithm") from None


def open_index(directory: Path, algorithm: str) -> Index:
    """Open an index; raise a usage error if it has no hashes of a required algorithm."""
    from hashmatch.index import Index

    index = Index.open(directory)
    if algorithm not in index.algorithms:
        held = ", ".join(index.algorithms) or "nothing"
        raise typer.BadParameter(f"the index holds {held}", param_hint="--algorithm")
    return index


def warn_of_unreachable(directory: Path, policy: Path) -> None:
    """Print a line for each list with hashes of so low a quality that no rule can take them."""
    from hashmatch.index import Index
    from hashmatch.policy import Policy
    from hashmatch.screener import find_unreachable

    for found in find_unreachable(Index.open(directory), Policy.load(policy)):
        print_note(f"warning: {found}")


def explain_missing(error: FileNotFoundError, paths: list[Path]) -> Exception:
    """Return a usage error if a PATH does not exist, else the error itself."""
    if str(error.filename) not in map(str, paths):
        return error
    return typer.BadParameter(f"{error.filename}: no such file or folder", param_hint="PATH")
