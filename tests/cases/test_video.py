"""The case whose input is made by a script: a small video of large frames that stand still."""

from pathlib import Path

import pytest

from hashmatch.decode import DEFAULT_VIDEO_LIMITS, VideoLimits
from hashmatch.errors import DecodeError
from hashmatch.screener import Screener, ScreeningOptions

FRAME_PIXELS = 8192 * 8192


@pytest.mark.case("video-of-repeated-frames")
def test_decoded_pixels_are_bounded(
    case: Path, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(case)
    script = (case / "make.py").read_text()
    exec(script.replace("range(60)", "range(6)"), {})
    limits = VideoLimits(max_frame_pixels=2 * FRAME_PIXELS)
    screener = Screener.open(
        demo, demo / "policy.toml", options=ScreeningOptions(video_limits=limits)
    )
    decision = screener.screen("repeated.mp4")
    assert (decision.error_kind, decision.action) == ("too_much_work", "review")
    assert [one.decode for one in decision.hashes] == ["video"]


@pytest.mark.case("video-of-repeated-frames")
def test_a_megabyte_buys_less_than_a_minute_by_default() -> None:
    """At 59 ms a frame, as measured for frames that repeat the one before."""
    most = 60 / 0.059 * FRAME_PIXELS
    with pytest.raises(DecodeError, match="too much work"):
        DEFAULT_VIDEO_LIMITS.check_frame_pixels(int(most), 1_000_000)
    hour_of_slides = 3600 * 30 * 1920 * 1080
    DEFAULT_VIDEO_LIMITS.check_frame_pixels(hour_of_slides, 3600 * 10_000)
