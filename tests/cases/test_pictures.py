"""Cases of picture files that are commands or scripts."""

import csv
import io
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from hashmatch.cli import main
from hashmatch.decode import DEFAULT_LIMITS
from hashmatch.screener import Screener, ScreeningOptions


@pytest.mark.case("png-ancillary-chunks")
def test_damaged_ancillary_chunks_are_passed_over(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("plain.png", "text-bad-crc.png", "text-3-mib.png")
    output = case / "hashes.csv"
    assert main(["hash", *(str(case / name) for name in names), "-o", str(output)]) == 0
    capsys.readouterr()
    rows = list(csv.DictReader(output.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 3
    assert {row["error"] for row in rows} == {""}
    assert len({row["hash"] for row in rows}) == 1


@pytest.mark.case("gif-that-grows-beyond-the-limit")
def test_a_gif_that_grows_stops_at_the_limit(case: Path, demo: Path) -> None:
    """The script of the case, with the options of screening as they are now."""
    assert "max_frame_pixels=5_000_000" in (case / "limit.py").read_text(encoding="utf-8")
    buffer = io.BytesIO()
    Image.new("P", (2000, 2000)).save(buffer, "GIF")
    data = buffer.getvalue()
    frame = data[data.index(b",", 13) : -1]
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    first = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    options = ScreeningOptions(limits=replace(DEFAULT_LIMITS, max_frame_pixels=5_000_000))
    screener = Screener.open(demo, demo / "policy.toml", options=options)
    decision = screener.screen(head + first + frame * 20 + b";")
    assert decision.error is not None
    assert decision.error.startswith("too many pixels")
    assert decision.error_kind == "too_much_work"
    assert decision.hashes
