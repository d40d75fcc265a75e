"""`hashmatch index bench`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, astuple, fields
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hashmatch.cli.display import print_json, print_note, print_table, write_csv
from hashmatch.cli.options import AlgorithmName, AsJson, find_algorithm, open_index
from hashmatch.errors import HashListError, HashmatchError
from hashmatch.files import write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hashmatch.interop import BenchReport, BenchRow

Skew = Literal["uniform", "clustered", "duplicates"]

_PLOT_SUFFIXES = (".png", ".svg", ".pdf")


class Backend(StrEnum):
    """Backends that can be measured."""

    native = "native"
    faiss_flat = "faiss-flat"
    faiss_multihash = "faiss-multihash"
    faiss_hnsw = "faiss-hnsw"


def _count(text: str) -> int:
    """Read a number such as 1000000 or 1e6."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (1 <= number < 2**32 and number == int(number)):
        raise typer.BadParameter(f"{text!r} is not a whole number of 1 or more, such as 1e6")
    return int(number)


def bench(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            exists=True,
            help="A built index, or a list file, to take codes from; synthetic codes by default.",
        ),
    ] = None,
    *,
    codes: Annotated[
        int | None,
        typer.Option(metavar="N", parser=_count, help="Synthetic codes; by default 100,000."),
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(
            metavar="BITS", min=64, max=512, help="Width of synthetic codes; by default 256."
        ),
    ] = None,
    skew: Annotated[
        Skew | None,
        typer.Option(
            metavar="HOW",
            help="Synthetic codes: uniform (random), clustered (a tenth in tight clusters) or "
            "duplicates (a tenth identical).",
        ),
    ] = None,
    radius: Annotated[
        int | None,
        typer.Option(
            metavar="BITS",
            min=0,
            max=512,
            help="Largest distance, inclusive; by default bits / 8 - 1.",
        ),
    ] = None,
    backends: Annotated[
        list[Backend],
        typer.Option(
            "--backend",
            metavar="NAME",
            show_default="the exact ones",
            help="native, faiss-flat, faiss-multihash or faiss-hnsw, which is approximate; may be "
            "repeated.",
        ),
    ] = [Backend.native, Backend.faiss_flat, Backend.faiss_multihash],  # noqa: B006  (read only)
    algorithm: AlgorithmName = "pdq",
    queries: Annotated[
        int, typer.Option(metavar="N", parser=_count, help="Queries of the bulk call, at most.")
    ] = 100_000,
    threads: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=1024, help="Threads to build and for the bulk call."),
    ] = 1,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**63, help="Seed of codes and queries.")
    ] = 0,
    limit_s: Annotated[
        float,
        typer.Option(
            "--limit",
            metavar="SECONDS",
            min=0.0,
            max=1e6,
            help="Time for each figure, approximately.",
        ),
    ] = 10.0,
    as_json: AsJson = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            dir_okay=False,
            writable=True,
            help="Draw bar charts of the figures.",
        ),
    ] = None,
) -> None:
    """Time index backends side by side.

    The answers of each backend are compared with brute force; half of the queries lie near a stored
    code. A table goes to stderr; unless stdout is a terminal, it gets the rows as CSV.

    Example: hashmatch index bench --codes 1e6 --skew clustered --backend native --json
    """
    from hashmatch.interop import bench_backends, synthetic_codes

    if plot is not None:
        _check_plot(plot)
    if source is None:
        skew, bits = skew or "uniform", bits or 256
        if bits % 8:
            raise typer.BadParameter("expected a multiple of 8", param_hint="--bits")
        measured = synthetic_codes(codes or 100_000, bits, skew=skew, seed=seed)
        origin = f"synthetic, {skew}"
    elif (codes, bits, skew) == (None, None, None):
        measured = _read_codes(source, algorithm)
        origin = f"{source}, {algorithm}"
    else:
        problem = "--codes, --bits and --skew are for synthetic codes, without a DIR"
        raise typer.BadParameter(problem, param_hint="DIR")
    bits = 8 * measured.shape[1]
    if radius is not None and radius > bits:
        raise typer.BadParameter(f"the codes have only {bits} bits", param_hint="--radius")
    report = bench_backends(
        measured,
        backends=[backend.value for backend in dict.fromkeys(backends)],
        radius=radius,
        n_bulk=queries,
        seed=seed,
        threads=threads,
        limit_s=limit_s,
    )
    if as_json:
        print_json({"data": {"codes": origin, "skew": skew, "seed": seed}, **asdict(report)})
    for backend, reason in report.refused.items():
        print_note(f"hashmatch: {backend} left out: {reason}")
    if not report.rows:
        raise typer.Exit(1)
    title = f"{len(measured):,} codes of {bits} bits ({origin}), radius {report.rows[0].radius}"
    if not as_json:
        _print_report(report, title)
    if plot is not None:
        _plot_report(report, title, plot)


