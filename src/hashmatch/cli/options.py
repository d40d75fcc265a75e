"""Arguments that several commands share, and the checks they share."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Decode(StrEnum):
    """How the pixels of a JPEG are obtained."""

    exact = "exact"
    luma = "luma"


def _usable_cpus() -> int:
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
        help="Processes; as many as CPUs unless given. Results do not depend on it.",
        default_factory=_usable_cpus,
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")]


def missing_path(error: FileNotFoundError) -> typer.BadParameter:
    """Return the usage error for a PATH that does not exist."""
    return typer.BadParameter(f"{error.filename}: no such file or folder", param_hint="PATH")
