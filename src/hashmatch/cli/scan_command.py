"""`hashmatch scan`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hashmatch.cli.display import print_facts, print_json, print_note
from hashmatch.cli.options import (
    STDOUT,
    AsJson,
    Decode,
    IndexDir,
    Output,
    PicturePaths,
    PolicyFile,
    Workers,
    check_suffix,
    explain_missing,
    warn_of_unreachable,
    with_isolation,
)

if TYPE_CHECKING:
    from hashmatch.backlog import ScanProgress
    from hashmatch.workers import Isolation


@with_isolation
def scan_files(
    paths: PicturePaths,
    *,
    index: IndexDir,
    policy: PolicyFile,
    output: Output = STDOUT,
    workers: Workers,
    decode: Annotated[
        Decode,
        typer.Option(
            help="exact: what people see; luma: a little faster, for trusted sources, as it can "
            "miss listed JPEGs of extreme colours, even identical copies."
        ),
    ] = "exact",
    isolation: Isolation | None,
    as_json: AsJson = False,
) -> None:
    """Decide about every file.

    Writes one decision row of JSON for each, sorted by path. Pictures and videos are recognised by
    content; one frame per second of a video is screened, unless the policy says otherwise. A file
    that cannot be read or decoded also gets a row, with an error and the action of the policy's
    on_error. Ctrl-C leaves only whole rows.

    Example: hashmatch scan uploads/ --index indexes/demo --policy indexes/demo/policy.toml
    -o decisions.jsonl
    """
    from hashmatch.backlog import OutputIsInputError, ScanInterrupted, scan
    from hashmatch.screener import ScreeningOptions

    check_suffix(output, ".jsonl", ".ndjson", ".json")
    to_stdout = output == STDOUT
    if as_json and to_stdout:
        raise typer.BadParameter("stdout carries the rows; give --output FILE", param_hint="--json")
    where = "stdout" if to_stdout else str(output)
    try:
        with _progress_bar(hidden=to_stdout and sys.stdout.isatty()) as on_progress:
            summary = scan(
                paths,
                index=index,
                policy=policy,
                output=sys.stdout.buffer if to_stdout else output,
                workers=workers,
                options=ScreeningOptions(decode=decode, isolation=isolation),
                on_progress=on_progress,
            )
    except FileNotFoundError as error:
        raise explain_missing(error, paths) from None
    except OutputIsInputError as error:
        raise typer.BadParameter(str(error), param_hint="--output") from None
    except ScanInterrupted as stop:
        rows = f"{stop.n_done:,} of {stop.n_files:,} rows are in {where}"
        if not stop.keeps_rows:
            rows = f"{where} still holds the rows that it held before"
        print_note(f"hashmatch: interrupted: {rows}")
        raise typer.Exit(1) from None
    warn_of_unreachable(index, policy)
    if as_json:
        print_json({**summary.to_dict(), "output": where})
        return
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


@contextmanager
def _progress_bar(*, hidden: bool) -> Iterator[Callable[[ScanProgress], None] | None]:
    """Show a progress bar if stderr is a terminal; yield the function that moves it."""
    if hidden or not sys.stderr.isatty():
        yield None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
        bars.TextColumn("{task.description}"),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def on_progress(progress: ScanProgress) -> None:
            rate, n_with_matches = bar.tasks[task].speed or 0.0, progress.n_with_matches
            words = f"{rate:,.0f} files/s, {n_with_matches:,} with matches"
            bar.update(task, total=progress.n_files, completed=progress.n_done, description=words)

        yield on_progress
