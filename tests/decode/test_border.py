"""Borders: found to the line where they are plain, never so that the picture is lost."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hashmatch import _core
from hashmatch.decode.border import (
    LEAST_LEFT_PX,
    LEAST_LEFT_SHARE,
    find_border,
    possible_borders,
)
from hashmatch.fingerprint import ViewOptions, fingerprint_media
from hashmatch.hashing.pdq import LUMA_DRIFT

Pixels = np.ndarray


def noise(height: int, width: int, seed: int = 5) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def framed(
    picture: Pixels, sides: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> Pixels:
    top, bottom, left, right = sides
    height, width = picture.shape[:2]
    large = np.empty((height + top + bottom, width + left + right, 3), np.uint8)
    large[:] = colour
    large[top : top + height, left : left + width] = picture
    return large


JPEG_BLOCK_PX = 8
SIDES = st.tuples(*(st.integers(0, 60) for _ in range(4)))
COLOURS = st.tuples(*(st.integers(0, 255) for _ in range(3)))


@given(SIDES, COLOURS)
def test_a_plain_border_comes_off_to_the_line(
    sides: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> None:
    picture = noise(120, 150)
    # Sides that are too thin to matter stay; so none is thinner than that here.
    sides = tuple(0 if side < 4 else side for side in sides)  # type: ignore[assignment]
    large = framed(picture, sides, colour)
    inside = find_border(large)
    if sides == (0, 0, 0, 0):
        assert inside is None
    else:
        assert inside is not None
        np.testing.assert_array_equal(large[inside], picture)
    assert possible_borders(large) == (inside,)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 3), st.integers(0, 1000))
def test_what_is_left_is_never_less_than_promised(
    height: int, width: int, smoothness: int, seed: int
) -> None:
    levels = np.random.default_rng(seed).normal(128, 20 / 4**smoothness, (height, width))
    levels[: height // 3] = 128
    pixels = levels.clip(0, 255).astype(np.uint8)
    possible = possible_borders(pixels)
    assert possible is None or possible[0] == find_border(pixels)
    for inside in possible or (find_border(pixels),):
        for part, whole in zip(inside or (), (height, width), strict=bool(inside)):
            left = part.stop - part.start
            assert left >= LEAST_LEFT_PX
            assert left >= LEAST_LEFT_SHARE * whole


@given(SIDES, COLOURS, st.sampled_from([30, 60, 90]))
def test_each_view_of_exact_pixels_is_near_one_of_the_luma_plane(
    sides: tuple[int, int, int, int], colour: tuple[int, int, int], quality: int
) -> None:
    """Borders may differ by a line between the two; the margin of screening has to cover that.

    Thinner ones than a block of JPEG are another matter (docs/views.md, "In luma").
    """
    sides = tuple(0 if side < JPEG_BLOCK_PX else side for side in sides)  # type: ignore[assignment]
    smooth = Image.fromarray(noise(9, 12)).resize((150, 120), Image.Resampling.BICUBIC)
    large = Image.fromarray(framed(np.asarray(smooth), sides, colour))
    buffer = io.BytesIO()
    large.save(buffer, "JPEG", quality=quality)
    exact, luma = (
        fingerprint_media(
            buffer.getvalue(), "picture", ("pdq",), decode, ViewOptions(("trimmed",))
        )["pdq"].unwrap()
        for decode in ("exact", "luma")
    )
    qualities = [-1 if one is None else one for one in luma.qualities]
    if luma.is_complete and min(qualities) >= LUMA_DRIFT.min_quality:
        apart = np.bitwise_count(exact.codes[:, None] ^ luma.codes[None]).sum(axis=2)
        assert apart.min(axis=1).max() <= LUMA_DRIFT.margin_bits


@pytest.mark.parametrize("fill", [0, 128, 255])
def test_a_blank_picture_has_no_border(fill: int) -> None:
    assert find_border(np.full((200, 300), fill, np.uint8)) is None


def test_a_fade_is_no_border() -> None:
    fade = np.repeat(np.arange(200, dtype=np.uint8)[:, None], 200, axis=1)
    assert find_border(fade) is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 3), (2, 3, 3), (64, 3)])
def test_small_shapes_have_none(shape: tuple[int, ...]) -> None:
    assert find_border(np.zeros(shape, np.uint8)) is None


@pytest.mark.corpus
def test_luma_and_exact_agree_on_real_photographs(corpus: Path) -> None:
    n_open = 0
    paths = sorted((corpus / "photos").iterdir())[::3]
    for path in paths:
        with Image.open(path) as image:
            exact = find_border(np.asarray(image.convert("RGB")))
        with Image.open(path) as image:
            image.draft("L", image.size)
            luma = possible_borders(np.asarray(image.convert("L")))
        assert luma is None or exact in luma, path.name
        n_open += luma is None
    assert n_open <= len(paths) / 50  # these are decoded twice


@pytest.mark.parametrize("channels", [1, 3])
@given(st.integers(1, 250), st.integers(1, 250), st.integers(0, 999), st.data())
def test_the_native_deviations_are_numpys(
    channels: int, height: int, width: int, seed: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    shape = (height, width) if channels == 1 else (height, width, 3)
    pixels = rng.integers(0, rng.integers(2, 30), shape, dtype=np.uint8)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom = data.draw(st.integers(top + 1, height))
    right = data.draw(st.integers(left + 1, width))
    side = data.draw(st.integers(0, 3))
    bound = float(data.draw(st.sampled_from([0.0, 3.0, 6.0, 100.0])))
    box = (top, bottom, left, right)
    spread, level, off = _core.line_deviations(pixels, *box, side, 20, bound, 8)

    luma = (
        pixels.astype(np.int64)
        if channels == 1
        else np.asarray(Image.fromarray(pixels).convert("L"), dtype=np.int64)
    )
    lines = luma[top:bottom, left:right]
    lines = lines if side < 2 else lines.T
    lines = lines[::-1] if side % 2 else lines
    glance = lines[0, :: max(1, lines.shape[1] // 16)]
    assert spread == glance.max() - glance.min()
    if spread > 20:
        assert off == []
        return
    lines = lines[:, :: max(1, lines.shape[1] // 96)]
    assert level == lines[0].sum() / lines.shape[1]
    expected = np.abs(lines - round(16 * level) / 16).mean(axis=1)
    beyond = np.flatnonzero(expected > bound)
    end = len(lines) if not beyond.size else min(len(lines), beyond[0] + 8)
    np.testing.assert_allclose(off, expected[:end], rtol=1e-12)


@pytest.mark.parametrize(
    ("box", "side"), [((0, 9, 0, 9), 0), ((-1, 5, 0, 5), 0), ((2, 2, 0, 5), 1), ((0, 5, 0, 5), 4)]
)
def test_the_native_deviations_check_the_box(box: tuple[int, int, int, int], side: int) -> None:
    with pytest.raises(ValueError, match="box|side"):
        _core.line_deviations(np.zeros((8, 8), np.uint8), *box, side, 20, 4.0, 8)
