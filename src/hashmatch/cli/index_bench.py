"""`hashmatch index bench`."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
import csv
import sys
from dataclasses import asdict, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashmatch.cli.display import print_json, print_note, print_table
from hashmatch.cli.options import AsJson
from hashmatch.errors import HashListError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hashmatch.hamming.bench import BenchReport, BenchRow


class Backend(StrEnum):
    """What can search an index."""

    native = "native"
    faiss_flat = "faiss-flat"
    faiss_multihash = "faiss-multihash"
    faiss_hnsw = "faiss-hnsw"


class Skew(StrEnum):
    """How synthetic codes are spread."""

    uniform = "uniform"
    clustered = "clustered"
    duplicates = "duplicates"


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
            help="A built index, or a list file, to take codes from; synthetic codes if left out.",
            exists=True,
            show_default=False,
        ),
    ] = None,
    *,
    codes: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=_count, help="Synthetic codes; 100,000.", show_default=False
        ),
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(metavar="BITS", help="Width of synthetic codes; 256.", show_default=False),
    ] = None,
    skew: Annotated[
        Skew | None,
        typer.Option(
            metavar="HOW",
            help="Synthetic codes: uniform (by chance), clustered (a tenth in tight clusters) or "
            "duplicates (a tenth identical).",
            show_default=False,
        ),
    ] = None,
    radius: Annotated[
        int | None,
        typer.Option(
            metavar="BITS", min=0, help="Inclusive; one bit in eight, less one, if left out."
        ),
    ] = None,
    backends: Annotated[
        list[Backend] | None,
        typer.Option(
            "--backend",
            metavar="NAME",
            help="native, faiss-flat, faiss-multihash or faiss-hnsw, which is approximate; may be "
            "repeated. The exact ones if left out.",
            show_default=False,
        ),
    ] = None,
    algorithm: Annotated[str, typer.Option(help="Which codes of DIR.")] = "pdq",
    queries: Annotated[
        int, typer.Option(metavar="N", parser=_count, help="Queries of the bulk call, at most.")
    ] = 100_000,
    threads: Annotated[
        int, typer.Option(metavar="N", min=1, max=1024, help="For building and the bulk call.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Chooses codes and queries.")] = 0,
    limit_s: Annotated[
        float,
        typer.Option(
            "--limit", metavar="SECONDS", min=0.0, help="Time for each figure of a slow backend."
        ),
    ] = 10.0,
    as_json: AsJson = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Draw the figures, too; needs the extra analysis.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Time index backends side by side.

    Each backend's answers are compared with brute force before it is timed; half of the queries
    lie near a stored code. The table goes to stderr; the rows go to stdout, as CSV unless told
    otherwise, where that is not a terminal.

    Example: hashmatch index bench --codes 1e6 --skew clustered --backend native --json
    """
    from hashmatch.hamming.bench import bench_backends

    if plot is not None:
        from hashmatch.cli.index_bench_plot import check_plot

        check_plot(plot)
    measured, described = _codes(source, algorithm, n=codes, bits=bits, skew=skew, seed=seed)
    if radius is not None and radius > 8 * measured.shape[1]:
        raise typer.BadParameter(
            f"the codes have {8 * measured.shape[1]} bits only", param_hint="--radius"
        )
    chosen = backends or [Backend.native, Backend.faiss_flat, Backend.faiss_multihash]
    report = bench_backends(
        measured,
        backends=[one.value for one in dict.fromkeys(chosen)],
        radius=radius,
        n_bulk=queries,
        seed=seed,
        threads=threads,
        limit_s=limit_s,
    )
    if as_json:
        print_json({"data": described, **report.to_dict()})
    else:
        _print_table(report, described)
        if not sys.stdout.isatty():
            _print_csv(report)
    for backend, reason in report.refused.items():
        print_note(f"hashmatch: {backend} left out: {reason}")
    if plot is not None and report.rows:
        from hashmatch.cli.index_bench_plot import plot_report

        plot_report(report, described["codes"], plot)
    if not report.rows:
        raise typer.Exit(1)


def _codes(
    source: Path | None,
    algorithm: str,
    *,
    n: int | None,
    bits: int | None,
    skew: Skew | None,
    seed: int,
) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Return the codes to measure with, and what they are in words."""
    if source is None:
        from hashmatch.hamming.bench_data import synthetic_codes

        bits = 256 if bits is None else bits
        if bits % 8 or not 64 <= bits <= 512:
            raise typer.BadParameter("expected a multiple of 8 of 64 to 512", param_hint="--bits")
        how = (skew or Skew.uniform).value
        made = synthetic_codes(n or 100_000, bits, skew=how, seed=seed)
        return made, {"codes": f"synthetic, {how}", "skew": how, "seed": seed}
    if (n, bits, skew) != (None, None, None):
        raise typer.BadParameter(
            "--codes, --bits and --skew are for synthetic codes, without a DIR", param_hint="DIR"
        )
    held = _built_codes(source, algorithm) if source.is_dir() else _listed_codes(source, algorithm)
    if not len(held):
        raise typer.BadParameter(f"{source} has no {algorithm} codes", param_hint="DIR")
    return held, {"codes": f"{source}, {algorithm}", "skew": None, "seed": seed}


def _built_codes(directory: Path, algorithm: str) -> NDArray[np.uint8]:
    from hashmatch.index import Index

    index = Index.open(directory)
    if algorithm not in index.algorithms:
        held = ", ".join(index.algorithms) or "nothing"
        raise typer.BadParameter(f"the index holds {held}", param_hint="--algorithm")
    return index.codes(algorithm)


def _listed_codes(path: Path, algorithm: str) -> NDArray[np.uint8]:
    import numpy as np

    from hashmatch.hashing import get_algorithm
    from hashmatch.lists import ListReading, read_list

    try:
        n_bytes = get_algorithm(algorithm).bits // 8
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--algorithm") from None
    table = read_list(path, ListReading(harm="unknown")).table
    rows = table.select(["code", "algorithm"]).to_pylist()
    held: list[bytes] = [row["code"] for row in rows if row["algorithm"] == algorithm]
    if any(len(code) != n_bytes for code in held):
        raise HashListError(
            f"{path}: {algorithm} hashes have {2 * n_bytes} hex digits, and some have not; build "
            "an index to learn which row it is"
        )
    return np.frombuffer(b"".join(held), np.uint8).reshape(-1, n_bytes)


def _print_table(report: BenchReport, described: dict[str, Any]) -> None:
    if not report.rows:
        return
    first, machine = report.rows[0], report.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    title = (
        f"{first.n_codes:,} codes of {first.bits} bits ({described['codes']}), radius "
        f"{first.radius}, {first.threads} thread{'s' if first.threads > 1 else ''}"
    )
    headings = ("backend", "build s", "bytes/code", "p50 us", "p99 us", "bulk queries/s", "recall")
    print_table(
        title,
        headings,
        [_cells(row) for row in report.rows],
        caption=f"{machine['cpu']}, kernel {machine['kernel']}, {versions}",
    )


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


def _print_csv(report: BenchReport) -> None:
    from hashmatch.hamming.bench import BenchRow

    rows = csv.DictWriter(
        sys.stdout, [field.name for field in fields(BenchRow)], lineterminator="\n"
    )
    rows.writeheader()
    rows.writerows(asdict(row) for row in report.rows)
