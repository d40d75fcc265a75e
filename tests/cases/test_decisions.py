"""Files that once passed as harmless: each is matched, or its row says what was not examined."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cases.conftest import Scan


@dataclass(frozen=True)
class Expected:
    """The facts that the row of one file must state; None: anything.

    `list` is that of a match, and some rule fired; `or_error` accepts a row with an error instead.
    `distance_bits` is the largest distance of the nearest match.
    """

    action: str | None = None
    list: str | None = None
    distance_bits: int | None = None
    error_kinds: tuple[str | None, ...] | None = None
    or_error: bool = False


BLOCK = Expected("block")
BLOCK_OR_ERROR = Expected("block", or_error=True)

DEMO_CASES = {
    "animation-of-1000-frames/long.gif": BLOCK_OR_ERROR,
    "apng-frames-not-seen/actl-twice.png": Expected(error_kinds=("damaged", "incomplete")),
    "apng-frames-not-seen/two-of-three.png": Expected(error_kinds=("damaged", "incomplete")),
    "borders-that-stay/mark.png": Expected(list="any"),
    "borders-that-stay/noise.jpg": Expected(list="any"),
    "borders-that-stay/thick.png": Expected(list="any"),
    "borders-that-stay/two-levels.png": Expected(list="any"),
    "cut-files/cut-by-2.jpg": Expected("block", "demo-hotline"),
    "cut-files/cut-by-200.jpg": Expected("block", "demo-hotline", error_kinds=("truncated",)),
    "cut-files/cut-by-200.png": Expected("block", "demo-hotline", error_kinds=("truncated",)),
    "faded-copies/coffee-0.12.jpg": Expected("block", "demo-hotline"),
    "faded-copies/rocket-0.3.jpg": Expected("quarantine", "demo-counter-terror"),
    "negative/negative.jpg": Expected(list="any"),
    "second-pictures/motion-photo.jpg": BLOCK_OR_ERROR,
    "second-pictures/two-streams.mkv": BLOCK_OR_ERROR,
    "suppressed-by-another-view/two-frames.gif": Expected("block", "demo-spam"),
    "suppressed-by-another-view/under-alpha.png": Expected("block", "demo-spam"),
    "video-called-avif/video-and-still.mp4": BLOCK_OR_ERROR,
    "video-frames-between-samples/at-whole-seconds.mp4": Expected(list="any"),
    "video-frames-between-samples/held.mkv": Expected(list="any"),
}

OWN_CASES = {
    "gif-frame-outside-screen/control.gif": Expected("block", distance_bits=0),
    "gif-frame-outside-screen/grow.gif": Expected("block", distance_bits=0),
    "halftone-beyond-the-margin/bricks-45.jpg": Expected(list="any", distance_bits=31),
    "halftone-beyond-the-margin/clock-30.jpg": Expected(list="any", distance_bits=31),
    "identical-copy-not-found/a_falsecolour_03.jpg": Expected(list="any", distance_bits=0),
    "luma-first-evasion/two-faced.jpg": Expected("block", distance_bits=4),
    "mp4-edit-list-hides-frames/control.mp4": Expected("block"),
    "mp4-edit-list-hides-frames/hidden.mp4": BLOCK_OR_ERROR,
}


def _parameters(cases: dict[str, Expected]) -> list[Any]:
    found = []
    for name, expected in cases.items():
        folder, file = name.split("/")
        marks = [pytest.mark.case(folder)]
        found.append(pytest.param(file, expected, marks=marks, id=name))
    return found


def check(row: dict[str, Any], expected: Expected) -> None:
    """Assert that a row says what is expected."""
    if expected.or_error and row["error"] is not None:
        return
    if expected.action is not None:
        assert row["action"] == expected.action
    if expected.list is not None:
        assert any(rule["suppressed_by"] is None for rule in row["rules"])
        lists = {match["list"] for match in row["matches"]}
        assert lists if expected.list == "any" else expected.list in lists
    if expected.distance_bits is not None:
        assert row["matches"]
        assert row["matches"][0]["distance"] <= expected.distance_bits
    if expected.error_kinds is not None:
        assert row["error_kind"] in expected.error_kinds


@pytest.mark.parametrize(("file", "expected"), _parameters(DEMO_CASES))
def test_against_the_demo(case: Path, file: str, expected: Expected, scan: Scan) -> None:
    (row,) = scan([case / file])
    check(row, expected)


@pytest.mark.parametrize(("file", "expected"), _parameters(OWN_CASES))
def test_against_the_index_of_the_case(
    case: Path, file: str, expected: Expected, scan: Scan
) -> None:
    (row,) = scan([case / file], index=case, policy=case / "policy.toml")
    check(row, expected)


@pytest.mark.case("views-without-frames")
def test_without_frames_an_animation_is_incomplete(case: Path, scan: Scan) -> None:
    (row,) = scan([case / "two.gif"], policy=case / "policy.toml")
    assert row["error_kind"] == "incomplete"
