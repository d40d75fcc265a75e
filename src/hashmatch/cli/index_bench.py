"""`hashmatch index bench`."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
import csv
import sys
from dataclasses import asdict, fields
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashmatch.cli.display import print_json, print_note, print_table
from hashmatch.cli.options import AsJson
from hashmatch.errors import HashListError, HashmatchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hashmatch.interop import BenchReport


PLOT_SUFFIXES = (".png", ".svg", ".pdf")

# Names of hashmatch.interop, which takes long to import.
Backend = StrEnum(
    "Backend",
    {
        "native": "native",
        "flat": "faiss-flat",
        "multihash": "faiss-multihash",
        "hnsw": "faiss-hnsw",
    },
)
Skew = StrEnum("Skew", ["uniform", "clustered", "duplicates"])


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
            help="A built index, or a list file, to take codes from; synthetic codes by default.",
            exists=True,
            show_default=False,
        ),
    ] = None,
    *,
    codes: Annotated[
        int | None,
        typer.Option(metavar="N", parser=_count, help="Synthetic codes; by default 100,000."),
    ] = None,
    bits: Annotated[
        int | None, typer.Option(metavar="BITS", help="Width of synthetic codes; by default 256.")
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
        typer.Option(metavar="BITS", min=0, help="Inclusive; by default bits / 8 - 1."),
    ] = None,
    backends: Annotated[
        list[Backend] | None,
        typer.Option(
            "--backend",
            metavar="NAME",
            help="native, faiss-flat, faiss-multihash or faiss-hnsw, which is approximate; may be "
            "repeated. By default the exact ones.",
        ),
    ] = None,
    algorithm: Annotated[str, typer.Option(help="Which codes of DIR.")] = "pdq",
    queries: Annotated[
        int, typer.Option(metavar="N", parser=_count, help="Queries of the bulk call, at most.")
    ] = 100_000,
    threads: Annotated[
        int, typer.Option(metavar="N", min=1, max=1024, help="For building and the bulk call.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Determines codes and queries.")] = 0,
    limit_s: Annotated[
        float,
        typer.Option("--limit", metavar="SECONDS", min=0.0, help="Time for each figure, about."),
    ] = 10.0,
    as_json: AsJson = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the figures; needs the extra analysis."),
    ] = None,
) -> None:
    """Time index backends side by side.

    Half of the queries lie near a stored code, and some answers of each backend are compared with
    brute force. The table goes to stderr; the rows go to stdout, as CSV unless that is a terminal,
    or as JSON.

    Example: hashmatch index bench --codes 1e6 --skew clustered --backend native --json
    """
    from hashmatch.interop import BACKENDS, BenchRow, bench_backends

    if plot is not None:
        _check_plot(plot)
    if source is None:
        skew = skew or Skew.uniform
        measured = _draw_codes(codes or 100_000, 256 if bits is None else bits, skew, seed)
        origin = f"synthetic, {skew}"
    elif (codes, bits, skew) == (None, None, None):
        measured = _read_codes(source, algorithm)
        origin = f"{source}, {algorithm}"
    else:
        raise typer.BadParameter(
            "--codes, --bits and --skew are for synthetic codes, without a DIR", param_hint="DIR"
        )
    n_bytes = measured.shape[1]
    radius = n_bytes - 1 if radius is None else radius
    if radius > 8 * n_bytes:
        raise typer.BadParameter(f"the codes have {8 * n_bytes} bits only", param_hint="--radius")
    report = bench_backends(
        measured,
        backends=list(dict.fromkeys(map(str, backends or BACKENDS[:3]))),
        radius=radius,
        n_bulk=queries,
        seed=seed,
        threads=threads,
        limit_s=limit_s,
    )
    title = (
        f"{len(measured):,} codes of {8 * n_bytes} bits ({origin}), radius {radius}, "
        f"{threads} thread{'s' if threads > 1 else ''}"
    )
    if as_json:
        data = {"codes": origin, "skew": skew, "seed": seed}
        print_json({"data": data, **asdict(report)})
    else:
        _print_table(report, title)
        if not sys.stdout.isatty():
            names = [field.name for field in fields(BenchRow)]
            rows = csv.DictWriter(sys.stdout, names, lineterminator="\n")
            rows.writeheader()
            rows.writerows(map(asdict, report.rows))
    for backend, reason in report.refused.items():
        print_note(f"hashmatch: {backend} left out: {reason}")
    if not report.rows:
        raise typer.Exit(1)
    if plot is not None:
        _draw_plot(report, title, plot)


def _draw_codes(n: int, bits: int, skew: str, seed: int) -> NDArray[np.uint8]:
    from hashmatch.interop import synthetic_codes

    if bits % 8 or not 64 <= bits <= 512:
        raise typer.BadParameter("expected a multiple of 8 of 64 to 512", param_hint="--bits")
    return synthetic_codes(n, bits, skew=skew, seed=seed)


def _read_codes(source: Path, algorithm: str) -> NDArray[np.uint8]:
    codes = (_read_index if source.is_dir() else _read_list)(source, algorithm)
    if not len(codes):
        raise typer.BadParameter(f"{source} has no {algorithm} codes", param_hint="DIR")
    return codes


def _read_index(directory: Path, algorithm: str) -> NDArray[np.uint8]:
    from hashmatch.index import Index

    index = Index.open(directory)
    if algorithm not in index.algorithms:
        held = ", ".join(index.algorithms) or "nothing"
        raise typer.BadParameter(f"the index holds {held}", param_hint="--algorithm")
    return index.codes(algorithm)


def _read_list(path: Path, algorithm: str) -> NDArray[np.uint8]:
    import numpy as np
    import pyarrow.compute as pc

    from hashmatch.hashing import get_algorithm
    from hashmatch.lists import ListReading, read_list

    try:
        n_bytes = get_algorithm(algorithm).bits // 8
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--algorithm") from None
    table = read_list(path, ListReading(harm="unknown")).table
    codes: list[Any] = table.filter(pc.field("algorithm") == algorithm)["code"].to_pylist()
    if any(len(code) != n_bytes for code in codes):
        raise HashListError(
            f"{path}: {algorithm} hashes have {2 * n_bytes} hex digits, and some have not; build "
            "an index to learn which row it is"
        )
    return np.frombuffer(b"".join(codes), np.uint8).reshape(-1, n_bytes)


def _print_table(report: BenchReport, title: str) -> None:
    if not report.rows:
        return
    machine = report.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    headings = ("backend", "build s", "bytes/code", "p50 us", "p99 us", "bulk queries/s", "recall")
    caption = f"{machine['cpu']}, kernel {machine['kernel']}, {versions}"
    cells = [
        (
            row.backend if row.exact else f"{row.backend} (approximate; {row.task})",
            f"{row.build_s:.3f}",
            "?" if row.bytes_per_code is None else f"{row.bytes_per_code:.0f}",
            f"{row.single_p50_us:,.1f}",
            f"{row.single_p99_us:,.1f}",
            f"{row.bulk_queries_per_s:,.0f}",
            "exact" if row.exact else f"{row.recall:.3f}",
        )
        for row in report.rows
    ]
    print_table(title, headings, cells, caption=caption)


def _check_plot(path: Path) -> None:
    """Refuse a plot that could not be drawn or written, before anything is measured."""
    if path.suffix.lower() not in PLOT_SUFFIXES:
        raise typer.BadParameter(
            f"{path}: expected a name that ends in {', '.join(PLOT_SUFFIXES)}", param_hint="--plot"
        )
    if not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"{path.parent}: no such folder", param_hint="--plot")
    existed = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--plot") from None
    if not existed:
        path.unlink()
    try:
        import_module("matplotlib")
    except ImportError:
        raise HashmatchError(
            "--plot needs matplotlib; install the extra: pip install 'hashmatch[analysis]'"
        ) from None


def _draw_plot(report: BenchReport, title: str, path: Path) -> None:
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
    colours = ["#4c78a8" if row.exact else "#d08770" for row in rows]
    figure = Figure(figsize=(14, 1.6 + 0.5 * len(rows)), layout="constrained")
    figure.suptitle(f"{title}\n{report.machine['cpu']}", fontsize=10)
    for number, ((heading, values), axes) in enumerate(
        zip(panels.items(), figure.subplots(1, len(panels), sharey=True), strict=True)
    ):
        bars = axes.barh(names, values, color=colours)
        labels = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values]
        axes.bar_label(bars, labels, padding=3, fontsize=8)
        if number == 0:
            axes.invert_yaxis()  # shared by all
            axes.plot([row.single_p99_us for row in rows], names, "k|", markersize=12)
        if number < 2:
            axes.set_xscale("log")
        axes.set_title(heading, fontsize=9)
        axes.margins(x=0.35)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
