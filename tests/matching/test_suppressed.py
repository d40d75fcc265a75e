"""Matches that an allow-list sets aside, of contents drawn at random, against the oracle.

The index is a table of sightings; everything from the search to the outcome is the real code.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.errors import Attempt
from hashmatch.hamming import SearchResult
from hashmatch.matching import MatchTable, entry_matches, match_fingerprints, suppressed
from hashmatch.policy import OnError, Policy, Rule
from hashmatch.values import Fingerprint, Fingerprints, IndexRef, PolicyRef
from tests.policy.oracle import Plain, Sighting, fired_by_sightings, suppressors_of, when

BITS = {"pdq": 256, "phash": 64, "md5": 128, "sha256": 256}
RADIUS = 3
HARMS = ("a", "b", "c")
N_ENTRIES = 5  # of each harm

# Name, number of the picture, whether people see it; and what the name means.
VIEWS: list[tuple[str, int, bool, tuple[str, str, str]]] = [
    ("as_stored", 0, True, ("", "", "seen")),
    ("rot90", 0, True, ("", "", "seen")),
    ("trimmed", 0, True, ("trimmed", "", "seen")),
    ("negative", 0, False, ("", "", "altered")),
    ("page2", 1, True, ("", "", "seen")),
    ("page2/segment_1", 1, True, ("segment_1", "", "seen")),
    ("page2/segment_2", 1, True, ("segment_2", "", "seen")),
    ("page3", 2, False, ("", "", "hidden")),
    ("page3/on_white", 2, True, ("", "on_white", "seen")),
    ("page3/on_white/negative", 2, False, ("", "on_white", "altered")),
    ("page3/on_black/trimmed", 2, True, ("trimmed", "on_black", "seen")),
    ("page3/on_black", 2, True, ("", "on_black", "seen")),
]
QUALITIES = [100, 20, 60, 100, 20, 100, None, 60, 100, 100, 20, 100]


class SightingIndex:
    """An index whose search returns the sightings it was given; a code is the number of a view."""

    ref = IndexRef("drawn", 1, "")
    origins = tuple(
        SimpleNamespace(list="l", list_version="1", harm=harm, classification=None)
        for harm in HARMS
    )

    def __init__(self, sightings: list[Sighting]) -> None:
        self._sightings = sightings

    def search(self, algorithm: str, codes: Any, radius: int) -> SearchResult:
        rows, distances, offsets = [], [], [0]
        for view in codes[:, 0].tolist():
            for one in self._sightings:
                if (one["algorithm"], one["view"]) == (algorithm, view):
                    assert one["distance"] <= radius
                    rows.append(one["entry"])
                    distances.append(one["distance"])
            offsets.append(len(rows))
        return SearchResult(
            np.array(offsets), np.array(rows, np.int64), np.array(distances, np.int32)
        )

    def entry_of(self, _: str, rows: Any) -> Any:
        return rows

    def origin_of(self, _: str, rows: Any) -> Any:
        return (rows % len(HARMS)).astype(np.int32)

    def entry_ids(self, _: str, rows: Any) -> list[str]:
        return [f"e{row}" for row in rows.tolist()]

    def entry_timestamps_s(self, _: str, rows: Any) -> list[None]:
        return [None] * len(rows)


def fingerprint(algorithm: str) -> Fingerprint:
    views = VIEWS[:1] if algorithm in {"md5", "sha256"} else VIEWS
    codes = np.zeros((len(views), BITS[algorithm] // 8), np.uint8)
    codes[:, 0] = np.arange(len(views))
    return Fingerprint(
        algorithm,
        "given",
        tuple(view[0] for view in views),
        codes,
        tuple(QUALITIES[: len(views)]) if algorithm == "pdq" else (None,) * len(views),
        (None,) * len(views),
        pictures=tuple(view[1] for view in views),
        is_seen=tuple(view[2] for view in views),
    )


@st.composite
def drawn_sightings(draw: st.DrawFn) -> list[Sighting]:
    found: dict[tuple[Any, ...], Sighting] = {}
    for _ in range(draw(st.integers(0, 14))):
        algorithm = draw(st.sampled_from(("pdq", "pdq", "pdq", "phash", "md5", "sha256")))
        is_digest = algorithm in {"md5", "sha256"}
        view = 0 if is_digest else draw(st.integers(0, len(VIEWS) - 1))
        entry = draw(st.integers(0, N_ENTRIES * len(HARMS) - 1))
        region, appearance, sight = VIEWS[view][3]
        found[algorithm, view, entry] = {
            "entry": entry,
            "algorithm": algorithm,
            "view": view,
            "distance": 0 if is_digest else draw(st.integers(0, RADIUS)),
            "quality": QUALITIES[view] if algorithm == "pdq" else None,
            "bits": BITS[algorithm],
            "harm": HARMS[entry % len(HARMS)],
            "list": "l",
            "classification": None,
            "picture": None if is_digest else VIEWS[view][1],
            **{"region": region, "appearance": appearance, "sight": sight},
        }
    return list(found.values())


@st.composite
def drawn_rules(draw: st.DrawFn) -> list[Plain]:
    n_rules = draw(st.integers(2, 6))
    rank = draw(st.permutations(range(n_rules)))  # suppression runs along it
    rules: list[Plain] = []
    for number in range(n_rules):
        algorithm = draw(st.sampled_from(("pdq", "pdq", "phash", "md5", "sha256")))
        radius = 0 if algorithm in {"md5", "sha256"} else draw(st.integers(0, RADIUS))
        harms = draw(st.lists(st.sampled_from(HARMS), min_size=1, max_size=2, unique=True))
        stated = {"harm": harms, "algorithm": algorithm, "max_distance": radius}
        stated["min_quality"] = draw(st.sampled_from((0, 50)))
        later = [f"r{other}" for other in rank[rank.index(number) + 1 :]]
        suppresses = draw(st.lists(st.sampled_from(later), unique=True)) if later else []
        rules.append({"name": f"r{number}", "when": stated, "suppresses": suppresses})
    return rules


def policy_of(rules: list[Plain]) -> Policy:
    def rule(plain: Plain) -> Rule:
        stated = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in plain["when"].items()
        }
        stated["algorithm"] = (stated["algorithm"],)
        conditions = when(**stated)
        return Rule(plain["name"], conditions, "block", suppresses=tuple(plain["suppresses"]))

    return Policy(
        PolicyRef("1", ""), "enforce", "allow", OnError("review", "q"), (*map(rule, rules),)
    )


def match(policy: Policy, sightings: list[Sighting], block_views: int) -> MatchTable:
    index: Any = SightingIndex(sightings)
    attempts = {name: Attempt(fingerprint(name)) for name in BITS}
    return match_fingerprints(
        index,
        Fingerprints("", None, attempts),
        dict.fromkeys(BITS, RADIUS),
        suppression=policy.suppression,
        limit=None,
        block_views=block_views,
    )


@given(drawn_rules(), drawn_sightings(), st.sampled_from((1, 3, 4096)))
def test_matches_are_set_aside_as_the_oracle_says(
    rules: list[Plain], sightings: list[Sighting], block_views: int
) -> None:
    policy = policy_of(rules)
    table = match(policy, sightings, block_views)
    outcome = policy.decide(table.groups)
    fired = {rule.name: (rule.n_matches, rule.suppressed_by is None) for rule in outcome.rules}
    assert fired == fired_by_sightings(rules, sightings)
    assert table.n_matches == len({(one["entry"], one["algorithm"]) for one in sightings})
    by = suppressors_of(rules, sightings)
    for rule in outcome.rules:
        assert rule.suppressed_by is None or rule.suppressed_by in by


@given(drawn_rules(), drawn_sightings())
def test_the_recorded_view_is_the_nearest_that_stands(
    rules: list[Plain], sightings: list[Sighting]
) -> None:
    by = suppressors_of(rules, sightings)
    for found in match(policy_of(rules), sightings, 4096).matches:
        own = [
            (one["distance"], name)
            for one, name in zip(sightings, by, strict=True)
            if (f"e{one['entry']}", one["algorithm"]) == (found.entry_id, found.algorithm)
        ]
        assert found.distance in {distance for distance, _ in own}
        if not any(name for _, name in own):
            assert found.distance == min(own)[0]


def test_what_memory_keeps_does_not_grow_with_the_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every picture of a long content shows an allow-listed entry and a thousand others."""
    n_views, n_entries = 400, 300
    rules: list[Plain] = [
        {"name": "good", "when": {"harm": ["a"], "max_distance": 1}, "suppresses": ["bad"]},
        {"name": "bad", "when": {"harm": ["b"], "max_distance": 3}, "suppresses": []},
    ]
    for rule in rules:
        rule["when"] |= {"algorithm": "pdq", "min_quality": 0}

    class Crowded(SightingIndex):
        def search(self, algorithm: str, codes: Any, radius: int) -> SearchResult:
            rows = np.tile(np.append(3 * np.arange(n_entries) + 1, 0), len(codes))
            distances = np.tile(np.append(np.full(n_entries, 2), 1), len(codes))
            offsets = np.arange(len(codes) + 1) * (n_entries + 1)
            return SearchResult(offsets, rows.astype(np.int64), distances.astype(np.int32))

    one = Fingerprint(
        "pdq",
        "given",
        ("as_stored", *("frame",) * (n_views - 1)),
        np.zeros((n_views, 32), np.uint8),
        (100,) * n_views,
        (None, *np.arange(1.0, n_views)),
        pictures=tuple(range(n_views)),
        is_seen=(True,) * n_views,
    )
    kept: list[int] = []
    keep = entry_matches.keep_useful

    def counting(index: Any, found: Any) -> Any:
        result = keep(index, found)
        kept.append(len(result))
        return result

    policy = policy_of(rules)
    assert policy.suppression is not None
    index: Any = Crowded([])
    monkeypatch.setattr(suppressed, "keep_useful", counting)
    (found,) = suppressed.match_with_suppression(
        index, [(one, 3)], policy.suppression, block_views=40
    )
    assert len(found) == n_entries + 1
    assert max(kept) <= 2 * (n_entries + 1)
    bad = [group for group in found.groups(index, policy.suppression.names) if group.harm == "b"]
    assert {group.suppressed_by for group in bad} == {"good"}
