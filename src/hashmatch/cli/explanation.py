"""Decision rows explained in a sentence, for people."""

from __future__ import annotations

from typing import Any

from hashmatch.views import FRAME, NEGATIVE, STRETCHED, TRIMMED, parse

_PARTS = {
    "rot90": "when rotated 90 degrees",
    "rot180": "when rotated 180 degrees",
    "rot270": "when rotated 270 degrees",
    "flipx": "when flipped upside down",
    "flipy": "when mirrored",
    "transpose": "when mirrored and rotated",
    "anti_transpose": "when mirrored and rotated",
    FRAME: "in the frame",
    TRIMMED: "without its border",
    STRETCHED: "with its contrast stretched",
    NEGATIVE: "as a negative",
    "on_white": "on white",
    "on_black": "on black",
}
_MOST_MATCHES = 2


def explain(row: dict[str, Any]) -> str:
    """Return the reason for a decision."""
    matches = _explain_matches(row) if row["matches"] else ""
    if row["error"] is not None:
        return f"cannot be decoded: {row['error']}" + (matches and f"; {matches}")
    if not matches:
        return "too plain (quality 0)" if 0 in _qualities(row) else "no similar entry on any list"
    return matches


def _explain_matches(row: dict[str, Any]) -> str:
    matches = "; ".join(_describe_match(match) for match in row["matches"][:_MOST_MATCHES])
    if row["n_matches"] > _MOST_MATCHES:
        matches += f"; {row['n_matches'] - _MOST_MATCHES:,} more"
    if not row["rules"]:
        return f"no rule applies (quality {min(_qualities(row), default=None)}): {matches}"
    return f"{', '.join(_describe_rule(rule) for rule in row['rules'])}: {matches}"


def _qualities(row: dict[str, Any]) -> list[int]:
    return [value["quality"] for value in row["hashes"] if value["quality"] is not None]


def _describe_rule(rule: dict[str, Any]) -> str:
    by = rule["suppressed_by"]
    return rule["name"] if by is None else f"{rule['name']} (suppressed by {by})"


def _describe_match(match: dict[str, Any]) -> str:
    words = f"{match['list']} {match['entry_id']}"
    if match["entry_timestamp_s"] is not None:
        words += f" ({match['entry_timestamp_s']:.1f} s)"
    words += f" at {match['distance']} bits"
    for part in parse(match["view"]):
        words += f" {_PARTS.get(part, f'in {part}')}"
        words += f" at {match['timestamp_s']:.1f} s" if part == FRAME else ""
    return words
