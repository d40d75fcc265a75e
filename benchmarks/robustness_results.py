"""Results of `benchmarks.robustness` as JSON, a table and a plot."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hashmatch
from hashmatch.interop import describe_machine

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
    """Return the share of the counted distances that lies within a radius."""
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
    results = {**facts, "contenders": summary}
    paths[0].write_text(json.dumps(results, indent=1) + "\n")
    paths[1].write_text(table(counted, n_photos, facts))
    plot(results, paths[2])
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


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw recall by transform, and recall against false matches at each radius."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 11), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    draw_transforms(left, results["contenders"])
    draw_trade_off(right, results["contenders"])
    figure.suptitle(f"Copies of {results['photographs']} photographs that are still found")
    figure.savefig(path, dpi=100)


def draw_transforms(axes: Any, contenders: dict[str, Any]) -> None:
    """Draw a field for each transform and contender: recall in percent, in figures and colour."""
    transforms = list(next(iter(contenders.values()))["recall"])
    shares = [
        [100 * one["recall"][name][str(shown_radius(one))] for one in contenders.values()]
        for name in transforms
    ]
    axes.imshow(shares, cmap="RdYlGn", vmin=0, vmax=100, aspect="auto", alpha=0.75)
    for row, values in enumerate(shares):
        for column, value in enumerate(values):
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8)
    names = [name.replace(", ", ",\n").replace("imagehash ", "imagehash\n") for name in contenders]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=9)
    axes.set_yticks(range(len(transforms)), transforms, fontsize=9)
    axes.xaxis.tick_top()
    axes.set_xlabel("recall in percent: PDQ within 31 bits of 256, the others within 8 of 64")


def draw_trade_off(axes: Any, contenders: dict[str, Any]) -> None:
    """Draw a line for each contender through its radii."""
    for contender, one in contenders.items():
        false = list(one["false_match_rate"].values())
        recall = [
            100
            * sum(by_radius[radius] for by_radius in one["recall"].values())
            / len(one["recall"])
            for radius in one["false_match_rate"]
        ]
        line = "--" if contender.startswith("pdqhash") else "-"
        axes.plot(false, recall, line, marker="o", color=COLOURS[contender], label=contender)
        for radius, at, height in zip(one["false_match_rate"], false, recall, strict=True):
            if max(false) > 0 or contender in {"hashmatch, all views", "imagehash phash"}:
                axes.annotate(radius, (at, height), (6, -3), textcoords="offset points", fontsize=8)
    axes.set_xscale("symlog", linthresh=1e-6)
    axes.set(
        xlabel="false match rate over all unrelated pairs",
        ylabel="recall, mean over all transforms (%)",
        title="As the radius grows (figures: bits)",
        xlim=(-2e-7, 1e-2),
        ylim=(40, 100),
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", fontsize=9)


def shown_radius(contender: dict[str, Any]) -> int:
    return next(radius for radius in (31, 8) if str(radius) in contender["false_match_rate"])