def _read_codes(source: Path, algorithm: str) -> NDArray[np.uint8]:
    """Return the codes of an algorithm in a built index or a list file; a usage error if none."""
    import numpy as np
    import pyarrow.compute as pc

    from hashmatch.lists import ListReading, read_list

    if source.is_dir():
        codes = open_index(source, algorithm).codes(algorithm)
    else:
        n_bytes = find_algorithm(algorithm).bits // 8
        table = read_list(source, ListReading(harm="unknown")).table
        listed: list[Any] = table.filter(pc.field("algorithm") == algorithm)["code"].to_pylist()
        if any(len(code) != n_bytes for code in listed):
            raise HashListError(
                f"{source}: {algorithm} hashes have {2 * n_bytes} hex digits, and some have not; "
                "build an index to learn which row it is"
            )
        codes = np.frombuffer(b"".join(listed), np.uint8).reshape(-1, n_bytes)
    if not len(codes):
        raise typer.BadParameter(f"{source} has no {algorithm} codes", param_hint="DIR")
    return codes


def _print_report(report: BenchReport, title: str) -> None:
    first, machine = report.rows[0], report.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    print_table(
        f"{title}, {first.threads} thread{'s' if first.threads > 1 else ''}",
        ("backend", "build s", "bytes/code", "p50 us", "p99 us", "bulk queries/s", "recall"),
        map(_cells, report.rows),
        caption=f"{machine['cpu']}, kernel {machine['kernel']}, {versions}",
    )
    if not sys.stdout.isatty():
        columns = [field.name for field in fields(first)]
        write_csv(sys.stdout.buffer, columns, map(astuple, report.rows))


def _cells(row: BenchRow) -> list[object]:
    return [
        row.backend if row.exact else f"{row.backend} (approximate; {row.task})",
        f"{row.build_s:.3f}",
        "?" if row.bytes_per_code is None else f"{row.bytes_per_code:.0f}",
        f"{row.single_p50_us:,.1f}",
        f"{row.single_p99_us:,.1f}",
        f"{row.bulk_queries_per_s:,.0f}",
        "exact" if row.exact else f"{row.recall:.3f}",
    ]


def _check_plot(path: Path) -> None:
    """Refuse a plot that could not be drawn or written, before anything is measured."""
    if path.suffix.lower() not in _PLOT_SUFFIXES:
        raise typer.BadParameter(
            f"{path}: expected a name that ends in {', '.join(_PLOT_SUFFIXES)}",
            param_hint="--plot",
        )
    if not os.access(path.absolute().parent, os.W_OK):
        raise typer.BadParameter(f"{path}: its folder is not writable", param_hint="--plot")
    try:
        import_module("matplotlib")
    except ImportError:
        raise HashmatchError(
            "--plot needs matplotlib; install the extra: pip install 'hashmatch[analysis]'"
        ) from None


def _plot_report(report: BenchReport, title: str, path: Path) -> None:
    """Draw a bar for each backend: time of a query, bulk rate, memory, time to build."""
    from matplotlib.figure import Figure

    rows = report.rows
    panels = {
        "single query, p50 and p99 (us)": [row.single_p50_us for row in rows],
        "bulk (queries/s)": [row.bulk_queries_per_s for row in rows],
        "memory (bytes/code)": [row.bytes_per_code or float("nan") for row in rows],  # not known
        "build (s)": [row.build_s for row in rows],
    }
    names = [row.backend if row.exact else f"{row.backend}\n(approximate)" for row in rows]
    figure = Figure(figsize=(14, 1.6 + 0.5 * len(rows)), layout="constrained")
    figure.suptitle(f"{title}\n{report.machine['cpu']}", fontsize=10)
    all_axes = figure.subplots(1, len(panels), sharey=True)
    for axes, (heading, values) in zip(all_axes, panels.items(), strict=True):
        labels = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values]
        axes.bar_label(axes.barh(names, values), labels, padding=3, fontsize=8)
        axes.set_title(heading, fontsize=9)
        axes.margins(x=0.35)
    all_axes[0].plot([row.single_p99_us for row in rows], names, "k|", markersize=12)
    all_axes[0].invert_yaxis()  # shared by all
    for axes in all_axes[:2]:
        axes.set_xscale("log")
    with write_file(path) as file:
        figure.savefig(file, dpi=120, format=path.suffix[1:])
