"""The figures of `benchmarks.robustness` as JSON, a table and a picture."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hashmatch
from hashmatch.index.machine import describe_machine

Counted = dict[str, dict[str, dict[str, list[int]]]]

COMMAND = "python -m benchmarks.robustness PHOTOS"
PDQ_RADII, OTHER_RADII = (10, 20, 31, 40), (2, 4, 8, 10)
PDQ_BINS = 257
SHOWN_RADIUS = {PDQ_BINS: 31, 65: 8}
COLOURS = {
    "hashmatch, as stored": "#9ecae1",
    "hashmatch, orientations": "#6baed6",
    "hashmatch, and trimmed": "#2171b5",
    "hashmatch, all views": "#08306b",
    "pdqhash": "#fdae6b",
    "pdqhash, dihedral": "#e6550d",
    "imagehash phash": "#31a354",
    "imagehash dhash": "#74c476",
    "imagehash average_hash": "#bdbdbd",
    "imagehash whash": "#969696",
}


def share(counts: list[int], radius: int) -> float:
    """Return what part of the counted distances lies within a radius."""
    return sum(counts[: radius + 1]) / max(1, sum(counts))


def together(by_transform: dict[str, dict[str, list[int]]], key: str) -> list[int]:
    return [
        sum(column) for column in zip(*(one[key] for one in by_transform.values()), strict=True)
    ]


def write_results(counted: Counted, n_photos: int, folder: Path) -> list[Path]:
    """Write robustness.json, .md and .png; return their paths."""
    folder.mkdir(exist_ok=True)
    facts = {
        "command": COMMAND,
        "photographs": n_photos,
        "machine": describe_machine(),
        "versions": {"hashmatch": hashmatch.__version__}
        | {name: version(name) for name in ("pillow", "pdqhash", "imagehash", "numpy")},
    }
    paths = [folder / f"robustness.{suffix}" for suffix in ("json", "md", "png")]
    summary = {
        contender: {
            "false_match_rate": {
                str(radius): share(together(by_transform, "others"), radius)
                for radius in radii(by_transform)
            },
            "recall": {
                name: {str(radius): share(one["copies"], radius) for radius in radii(by_transform)}
                for name, one in by_transform.items()
            },
        }
        for contender, by_transform in counted.items()
    }
    paths[0].write_text(json.dumps({**facts, "contenders": summary}, indent=1) + "\n")
    paths[1].write_text(table(counted, n_photos, facts))
    plot(counted, n_photos, paths[2])
    return paths


def bins(by_transform: dict[str, dict[str, list[int]]]) -> int:
    return len(next(iter(by_transform.values()))["copies"])


def radii(by_transform: dict[str, dict[str, list[int]]]) -> tuple[int, ...]:
    return PDQ_RADII if bins(by_transform) == PDQ_BINS else OTHER_RADII


def table(counted: Counted, n_photos: int, facts: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    lines = [
        "# Which copies are still found",
        "",
        f"{n_photos} photographs, {len(next(iter(counted.values())))} transforms of each; made by",
        f"`{COMMAND}` with {versions}.",
        "",
        "## All transforms together, by radius",
        "",
        "Recall is the mean over all transforms. False matches are pairs of an upload and an entry",
        "made from another photograph; in brackets, how many of all such pairs.",
        "",
        "| contender | radius (bits) | recall | false match rate |",
        "|---|---|---|---|",
    ]
    for contender, by_transform in counted.items():
        copies, others = together(by_transform, "copies"), together(by_transform, "others")
        for radius in radii(by_transform):
            false = sum(others[: radius + 1])
            lines.append(
                f"| {contender} | {radius} | {share(copies, radius):.1%} | "
                f"{false / sum(others):.1e} ({false:,} of {sum(others):,}) |"
            )
    shown = list(counted)
    lines += [
        "",
        "## By transform",
        "",
        "Recall in percent: PDQ within 31 bits of 256, the others within 8 of 64.",
        "",
        "| transform | " + " | ".join(shown) + " |",
        "|---" * (len(shown) + 1) + "|",
    ]
    for name in next(iter(counted.values())):
        cells = [
            f"{100 * share(counted[one][name]['copies'], SHOWN_RADIUS[bins(counted[one])]):.1f}"
            for one in shown
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plot(counted: Counted, n_photos: int, path: Path) -> None:
    """Draw recall by transform, and recall against false matches as the radius grows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 11), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    draw_transforms(left, counted)
    draw_trade_off(right, counted)
    figure.suptitle(f"Copies of {n_photos} photographs that are still found", fontsize=13)
    figure.savefig(path, dpi=100)


def draw_transforms(axes: Any, counted: Counted) -> None:
    markers = {
        "imagehash phash": "s",
        "pdqhash, dihedral": "D",
        "hashmatch, as stored": ".",
        "hashmatch, orientations": "o",
        "hashmatch, and trimmed": "o",
        "hashmatch, all views": "*",
    }
    names = list(next(iter(counted.values())))[::-1]
    for contender, marker in markers.items():
        by_transform = counted[contender]
        radius = SHOWN_RADIUS[bins(by_transform)]
        recall = [100 * share(by_transform[name]["copies"], radius) for name in names]
        size = 170 if contender == "hashmatch, all views" else 60
        axes.scatter(
            recall,
            names,
            s=size,
            marker=marker,
            color=COLOURS[contender],
            label=f"{contender} ({radius} bits)",
            alpha=0.9,
            edgecolors="none",
        )
    axes.set(xlabel="recall (%)", xlim=(-3, 103), title="By transform")
    axes.margins(y=0.01)
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", fontsize=9)


def draw_trade_off(axes: Any, counted: Counted) -> None:
    for contender, by_transform in counted.items():
        copies, others = together(by_transform, "copies"), together(by_transform, "others")
        reach = range(0, bins(by_transform) // 3)
        false = [share(others, radius) for radius in reach]
        recall = [100 * share(copies, radius) for radius in reach]
        axes.plot(false, recall, color=COLOURS[contender], label=contender,
                  linestyle="--" if contender == "pdqhash" else "-")  # fmt: skip
        radius = SHOWN_RADIUS[bins(by_transform)]
        axes.plot(share(others, radius), 100 * share(copies, radius), "o", color=COLOURS[contender])
    axes.set_xscale("symlog", linthresh=1e-7)
    axes.set(
        xlabel="false match rate over all unrelated pairs",
        ylabel="recall over all transforms (%)",
        title="As the radius grows (dots: 31 bits of 256, 8 of 64)",
        xlim=(-2e-8, 1e-1),
        ylim=(0, 100),
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=9)
