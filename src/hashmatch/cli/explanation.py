"""Decision rows in a sentence, for people."""

from __future__ import annotations

from typing import Any

from hashmatch.views import parse

_PARTS = {
    "rot90": " when rotated 90 degrees",
    "rot180": " when rotated 180 degrees",
    "rot270": " when rotated 270 degrees",
    "flipx": " when flipped upside down",
    "flipy": " when mirrored",
    "transpose": " when mirrored and rotated",
    "anti_transpose": " when mirrored and rotated",
    "trimmed": " without its border",
    "on_white": " on white",
    "on_black": " on black",
}
_MOST_MATCHES = 2


def explain(row: dict[str, Any]) -> str:
    """Return the reason for a decision."""
    if row["error"] is not None:
        reason = f"cannot be decoded: {row['error']}"
        return f"{reason}; {_explain_matches(row)}" if row["matches"] else reason
    if not row["matches"]:
        is_blank = 0 in _qualities(row)
        return "nothing to see (quality 0)" if is_blank else "like nothing on any list"
    return _explain_matches(row)


def _explain_matches(row: dict[str, Any]) -> str:
    matches = "; ".join(_describe_match(match) for match in row["matches"][:_MOST_MATCHES])
    if row["n_matches"] > _MOST_MATCHES:
        matches += f"; {row['n_matches'] - _MOST_MATCHES:,} more"
    if not row["rules"]:
        return f"no rule takes it (quality {min(_qualities(row), default=None)}): {matches}"
    return f"{', '.join(_describe_rule(rule) for rule in row['rules'])}: {matches}"


def _qualities(row: dict[str, Any]) -> list[int]:
    return [value["quality"] for value in row["hashes"] if value["quality"] is not None]


def _describe_rule(rule: dict[str, Any]) -> str:
    if rule["suppressed_by"] is None:
        return str(rule["name"])
    return f"{rule['name']} (set aside by {rule['suppressed_by']})"


def _describe_match(match: dict[str, Any]) -> str:
    view = "".join(_describe_part(part, match["timestamp_s"]) for part in parse(match["view"]))
    entry = f"{match['list']} {match['entry_id']}"
    if match["entry_timestamp_s"] is not None:
        entry += f" ({match['entry_timestamp_s']:.1f} s)"
    return f"{entry} at {match['distance']} bits{view}"


def _describe_part(part: str, timestamp_s: float | None) -> str:
    if part == "frame":
        return f" in the frame at {timestamp_s:.1f} s"
    return _PARTS.get(part, f" as {part}")
