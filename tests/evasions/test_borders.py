"""Borders of every kind around a listed picture: it is found; around another one, nothing is."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from hashmatch.screener import Screener

Pixels = NDArray[np.uint8]
Frame = Callable[[Image.Image], Image.Image]

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def bordered(
    image: Image.Image,
    around: tuple[float, float, float, float],
    paint: Callable[[Pixels, Pixels], Pixels | NDArray[np.int64]],
) -> Image.Image:
    """Put a picture on a ground; `around`, shares of its height and width: top to right.

    `paint` returns the levels of the ground from the number of each row and column, (H, W, 1).
    """
    width, height = image.size
    top, bottom = round(height * around[0]), round(height * around[1])
    left, right = round(width * around[2]), round(width * around[3])
    rows, columns = np.mgrid[: height + top + bottom, : width + left + right].astype(np.int64)
    levels = np.broadcast_to(paint(rows[..., None], columns[..., None]), (*rows.shape, 3))
    large = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    large.paste(image, (left, top))
    return large


def plain(colour: tuple[int, int, int], *around: float) -> Frame:
    return lambda image: bordered(image, around, lambda _rows, _columns: np.array(colour))  # type: ignore[arg-type]


def noisy(level: int, most: int, *around: float) -> Frame:
    def paint(rows: Pixels, _columns: Pixels) -> NDArray[np.int64]:
        rng = np.random.default_rng(7)
        return level + rng.integers(-most, most + 1, (*rows.shape[:2], 3))

    return lambda image: bordered(image, around, paint)  # type: ignore[arg-type]


def noisy_all_over(image: Image.Image) -> Image.Image:
    levels = np.asarray(plain((128, 128, 128), 0.2, 0.2, 0, 0)(image)).astype(np.int64)
    levels += np.random.default_rng(3).integers(-12, 13, levels.shape)
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def in_two_shades(image: Image.Image) -> Image.Image:
    return bordered(image, (0.2, 0.2, 0, 0), lambda rows, _: np.where(rows < image.height, 12, 24))


def in_two_halves(image: Image.Image) -> Image.Image:
    return bordered(
        image, (0.2, 0.2, 0, 0), lambda _, columns: np.where(columns < image.width / 2, 200, 212)
    )


def in_four_colours(image: Image.Image) -> Image.Image:
    blue = plain((30, 60, 200), 0, 0.15, 0, 0)(plain((200, 30, 60), 0.15, 0, 0, 0)(image))
    return plain(WHITE, 0, 0, 0.1, 0)(plain(BLACK, 0, 0, 0, 0.1)(blue))


def graded(*, down: bool) -> Frame:
    return lambda image: bordered(
        image,
        (0.2, 0.2, 0.2, 0.2),
        lambda rows, columns: 240 - (rows / image.height if down else columns / image.width) * 100,  # type: ignore[arg-type, return-value]
    )


def marked(image: Image.Image) -> Image.Image:
    large = plain(BLACK, 0.15, 0.15, 0.15, 0.15)(image)
    large.paste((240, 220, 180), (0, 0, 12, 12))
    return large


def captioned(*texts: tuple[float, float, str]) -> Frame:
    """Write texts at shares of the height and width of a picture with white bars."""

    def write(image: Image.Image) -> Image.Image:
        large = plain(WHITE, 0.2, 0.2, 0, 0)(image)
        draw = ImageDraw.Draw(large)
        for down, across, text in texts:
            where = (across * large.width, down * large.height)
            draw.text(where, text, fill="black", font_size=large.height // 20)
        return large

    return write


def rounded(image: Image.Image) -> Image.Image:
    mask = Image.new("L", image.size)
    box = (0, 0, image.width - 1, image.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, image.width // 30, fill=255)
    cut = Image.composite(image, Image.new("RGB", image.size, "white"), mask)
    return plain(WHITE, 0.1, 0.1, 0.1, 0.1)(cut)


def with_shadow(image: Image.Image) -> Image.Image:
    left, top = image.width // 8, image.height // 8
    large = Image.new("RGB", (image.width + 2 * left, image.height + 2 * top), (240, 240, 240))
    shade = (left + 8, top + 8, left + image.width + 8, top + image.height + 8)
    large.paste((140, 140, 140), shade)
    large = large.filter(ImageFilter.GaussianBlur(8))
    large.paste(image, (left, top))
    return large


def story(image: Image.Image) -> Image.Image:
    """The picture at full width over its own blurred, dimmed enlargement."""
    size = (image.width, 2 * image.height)
    ground = image.resize((2 * image.width, 2 * image.height)).crop((0, 0, *size))
    ground = ground.filter(ImageFilter.GaussianBlur(20)).point(lambda level: 0.7 * level)
    ground.paste(image, (0, image.height // 2))
    return ground


def screenshot(image: Image.Image) -> Image.Image:
    picture = image.resize((720, round(720 * image.height / image.width)))
    screen = Image.new("RGB", (720, picture.height + 500), "black")
    screen.paste(picture, (0, 250))
    draw = ImageDraw.Draw(screen)
    draw.text((24, 12), "12:34", fill="white", font_size=26)
    draw.text((24, screen.height - 60), "Share", fill="white", font_size=30)
    return screen


def framed_bars(image: Image.Image) -> Image.Image:
    return plain((250, 250, 250), 0.06, 0.06, 0.06, 0.06)(plain(BLACK, 0.2, 0.2, 0, 0)(image))


KINDS: dict[str, Frame] = {
    "letterbox": plain(BLACK, 0.2, 0.2, 0, 0),
    "one bar": plain(WHITE, 0, 0.3, 0, 0),
    "one noisy pillar": noisy(80, 12, 0, 0, 0.3, 0),
    "noisy bars": noisy(128, 12, 0.2, 0.2, 0, 0),
    "noisy frame": noisy(200, 12, 0.15, 0.15, 0.15, 0.15),
    "noise all over": noisy_all_over,
    "two shades": in_two_shades,
    "two halves": in_two_halves,
    "four colours": in_four_colours,
    "a mark in a corner": marked,
    "a caption above": captioned((0.03, 0.05, "WAIT FOR IT... you will not believe")),
    "captions above and below": captioned(
        (0.02, 0.05, "WAIT FOR IT"), (0.08, 0.05, "you will not"), (0.9, 0.5, "believe it")
    ),
    "a gradient down": graded(down=True),
    "a gradient across": graded(down=False),
    "rounded corners": rounded,
    "a drop shadow": with_shadow,
    "a thick frame": plain(BLACK, 1.5, 1.5, 1.5, 1.5),
    "a thicker frame": plain(WHITE, 2, 2, 2, 2),
    "a thin frame": plain((255, 0, 0), 0.012, 0.012, 0.012, 0.012),
    "a story": story,
    "a screenshot": screenshot,
    "bars in a frame": framed_bars,
}
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 75},
    "PNG": {"compress_level": 1},
    "WEBP": {"quality": 80, "method": 0},
}


def encoded(image: Image.Image, file_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **FORMATS[file_format])
    return buffer.getvalue()


@pytest.fixture(scope="module")
def screener(demo: Path) -> Screener:
    return Screener.open(demo, demo / "policy.toml")


@pytest.fixture(scope="module")
def listed(demo: Path) -> Image.Image:
    return Image.open(demo / "images" / "coffee.jpg").convert("RGB")


@pytest.fixture(scope="module")
def unlisted() -> Image.Image:
    """Return a picture that no list has: a scene of smooth spots, as large as a photograph."""
    spots = np.random.default_rng(20261129).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(spots).resize((512, 384), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_border_does_not_hide_a_listed_picture(
    kind: str, file_format: str, screener: Screener, listed: Image.Image
) -> None:
    decision = screener.screen(encoded(KINDS[kind](listed), file_format))
    assert decision.error is None
    assert "H-1001" in {match.entry_id for match in decision.matches}
    assert decision.action in {"block", "review"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_border_around_another_picture_matches_nothing(
    kind: str, screener: Screener, unlisted: Image.Image
) -> None:
    decision = screener.screen(encoded(KINDS[kind](unlisted), "JPEG"))
    assert (decision.action, decision.error, decision.matches) == ("allow", None, ())
