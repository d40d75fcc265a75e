"""`hashmatch index bench`."""

from __future__ import annotations

import sys
from dataclasses import asdict, astuple, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hashmatch.cli.display import print_json, print_note, print_table, write_csv
from hashmatch.cli.index_bench_plot import check_plot, plot_report
from hashmatch.cli.options import AlgorithmName, AsJson, find_algorithm, open_index
from hashmatch.errors import HashListError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hashmatch.interop import BenchReport, BenchRow

Skew = Literal["uniform", "clustered", "duplicates"]


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
        typer.Option(metavar="BITS", min=0, help="Inclusive; by default bits / 8 - 1."),
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
        int, typer.Option(metavar="N", min=1, max=1024, help="For building and the bulk call.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of codes and queries.")] = 0,
    limit_s: Annotated[
        float,
        typer.Option(
            "--limit", metavar="SECONDS", min=0.0, help="Time for each figure, approximately."
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

    Answers of each backend are compared with brute force; half of the queries lie near a stored
    code. The table goes to stderr, and the rows go to stdout if that is not a terminal, as CSV by
    default.

    Example: hashmatch index bench --codes 1e6 --skew clustered --backend native --json
    """
    from hashmatch.interop import bench_backends, synthetic_codes

    if plot is not None:
        check_plot(plot)
    if source is not None:
        if (codes, bits, skew) != (None, None, None):
            raise typer.BadParameter(
                "--codes, --bits and --skew are for synthetic codes, without a DIR",
                param_hint="DIR",
            )
        measured = _read_codes(source, algorithm)
        origin = f"{source}, {algorithm}"
    else:
        skew, bits = skew or "uniform", bits or 256
        if bits % 8:
            raise typer.BadParameter("expected a multiple of 8", param_hint="--bits")
        measured = synthetic_codes(codes or 100_000, bits, skew=skew, seed=seed)
        origin = f"synthetic, {skew}"
    bits = 8 * measured.shape[1]
    if radius is not None and radius > bits:
        raise typer.BadParameter(f"the codes have {bits} bits only", param_hint="--radius")
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
        data = {"codes": origin, "skew": skew, "seed": seed}
        print_json({"data": data, **asdict(report)})
    elif report.rows:
        _print_report(report, origin)
    for backend, reason in report.refused.items():
        print_note(f"hashmatch: {backend} left out: {reason}")
    if plot is not None and report.rows:
        plot_report(report, origin, plot)
    if not report.rows:
        raise typer.Exit(1)


def _read_codes(source: Path, algorithm: str) -> NDArray[np.uint8]:
    if source.is_dir():
        codes = open_index(source, algorithm).codes(algorithm)
    else:
        codes = _read_listed_codes(source, algorithm)
    if not len(codes):
        raise typer.BadParameter(f"{source} has no {algorithm} codes", param_hint="DIR")
    return codes


def _read_listed_codes(path: Path, algorithm: str) -> NDArray[np.uint8]:
    import numpy as np
    import pyarrow.compute as pc

    from hashmatch.lists import ListReading, read_list

    n_bytes = find_algorithm(algorithm).bits // 8
    table = read_list(path, ListReading(harm="unknown")).table
    codes: list[Any] = table.filter(pc.field("algorithm") == algorithm)["code"].to_pylist()
    if any(len(code) != n_bytes for code in codes):
        raise HashListError(
            f"{path}: {algorithm} hashes have {2 * n_bytes} hex digits, and some have not; build "
            "an index to learn which row it is"
        )
    return np.frombuffer(b"".join(codes), np.uint8).reshape(-1, n_bytes)


def _print_report(report: BenchReport, codes: str) -> None:
    first, machine = report.rows[0], report.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    print_table(
        f"{first.n_codes:,} codes of {first.bits} bits ({codes}), radius {first.radius}, "
        f"{first.threads} thread{'s' if first.threads > 1 else ''}",
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
