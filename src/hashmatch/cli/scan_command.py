"""`hashmatch scan`."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashmatch.cli.display import print_facts, print_json, print_note
from hashmatch.cli.options import (
    DEFAULT_MEMORY_LIMIT_MIB,
    DEFAULT_TIME_LIMIT_S,
    AsJson,
    Decode,
    IndexDir,
    Isolate,
    MemoryLimit,
    PicturePaths,
    TimeLimit,
    Truncated,
    Workers,
    make_isolation,
    make_screening_options,
    missing_path_error,
)

if TYPE_CHECKING:
    from hashmatch.backlog import ScanProgress, ScanSummary


def scan_files(
    paths: PicturePaths,
    *,
    index: IndexDir,
    policy: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The policy, in TOML.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="File for the rows; - is stdout.")
    ] = Path("-"),
    workers: Workers,
    decode: Annotated[
        Decode,
        typer.Option(help="luma: less time, and the same matches; exact: as lists are hashed."),
    ] = Decode.luma,
    isolate: Isolate = False,
    time_limit: TimeLimit = DEFAULT_TIME_LIMIT_S,
    memory_limit: MemoryLimit = DEFAULT_MEMORY_LIMIT_MIB,
    truncated: Truncated = False,
    as_json: AsJson = False,
) -> None:
    """Decide about every file.

    One row of JSON for each, in the order of the path. Pictures and videos are recognised by
    content; of a video one frame per second is looked at, unless the policy says otherwise. A file
    that cannot be read or decoded is a row too, with an error and what the policy's on_error says.
    Rows do not depend on the number of workers. Ctrl-C leaves whole rows.

    Example: hashmatch scan uploads/ --index indexes/demo --policy indexes/demo/policy.toml
    -o decisions.jsonl
    """
    from hashmatch.backlog import OutputIsInputError, ScanInterrupted, scan

    to_stdout = output == Path("-")
    if as_json and to_stdout:
        raise typer.BadParameter("stdout holds the rows; give --output FILE", param_hint="--json")
    isolation = make_isolation(
        isolate=isolate, time_limit=time_limit, memory_limit=memory_limit, truncated=truncated
    )
    where = "stdout" if to_stdout else str(output)
    try:
        with _progress_bar(hidden=to_stdout and sys.stdout.isatty()) as on_progress:
            summary = scan(
                paths,
                index=index,
                policy=policy,
                output=sys.stdout.buffer if to_stdout else output,
                workers=workers,
                options=make_screening_options(decode, isolation),
                on_progress=on_progress,
            )
    except FileNotFoundError as error:
        raise _name_missing(error, paths) from None
    except OutputIsInputError as error:
        raise typer.BadParameter(str(error), param_hint="--output") from None
    except ScanInterrupted as stop:
        print_note(
            f"hashmatch: interrupted: {stop.n_done:,} of {stop.n_files:,} rows are in {where}"
        )
        raise typer.Exit(1) from None
    if as_json:
        print_json({**summary.to_dict(), "output": where})
    else:
        print_summary(summary, where)


def print_summary(summary: ScanSummary, where: str) -> None:
    """Print the totals of a scan, for people."""
    rate = summary.n_files / summary.elapsed_s if summary.elapsed_s else 0.0
    print_facts(
        "Scan",
        {
            "files": summary.n_files,
            "not decodable": summary.n_errors,
            "with matches": summary.n_with_matches,
            **{f"action {name}": n for name, n in sorted(summary.actions.items())},
            "time": f"{summary.elapsed_s:.1f} s, {rate:,.0f} files/s",
            "rows": where,
        },
    )


def _name_missing(error: FileNotFoundError, paths: list[Path]) -> Exception:
    named = {str(path) for path in paths}
    return missing_path_error(error) if str(error.filename) in named else error


@contextmanager
def _progress_bar(*, hidden: bool) -> Iterator[Callable[[ScanProgress], None] | None]:
    """Show a progress bar if stderr is a terminal; yield the function that moves it."""
    if hidden or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} files/s"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[matches]} with matches"),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("scan", total=None, rate="-", matches=0)

        def on_progress(progress: ScanProgress) -> None:
            speed = bar.tasks[task].speed
            bar.update(
                task,
                total=progress.n_files,
                completed=progress.n_done,
                rate="-" if speed is None else f"{speed:,.0f}",
                matches=f"{progress.n_with_matches:,}",
            )

        yield on_progress
