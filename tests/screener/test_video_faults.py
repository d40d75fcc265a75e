"""Faults of a video stand in its decision, beside the matches found in it."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hashmatch.decode import VideoLimits
from hashmatch.screener import Item, Screener
from hashmatch.workers import Isolation

Picture = Any
MakeClip = Callable[..., bytes]
Entries = list[tuple[str, str, str]]
"""Entry id, algorithm, hash in hex."""


@pytest.mark.parametrize("way", ["bytes", "path"])
def test_what_is_missing_of_a_video_has_its_say_beside_what_is_found(
    clip: bytes,
    stills: Entries,
    index_of: Callable[..., Screener],
    tmp_path: Path,
    way: str,
) -> None:
    cut = clip[: len(clip) * 2 // 3]
    path = tmp_path / "cut.mp4"
    path.write_bytes(cut)
    screener = index_of(stills[:8])
    decision = screener.screen(cut if way == "bytes" else path)
    assert decision.error == "truncated MP4: the file should be longer"
    assert [one.entry_id for one in decision.matches] == ["scene-0"]
    assert (decision.action, decision.rule, decision.queue) == ("block", "r-pdq", "undecodable")
    other = index_of([("other", "pdq", "00" * 32)]).screen(cut if way == "bytes" else path)
    assert other.error == decision.error
    assert (other.n_matches, other.action, other.rule) == (0, "review", None)


def test_a_policy_without_frames_lets_no_video_pass(
    clip: bytes, stills: Entries, index_of: Callable[..., Screener]
) -> None:
    decision = index_of(stills[16:24], head="views = []\n").screen(clip)
    assert decision.error == (
        "only the first frame of the video was examined: the policy's views leave out frames"
    )
    assert (decision.n_matches, decision.action) == (0, "review")
    decision = index_of(stills[:8], head='views = ["orientations"]\n').screen(clip)
    assert [(one.entry_id, one.view) for one in decision.matches] == [("scene-0", "as_stored")]
    assert (decision.action, decision.queue) == ("block", "undecodable")


def test_what_is_no_whole_video_is_one_row(
    make_clip: MakeClip,
    clip: bytes,
    pictures: list[Picture],
    stills: Entries,
    index_of: Callable[..., Screener],
) -> None:
    limits = VideoLimits(max_frames=15, max_bytes=len(clip), max_duration_s=3)
    silent = make_clip([], "mp4", "", with_sound=True)
    items = {
        "no video in the MP4": silent,
        "damaged Matroska": b"\x1aE\xdf\xa3" + bytes(1000),
        "too large: more than": clip + b"\0",
        "too many frames: more than 15": clip,
        "too long: more than 3 s": make_clip(pictures[:2], "mkv", stamps=[0, 100]),
        "unsupported Matroska: video of codec": make_clip(pictures[:3], "mkv", "jpeg2000"),
    }
    screener = index_of(stills[24:32], video_limits=limits)
    decisions = screener.screen_many(list(items.values()))
    for reason, decision in zip(items, decisions, strict=True):
        assert decision.error is not None
        assert decision.error.startswith(reason)
        assert (decision.action, decision.queue) == ("review", "undecodable")
        assert decision.sha256 is not None
    assert decisions == [screener.screen(item) for item in items.values()]


def test_without_the_extra_the_row_says_so_and_digests_match(
    clip: bytes,
    index_of: Callable[..., Screener],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip)
    md5 = hashlib.md5(clip).hexdigest()
    screener = index_of(
        [("same-file", "md5", md5), ("x", "pdq", "00" * 32)], radii={"pdq": 31, "md5": 0}
    )
    for item in (clip, path):
        decision = screener.screen(item)
        assert decision.error == "video needs PyAV: install hashmatch[video], the extra video"
        assert [one.entry_id for one in decision.matches] == ["same-file"]
        assert (decision.action, decision.queue) == ("block", "undecodable")
        assert decision.sha256 == hashlib.sha256(clip).hexdigest()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_isolation_changes_no_decision_about_a_video(
    clip: bytes, stills: Entries, index_of: Callable[..., Screener], tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip)
    items: list[Item] = [clip, path, clip[: len(clip) * 2 // 3], clip[:64], tmp_path / "absent.mp4"]
    expected = index_of(stills).screen_many(items)
    screener = index_of(stills, isolation=Isolation(time_s=60.0, memory_bytes=512 << 20))
    try:
        assert screener.screen_many(items) == expected
    finally:
        screener.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_in_isolation_what_was_looked_at_in_time_counts(
    make_clip: MakeClip, pictures: list[Picture], stills: Entries, index_of: Callable[..., Screener]
) -> None:
    large = [np.kron(one, np.ones((20, 20), np.uint8)) for one in pictures[:8]]
    endless = make_clip(large * 60, "mkv", "mjpeg", pixels="yuvj420p")
    screener = index_of(stills[:8], isolation=Isolation(time_s=0.6), head="video_interval_s = 0\n")
    try:
        decision = screener.screen(endless)
    finally:
        screener.close()
    assert decision.error is not None
    assert decision.error.startswith("timed out")
    assert decision.queue == "undecodable"
    assert decision.action == ("block" if decision.matches else "review")


# PyAV as a child finds it: the size of a file says what its decoder does.
BAD_DECODER = """
import ctypes, sys, types

def open(file, **options):
    if file.size_bytes % 2:
        ctypes.string_at(0)
    ctypes.PyDLL(None).sleep(1000)

sys.modules["av"] = types.ModuleType("av")
sys.modules["av"].open = open
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_a_decoder_that_crashes_or_hangs_costs_its_video_alone(
    clip: bytes,
    index_of: Callable[..., Screener],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uploads: list[Path],
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BAD_DECODER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    odd, even = sorted((clip, clip + b"\0"), key=lambda one: len(one) % 2 == 0)
    path = tmp_path / "even.mp4"
    path.write_bytes(even)
    entries = [
        ("odd", "md5", hashlib.md5(odd).hexdigest()),
        ("even", "md5", hashlib.md5(even).hexdigest()),
    ]
    screener = index_of(
        [*entries, ("x", "pdq", "00" * 32)],
        radii={"pdq": 31, "md5": 0},
        isolation=Isolation(time_s=3.0),
    )
    try:
        first, second, third = screener.screen_many([odd, path, uploads[0]])
    finally:
        screener.close()
    assert (first.error, second.error) == (
        "decoder crashed: SIGSEGV",
        "timed out: more than 3 s",
    )
    assert [one.matches[0].entry_id for one in (first, second)] == ["odd", "even"]
    assert {(one.action, one.queue) for one in (first, second)} == {("block", "undecodable")}
    assert third.error is None
