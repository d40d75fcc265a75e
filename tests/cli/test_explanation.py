"""Matches of a video in words, for people."""

from typing import Any

from hashmatch import views
from hashmatch.cli.explanation import explain


def row_of(**match: Any) -> dict[str, Any]:
    told = {"list": "known", "entry_id": "case-42", "distance": 7, "view": "frame/rot90"}
    times = {"timestamp_s": 12.0, "entry_timestamp_s": 31.25}
    rules = [{"name": "known-video", "suppressed_by": None}]
    return {
        "error": None,
        "hashes": [{"quality": 100}],
        "matches": [{**told, **times, **match}],
        "n_matches": 1,
        "rules": rules,
    }


def test_both_times_of_a_match_are_told() -> None:
    assert explain(row_of()) == (
        "known-video: known case-42 (31.2 s) at 7 bits in the frame at 12.0 s"
        " when rotated 90 degrees"
    )
    still = row_of(view="as_stored", timestamp_s=None, entry_timestamp_s=None)
    assert explain(still) == "known-video: known case-42 at 7 bits"


def test_every_part_of_a_view_has_words() -> None:
    parts = {*views.ORIENTATIONS[1:], views.TRIMMED, *views.GROUNDS}
    for part in parts:
        words = explain(row_of(view=part, entry_timestamp_s=None)).partition("at 7 bits ")[2]
        assert words
        assert not words.startswith("in ")
    said = explain(row_of(view="page2/segment_3", entry_timestamp_s=None))
    assert said.endswith("at 7 bits in page2 in segment_3")


def test_what_is_missing_of_a_video_comes_first() -> None:
    row = {**row_of(view="as_stored", timestamp_s=0.0), "error": "truncated MP4"}
    assert explain(row) == (
        "cannot be decoded: truncated MP4; known-video: known case-42 (31.2 s) at 7 bits"
    )
