"""docs/decode.md names a test for each line of its tables, and each of those tests exists."""

from __future__ import annotations

import re
from pathlib import Path

from hashmatch.decode import DEFAULT_LIMITS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "decode.md").read_text()
NAMED = re.compile(r"([\w/]*test_\w+\.py)::(test_\w+)")


def test_every_line_has_its_test() -> None:
    lines = [
        line
        for line in PAGE.splitlines()
        if line.startswith("| ")
        and not re.match(r"\| (format|content|property|kind|samples|picture) \|", line)
    ]
    assert len(lines) > 30
    for line in lines:
        assert NAMED.search(line.rsplit("|", 2)[-2]), line


def test_every_named_test_exists() -> None:
    for file, name in NAMED.findall(PAGE):
        folder = ROOT if "/" in file else ROOT / "tests" / "decode"
        source = (folder / file).read_text()
        assert re.search(rf"^def {name}\(", source, re.MULTILINE), (file, name)


def test_limits_are_as_the_page_says() -> None:
    for name in ("max_bytes", "max_pixels", "max_frames", "max_frame_pixels"):
        assert f"`{name}` ({getattr(DEFAULT_LIMITS, name):,})" in PAGE
