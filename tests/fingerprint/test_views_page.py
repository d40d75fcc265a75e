"""docs/views.md quotes benchmarks/results/robustness.json, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = json.loads((ROOT / "benchmarks" / "results" / "robustness.json").read_text())
PAGE = (ROOT / "docs" / "views.md").read_text()

ROWS = {
    "as stored": "hashmatch, as stored",
    "and `orientations`": "hashmatch, orientations",
    "and `trimmed`": "hashmatch, and trimmed",
    "all": "hashmatch, all views",
}
COLUMNS = (
    "rotate 90 degrees", "mirror", "letterbox 10%, black", "border 2%, white",
    "border 20%, white, mirror", "drawn in alpha", "a frame of an animation",
)  # fmt: skip


def percent(share: float) -> str:
    return {0.0: "0", 1.0: "100%"}.get(share, f"{share:.1%}")


def test_the_figures_are_those_of_the_benchmark() -> None:
    for name, contender in ROWS.items():
        measured = RESULTS["contenders"][contender]
        recall = {key: by_radius["31"] for key, by_radius in measured["recall"].items()}
        cells = [percent(sum(recall.values()) / len(recall))]
        cells += [percent(recall[column]) for column in COLUMNS]
        cells += [percent(measured["false_match_rate"]["31"])]
        assert f"| {name} | {' | '.join(cells)} |" in PAGE
    n_photos, n_transforms = RESULTS["photographs"], len(recall)
    assert f"copies of {n_photos} photographs" in PAGE
    assert f"all {n_transforms} transforms" in PAGE
    assert f"{n_photos * n_transforms * (n_photos - 1):,} pairs" in re.sub(r"\s+", " ", PAGE)
