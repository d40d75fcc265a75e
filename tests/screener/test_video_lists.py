"""Lists of videos: a match is the nearest pair of frames, and has the times of both."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import hashmatch as hm
from hashmatch.index import build_index
from hashmatch.lists import read_vpdq, vpdq_lines
from hashmatch.screener import Screener
from tests.displayed_frames import displayed

Picture = Any
MakeClip = Callable[..., bytes]
Entries = list[tuple[str, str, str]]
"""Entry id, algorithm, hash in hex."""

HEAD = 'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "undecodable" }\n'
RULE = '[[rules]]\nname = "r-{name}"\nwhen = {{ algorithm = "{name}", max_distance = {radius} }}\n'


def naive_pairs(
    video: hm.VideoHash, known: dict[str, hm.VideoHash], min_quality: int, radius: int
) -> list[tuple[Any, ...]]:
    """Return the nearest pair of frames for each entry: the earliest frame, then the first row."""
    rows = []
    for entry_id, entry in known.items():
        pairs = []
        for at, code in enumerate(video.codes):
            for row in np.flatnonzero(entry.qualities >= min_quality).tolist():
                distance = int(np.bitwise_count(code ^ entry.codes[row]).sum())
                if distance <= radius:
                    pairs.append((distance, at, row))
        if pairs:
            distance, at, row = min(pairs)
            times = float(video.timestamps_s[at]), float(entry.timestamps_s[row])
            rows.append((distance, entry_id, *times))
    return sorted(rows)


@pytest.fixture
def videos_of(tmp_path: Path) -> Callable[[dict[str, hm.VideoHash]], Screener]:
    """Return what builds an index of videos, each as vPDQ text, and opens it."""

    def build(known: dict[str, hm.VideoHash]) -> Screener:
        folder = tmp_path / "videos"
        folder.mkdir()
        for name, video in known.items():
            (folder / f"{name}.vpdq.txt").write_text("".join(vpdq_lines(video)))
        (tmp_path / "recipe.toml").write_text(
            'name = "videos"\n[[lists]]\nname = "known"\nfile = "videos"\nversion = "1"\n'
            'harm = "h"\n'
        )
        build_index(tmp_path)
        rules = RULE.format(name="pdq", radius=31) + 'action = "block"\n'
        (tmp_path / "policy.toml").write_text('views = ["frames"]\n' + HEAD + rules)
        return Screener.open(tmp_path, tmp_path / "policy.toml")

    return build


def test_a_match_has_the_times_of_both(
    make_clip: MakeClip,
    pictures: list[Picture],
    videos_of: Callable[[dict[str, hm.VideoHash]], Screener],
) -> None:
    known = {
        f"v{start}": hm.hash_video(make_clip(pictures[start : start + 12], crf="30"), 0)
        for start in range(0, 28, 4)
    }
    upload = make_clip(pictures[5:], "mp4", crf="12")
    screener = videos_of(known)
    decision = screener.screen(upload)
    expected = naive_pairs(displayed(upload), known, 50, 31)
    found = [
        (one.distance, one.entry_id, one.timestamp_s, one.entry_timestamp_s)
        for one in decision.matches
    ]
    assert found == expected
    assert decision.n_matches == len(expected) >= 5
    assert len({one[3] for one in expected}) > 2
    still = screener.screen(png_of(pictures[20]))
    nearest = still.matches[0]
    assert nearest.timestamp_s is None
    assert nearest.entry_timestamp_s is not None


@pytest.mark.corpus
def test_lists_of_vpdq_meet_the_clips_they_were_made_of(
    corpus: Path, videos_of: Callable[[dict[str, hm.VideoHash]], Screener]
) -> None:
    clips = sorted((corpus / "video").glob("*.mp4"))
    known = {path.stem: read_vpdq(path.with_suffix(".vpdq.txt")) for path in clips}
    screener = videos_of(known)
    for path, decision in zip(clips, screener.screen_many(clips), strict=True):
        found = [
            (one.distance, one.entry_id, one.timestamp_s, one.entry_timestamp_s)
            for one in decision.matches
        ]
        assert found == naive_pairs(displayed(path.read_bytes()), known, 50, 31)
        nearest = next(one for one in decision.matches if one.entry_id == path.stem)
        assert nearest.timestamp_s is not None
        assert nearest.entry_timestamp_s is not None
        assert decision.action == "block"


def png_of(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
