"""A decision row in a sentence."""

from __future__ import annotations

from typing import Any

_VIEWS = {
    "as_stored": "",
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
    """Return why a decision row says what it says."""
    if row["error"] is not None:
        reason = f"cannot be decoded: {row['error']}"
        return f"{reason}; {_findings(row)}" if row["matches"] else reason
    qualities = [made["quality"] for made in row["hashes"] if made["quality"] is not None]
    if not row["matches"]:
        return "nothing to see (quality 0)" if 0 in qualities else "like nothing on any list"
    return _findings(row)


def _findings(row: dict[str, Any]) -> str:
    matches = "; ".join(_match(match) for match in row["matches"][:_MOST_MATCHES])
    if row["n_matches"] > _MOST_MATCHES:
        matches += f"; {row['n_matches'] - _MOST_MATCHES:,} more"
    if not row["rules"]:
        qualities = [made["quality"] for made in row["hashes"] if made["quality"] is not None]
        return f"no rule takes it (quality {min(qualities, default=None)}): {matches}"
    return f"{', '.join(_rule(rule) for rule in row['rules'])}: {matches}"


def _rule(rule: dict[str, Any]) -> str:
    if rule["suppressed_by"] is None:
        return str(rule["name"])
    return f"{rule['name']} (set aside by {rule['suppressed_by']})"


def _match(match: dict[str, Any]) -> str:
    view = "".join(_view(word, match["timestamp_s"]) for word in match["view"].split("/"))
    entry = f"{match['list']} {match['entry_id']}"
    if match["entry_timestamp_s"] is not None:
        entry += f" ({match['entry_timestamp_s']:.1f} s)"
    return f"{entry} at {match['distance']} bits{view}"


def _view(word: str, timestamp_s: float | None) -> str:
    if word == "frame":
        return f" in the frame at {timestamp_s:.1f} s"
    return _VIEWS.get(word, f" as {word}")
