"""The results of `benchmarks.compare_indexes` as a table, as JSON and as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BASE = "faiss-flat"
BUILD_BASE = "faiss-multihash"
COLUMNS = (
    *("engine", "single, us", "p99, us", "x faiss", "bulk, us a query", "x faiss"),
    *("eight in a call, us", "x faiss", "build, s", "x MultiHash"),
    *("B a code, memory", "B a code, disk", "open, ms", "first query, ms", "recall"),
)


def write_results(report: dict[str, Any], folder: Path) -> list[Path]:
    """Write all three and return their paths; the picture only if matplotlib is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = name_of(report)
    table, data = folder / f"{stem}.md", folder / f"{stem}.json"
    data.write_text(json.dumps(report, indent=1) + "\n")
    table.write_text(as_markdown(report))
    paths = [table, data]
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return paths
    picture = folder / f"{stem}.png"
    draw(report, picture)
    return [*paths, picture]


def name_of(report: dict[str, Any]) -> str:
    """Return a name such as index-1e6, or index-3e5-64bits-r9-clustered."""
    digits = str(report["codes"]).rstrip("0")
    zeros = len(str(report["codes"])) - len(digits)
    parts = ["index", f"{digits}e{zeros}" if zeros > 2 else str(report["codes"])]
    if report["bits"] != 256:
        parts.append(f"{report['bits']}bits")
    if report["radius"] != report["bits"] // 8 - 1:
        parts.append(f"r{report['radius']}")
    if report["skew"] != "uniform":
        parts.append(report["skew"])
    return "-".join(parts)


def as_markdown(report: dict[str, Any]) -> str:
    machine, results = report["machine"], report["results"]
    measured = {name: row for name, row in results.items() if "left_out" not in row}
    versions = ", ".join(f"{row['name']} {row['version']}" for row in measured.values())
    lines = [
        f"# {report['codes']:,} codes of {report['bits']} bits, radius {report['radius']}",
        "",
        f"Made by `{report['command']}` on {report['date']}; {report['skew']} codes, half of the "
        "queries near a stored code, all distinct, one thread, answers compared with brute force. "
        f"{machine['cpu']}, kernel {machine['kernel']}, {machine['system']}, Python "
        f"{machine['python']}, numpy {machine['versions']['numpy']}; {versions}.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---" + "|---:" * (len(COLUMNS) - 1) + "|",
        *(as_row(row, measured) for row in measured.values()),
        "",
        "Times are medians of single calls through the Python API (p99 beside them), of calls with "
        "eight queries as the orientations of one picture are, and of one call with many: "
        + "; ".join(f"{row['name']} {row['bulk_queries']:,}" for row in measured.values())
        + ". Ratios are times faster than faiss IndexBinaryFlat; for building, the share of what "
        "faiss IndexBinaryMultiHash takes. Memory is what the process grew by; opening is from the "
        "page cache. The most memory a process held: "
        + "; ".join(f"{row['name']} {row['peak_bytes'] / 1e9:.1f} GB" for row in measured.values())
        + ".",
    ]
    left_out = {name: row["left_out"] for name, row in results.items() if "left_out" in row}
    lines += (
        ["", *(f"Left out: {name}, {why}." for name, why in left_out.items())] if left_out else []
    )
    return "\n".join(lines) + "\n"


def as_row(row: dict[str, Any], measured: dict[str, dict[str, Any]]) -> str:
    def faster(key: str) -> str:
        base = measured.get(BASE)
        return f"{base[key] / row[key]:,.3g}" if base else ""

    def figure(key: str, digits: int) -> str:
        return f"{row[key]:,.{digits}f}" if key in row else ""

    built = measured.get(BUILD_BASE)
    cells = [
        row["name"] if row["exact"] else f"{row['name']} (approximate)",
        figure("single_p50_us", 1),
        figure("single_p99_us", 1),
        faster("single_p50_us"),
        figure("bulk_us_per_query", 2),
        faster("bulk_us_per_query"),
        figure("eight_p50_us", 1),
        faster("eight_p50_us"),
        figure("build_s", 2),
        f"{row['build_s'] / built['build_s']:.2f}" if built else "",
        figure("memory_bytes_per_code", 0),
        figure("disk_bytes_per_code", 0),
        figure("open_ms", 1),
        figure("first_query_ms", 2),
        "exact" if row["exact"] else f"{row['recall']:.3f}",
    ]
    return "| " + " | ".join(cells) + " |"


def draw(report: dict[str, Any], path: Path) -> None:
    from matplotlib.figure import Figure

    measured = [row for row in report["results"].values() if "left_out" not in row]
    names = [row["name"] if row["exact"] else f"{row['name']} (approx.)" for row in measured]
    colours = ["#c44e52" if row["name"] == "hashmatch" else "#8c8c8c" for row in measured]
    panels = {
        "single query, us": "single_p50_us",
        "bulk, us a query": "bulk_us_per_query",
        "eight in a call, us": "eight_p50_us",
        "build, s": "build_s",
    }
    figure = Figure(figsize=(15, 1.4 + 0.45 * len(measured)), layout="constrained")
    figure.suptitle(
        f"{report['codes']:,} {report['skew']} codes of {report['bits']} bits, radius "
        f"{report['radius']}, one thread, {report['machine']['cpu']} "
        "(log scales; shorter is better)",
        fontsize=10,
    )
    grid = figure.subplots(1, len(panels), sharey=True)
    grid[0].invert_yaxis()
    for axes, (title, key) in zip(grid, panels.items(), strict=True):
        values = [row[key] for row in measured]
        bars = axes.barh(names, values, color=colours)
        labels = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values]
        axes.bar_label(bars, labels, padding=3, fontsize=8)
        axes.set_xscale("log")
        axes.set_title(title, fontsize=9)
        axes.margins(x=0.35)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
