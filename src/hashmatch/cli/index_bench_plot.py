"""Bar charts of the figures of `hashmatch index bench`."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hashmatch.errors import HashmatchError

if TYPE_CHECKING:
    from hashmatch.interop import BenchReport

SUFFIXES = (".png", ".svg", ".pdf")

_APPROXIMATE_COLOUR, _EXACT_COLOUR = "#d08770", "#4c78a8"


def check_plot(path: Path) -> None:
    """Refuse a plot that could not be drawn or written, before anything is measured."""
    if path.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(
            f"{path}: expected a name that ends in {', '.join(SUFFIXES)}", param_hint="--plot"
        )
    if not os.access(path.absolute().parent, os.W_OK):
        raise typer.BadParameter(f"{path}: its folder is not writable", param_hint="--plot")
    try:
        import_module("matplotlib")
    except ImportError:
        raise HashmatchError(
            "--plot needs matplotlib; install the extra: pip install 'hashmatch[analysis]'"
        ) from None


def plot_report(report: BenchReport, described: str, path: Path) -> None:
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
    colours = [_EXACT_COLOUR if row.exact else _APPROXIMATE_COLOUR for row in rows]
    figure = Figure(figsize=(14, 1.6 + 0.5 * len(rows)), layout="constrained")
    figure.suptitle(
        f"{rows[0].n_codes:,} codes of {rows[0].bits} bits ({described}), radius "
        f"{rows[0].radius}\n{report.machine['cpu']}",
        fontsize=10,
    )
    for number, ((title, values), axes) in enumerate(
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
        axes.set_title(title, fontsize=9)
        axes.margins(x=0.35)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
