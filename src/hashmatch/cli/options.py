"""Arguments and options that several commands share, and the values made of them."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hashmatch.screener import ScreeningOptions
    from hashmatch.workers import Isolation


class Decode(StrEnum):
    """A way to obtain the pixels of a JPEG."""

    exact = "exact"
    luma = "luma"


def _count_usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


PicturePaths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH",
        help="Files and folders; every file in a folder counts.",
        show_default=False,
    ),
]
IndexDir = Annotated[
    Path,
    typer.Option(
        "--index",
        metavar="DIR",
        help="A folder that hashmatch index build has built.",
        exists=True,
        file_okay=False,
        show_default=False,
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        max=1024,
        help="Number of workers; one per CPU unless given. Results do not depend on it.",
        default_factory=_count_usable_cpus,
        show_default=False,
    ),
]
Isolate = Annotated[
    bool,
    typer.Option(
        "--isolate",
        help="Decode in separate processes: a decoder that crashes, hangs or exhausts memory costs "
        "one file.",
    ),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        "--time-limit",
        metavar="S",
        min=0.1,
        help="With --isolate: seconds to decode one file; videos may need more.",
    ),
]
MemoryLimit = Annotated[
    int,
    typer.Option(
        "--memory-limit", metavar="MIB", min=1, help="With --isolate: MiB to decode one file."
    ),
]
Truncated = Annotated[
    bool,
    typer.Option(
        "--truncated",
        help="With --isolate: hash what can be decoded of a truncated file, not refuse it.",
    ),
]
DEFAULT_TIME_LIMIT_S = 30.0
DEFAULT_MEMORY_LIMIT_MIB = 2048
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]


def make_screening_options(decode: Decode, isolation: Isolation | None) -> ScreeningOptions:
    """Return the options of screening that a command line asks for."""
    from hashmatch.screener import ScreeningOptions

    return ScreeningOptions(decode=decode.value, isolation=isolation)


def make_isolation(
    *, isolate: bool, time_limit: float, memory_limit: int, truncated: bool
) -> Isolation | None:
    """Return the isolation that a command line asks for; a usage error without --isolate."""
    if not isolate:
        given = {
            "--time-limit": time_limit != DEFAULT_TIME_LIMIT_S,
            "--memory-limit": memory_limit != DEFAULT_MEMORY_LIMIT_MIB,
            "--truncated": truncated,
        }
        for name in (name for name, is_given in given.items() if is_given):
            raise typer.BadParameter("works with --isolate only", param_hint=name)
        return None
    from hashmatch.workers import Isolation

    return Isolation(time_limit, memory_limit << 20, truncated)


def missing_path_error(error: FileNotFoundError) -> typer.BadParameter:
    """Return the usage error for a PATH that does not exist."""
    return typer.BadParameter(f"{error.filename}: no such file or folder", param_hint="PATH")
