"""Views on the whole road: no border, ground or frame hides a listed picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hashmatch.screener import Screener, ScreeningOptions


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.fixture
def coffee(demo: Path) -> Image.Image:
    return Image.open(demo / "images" / "coffee.jpg").convert("RGB")


def opened_with(demo: Path, tmp_path: Path, views: str | None, **options: Any) -> Screener:
    policy = tmp_path / "policy.toml"
    first = "" if views is None else f"views = {views}\n"
    policy.write_text(first + (demo / "policy.toml").read_text())
    return Screener.open(demo, policy, options=ScreeningOptions(**options))


def letterboxed(image: Image.Image) -> bytes:
    tall = Image.new("RGB", (image.width, 2 * image.height))
    tall.paste(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (0, image.height // 3))
    return saved(tall, "JPEG", quality=60)


def see_through(image: Image.Image) -> bytes:
    """The picture drawn in alpha alone: its colours are all white."""
    alpha = image.convert("L").point(lambda level: 255 - level)
    black = Image.new("L", image.size)
    return saved(Image.merge("LA", (black, alpha)), "PNG")


def hidden_in_a_frame(image: Image.Image, file_format: str) -> bytes:
    other = Image.radial_gradient("L").resize(image.size).convert("RGB")
    more = [other.rotate(90), image, other]
    return saved(
        other, file_format, save_all=True, append_images=more, duration=[700, 800, 900, 100]
    )


def found(screener: Screener, data: bytes) -> list[tuple[str, str, float | None]]:
    decision = screener.screen(data)
    assert decision.error is None
    return [(match.entry_id, match.view, match.timestamp_s) for match in decision.matches]


@pytest.mark.parametrize("decode", ["luma", "exact"])
def test_a_border_is_looked_behind(
    coffee: Image.Image, demo: Path, tmp_path: Path, decode: str
) -> None:
    upload = letterboxed(coffee)
    every = opened_with(demo, tmp_path, None, decode=decode)
    assert found(every, upload) == [("H-1001", "trimmed/flipy", None)]
    assert found(opened_with(demo, tmp_path, '["orientations", "frames"]'), upload) == []
    assert found(opened_with(demo, tmp_path, '["trimmed"]'), upload) == []


def test_a_transparent_picture_is_looked_at_on_white_and_on_black(
    coffee: Image.Image, demo: Path, tmp_path: Path
) -> None:
    upload = see_through(coffee)
    assert found(opened_with(demo, tmp_path, None), upload) == [("H-1001", "on_white", None)]
    assert found(opened_with(demo, tmp_path, '["flattened"]'), upload) == [
        ("H-1001", "on_white", None)
    ]
    assert found(opened_with(demo, tmp_path, "[]"), upload) == []


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_a_frame_is_found_with_its_time(
    coffee: Image.Image, demo: Path, tmp_path: Path, file_format: str
) -> None:
    upload = hidden_in_a_frame(coffee, file_format)
    assert found(opened_with(demo, tmp_path, None), upload) == [("H-1001", "frame", 1.5)]
    without = opened_with(demo, tmp_path, '["orientations", "trimmed"]').screen(upload)
    assert (without.n_matches, without.error_kind) == (0, "incomplete")


def test_a_page_is_found_with_its_number(coffee: Image.Image, demo: Path, tmp_path: Path) -> None:
    blank = Image.new("L", (200, 100), 255)
    upload = saved(
        blank, "TIFF", save_all=True, append_images=[blank, coffee.rotate(90, expand=True)]
    )
    assert found(opened_with(demo, tmp_path, None), upload) == [("H-1001", "page3/rot270", None)]


def test_the_recorded_hash_is_that_of_the_picture_as_stored(
    coffee: Image.Image, demo: Path, tmp_path: Path
) -> None:
    upload = hidden_in_a_frame(coffee, "PNG")
    first = opened_with(demo, tmp_path, "[]").screen(upload).hashes
    assert opened_with(demo, tmp_path, None).screen(upload).hashes == first


def test_a_dim_frame_does_not_hide_a_bright_one(
    coffee: Image.Image, demo: Path, tmp_path: Path
) -> None:
    """The nearest view is recorded; a rule is taken by one that is good enough for it."""
    # At a tenth of its contrast a picture has little quality, and about the same hash.
    dim = coffee.point(lambda level: 100 + level // 10)
    bright = coffee.resize((coffee.width // 8, coffee.height // 8)).resize(coffee.size)
    upload = saved(dim, "PNG", save_all=True, append_images=[bright], duration=100)
    decision = opened_with(demo, tmp_path, '["frames"]').screen(upload)
    (match,) = decision.matches
    assert (match.view, match.quality) == ("as_stored", decision.hashes[0].quality)
    assert match.quality is not None
    assert match.quality < 50
    strict = tmp_path / "strict.toml"
    strict.write_text((tmp_path / "policy.toml").read_text().replace(", min_quality = 0", ""))
    assert Screener.open(demo, strict).screen(upload).action == "block"
    strict.write_text(strict.read_text().replace('["frames"]', "[]"))
    without = Screener.open(demo, strict).screen(upload)
    assert (without.action, without.error_kind) == ("review", "incomplete")


def test_screening_by_luma_and_exactly_agree_on_borders(
    coffee: Image.Image, demo: Path, tmp_path: Path
) -> None:
    luma, exact = (opened_with(demo, tmp_path, None, decode=way) for way in ("luma", "exact"))
    for level in (0, 40, 128, 255):
        for quality in (20, 50, 90):
            for thickness in (2, 5, 11, 40):
                size = (coffee.width + 2 * thickness, coffee.height + 2 * thickness)
                framed = Image.new("RGB", size, (level, level, 255 - level))
                framed.paste(coffee, (thickness, thickness))
                upload = saved(framed, "JPEG", quality=quality)
                assert luma.screen(upload).matches == exact.screen(upload).matches


def test_what_stands_before_the_damage_is_matched_and_the_damage_told(
    coffee: Image.Image, demo: Path, tmp_path: Path
) -> None:
    more = [coffee.rotate(90, expand=False), coffee.rotate(180)]
    whole = saved(coffee, "GIF", save_all=True, append_images=more, duration=100)
    decision = opened_with(demo, tmp_path, None).screen(whole[:-9000])
    assert decision.error is not None
    assert "GIF frame " in decision.error
    assert decision.matches[0].entry_id == "H-1001"
    assert (decision.action, decision.queue) == ("block", "minor-safety")
    without = opened_with(demo, tmp_path, '["orientations"]').screen(whole[:-9000])
    assert without.error_kind == "incomplete"
