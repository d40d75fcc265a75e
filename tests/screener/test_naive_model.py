"""The whole road against a naive model, on the demo's uploads: pdqhash, loops and dictionaries."""

import csv
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pdqhash
import pytest
from PIL import Image

from hashmatch.screener import Screener, ScreeningOptions

VIEWS = (
    "as_stored",
    "rot90",
    "rot180",
    "rot270",
    "flipx",
    "flipy",
    "transpose",
    "anti_transpose",
)
MATCH_KEYS = ("list", "list_version", "entry_id", "harm", "distance", "view")
GRAVEST = ("block", "quarantine", "review", "log", "allow")
MOST_URGENT = ("critical", "high", "medium", "low")


def naive_entries(demo: Path) -> list[dict[str, Any]]:
    """Read the recipe and its lists with the standard library only."""
    entries = []
    for one in tomllib.loads((demo / "recipe.toml").read_text())["lists"]:
        path, columns = demo / one["file"], one.get("columns", {})
        if path.suffix == ".csv":
            with path.open(newline="") as file:
                rows: list[dict[str, Any]] = list(csv.DictReader(file))
        else:
            rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            if row.get("status", "active") == "active":
                code = bytes.fromhex(row[columns.get("hash", "hash")])
                entries.append(
                    {
                        "list": one["name"],
                        "list_version": one["version"],
                        "entry_id": row[columns.get("entry_id", "entry_id")],
                        "harm": one["harm"],
                        "bits": np.unpackbits(np.frombuffer(code, np.uint8)),
                    }
                )
    return entries


def naive_matches(picture: Path, entries: list[dict[str, Any]]) -> tuple[int, list[dict[str, Any]]]:
    with Image.open(picture) as image:
        codes, quality = pdqhash.compute_dihedral(np.asarray(image.convert("RGB")))
    matches = []
    for entry in entries:
        distances = [int(np.count_nonzero(code != entry["bits"])) for code in codes]
        distance = min(distances)
        if distance <= 31:
            view = VIEWS[distances.index(distance)]
            match = {**entry, "distance": distance, "view": view}
            matches.append({key: match[key] for key in MATCH_KEYS})
    return quality, sorted(matches, key=lambda m: (m["distance"], m["list"], m["entry_id"]))


def naive_outcome(
    policy: dict[str, Any], matches: list[dict[str, Any]], quality: int
) -> dict[str, Any]:
    fired: dict[str, int] = {}
    for match in matches:
        for rule in policy["rules"]:
            when = rule["when"]
            fits = match["harm"] == when["harm"] and match["distance"] <= when["max_distance"]
            if fits and quality >= when.get("min_quality", 50):
                fired[rule["name"]] = fired.get(rule["name"], 0) + 1
                break
    rules = [rule for rule in policy["rules"] if rule["name"] in fired]
    aside = {name for rule in rules for name in rule.get("suppresses", [])}
    standing = [rule for rule in rules if rule["name"] not in aside]
    queued = sorted(
        (rule for rule in standing if "queue" in rule),
        key=lambda rule: MOST_URGENT.index(rule.get("priority", "medium")),
    )
    return {
        "fired": fired,
        "action": min(
            (rule["action"] for rule in standing), key=GRAVEST.index, default=policy["default"]
        ),
        "queue": queued[0]["queue"] if queued else None,
        "priority": queued[0]["priority"] if queued else None,
    }


@pytest.mark.parametrize("decode", ["luma", "exact"])
def test_the_whole_road_equals_the_naive_model(
    demo: Path, decode: str, uploads: list[Path], tmp_path: Path
) -> None:
    entries = naive_entries(demo)
    # The other views have tests of their own, in test_views.py.
    rules = tmp_path / "policy.toml"
    rules.write_text('views = ["orientations"]\n' + (demo / "policy.toml").read_text())
    policy = tomllib.loads(rules.read_text())
    screener = Screener.open(demo, rules, options=ScreeningOptions(decode=decode))
    n_matched = 0
    for path in uploads:
        decision = screener.screen(path)
        assert decision.content_id == str(path)
        assert decision.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() or not (
            path.stat().st_size
        )
        if decision.error is not None:
            assert path.name in {"empty.jpg", "rocket-truncated.jpg", "text-file.jpg"}
            assert (decision.action, decision.queue) == ("review", "undecodable")
            is_cut = path.name == "rocket-truncated.jpg"  # and hashed as far as it goes
            assert bool(decision.hashes) == is_cut
            assert (decision.matches, decision.rules) == ((), ())
            continue
        quality, matches = naive_matches(path, entries)
        found = [{key: getattr(one, key) for key in MATCH_KEYS} for one in decision.matches]
        assert found == matches, path
        assert decision.n_matches == len(matches)
        outcome = naive_outcome(policy, matches, quality)
        assert {rule.name: rule.n_matches for rule in decision.rules} == outcome.pop("fired")
        for name, value in outcome.items():
            assert getattr(decision, name) == value, (path, name)
        assert decision.would_action == decision.action
        if matches:  # what may have been decided by is exact
            assert {made.decode for made in decision.hashes} == {"exact"}
            assert decision.hashes[0].quality == quality
        n_matched += bool(matches)
    assert n_matched == 16
