"""Borders: found to the line where they are plain, never so that the picture is lost."""

from __future__ import annotations

import io
from itertools import pairwise
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
    MOST_INSIDES,
    find_borders,
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


SIDES = st.tuples(*(st.integers(0, 60) for _ in range(4)))
COLOURS = st.tuples(*(st.integers(0, 255) for _ in range(3)))


def corners(inside: tuple[slice, slice]) -> tuple[int, int, int, int]:
    rows, columns = inside
    return rows.start, rows.stop, columns.start, columns.stop


@given(SIDES, COLOURS)
def test_a_plain_border_comes_off_to_the_line(
    sides: tuple[int, int, int, int], colour: tuple[int, int, int]
) -> None:
    picture = noise(120, 150)
    # Sides that are too thin to matter stay; so none is thinner than that here.
    sides = tuple(0 if side < 4 else side for side in sides)  # type: ignore[assignment]
    large = framed(picture, sides, colour)
    insides = find_borders(large)
    if sides == (0, 0, 0, 0):
        assert insides == ()
    else:
        np.testing.assert_array_equal(large[insides[0]], picture)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 3), st.integers(0, 1000))
def test_what_is_left_is_never_less_than_promised(
    height: int, width: int, smoothness: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.normal(128, 20 / 4**smoothness, (height, width))
    levels[: height // 3] = 128
    levels[:, width // 2 :] += 60
    insides = find_borders(levels.clip(0, 255).astype(np.uint8))
    assert len(insides) <= MOST_INSIDES
    for inside in insides:
        for part, whole in zip(inside, (height, width), strict=True):
            assert 0 <= part.start < part.stop <= whole
            assert part.stop - part.start >= max(LEAST_LEFT_PX, LEAST_LEFT_SHARE * whole)


@given(SIDES, COLOURS, st.sampled_from([30, 60, 90]))
def test_luma_with_a_border_is_confirmed_exactly(
    sides: tuple[int, int, int, int], colour: tuple[int, int, int], quality: int
) -> None:
    """Luma may show a border elsewhere than exact pixels, but where these have one it has one."""
    sides = tuple(0 if side < 8 else side for side in sides)  # type: ignore[assignment]
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
    assert luma.is_complete == ("trimmed" not in luma.views)
    if luma.is_complete:
        # Whatever is left to find lies near the picture as stored.
        apart = np.bitwise_count(exact.codes ^ luma.codes[0]).sum(axis=1)
        assert apart.max() <= LUMA_DRIFT.margin_bits or sides == (0, 0, 0, 0)


@pytest.mark.parametrize("fill", [0, 128, 255])
def test_a_blank_picture_has_no_border(fill: int) -> None:
    assert find_borders(np.full((200, 300), fill, np.uint8)) == ()


def test_a_fade_is_no_border() -> None:
    fade = np.repeat(np.arange(200, dtype=np.uint8)[:, None], 200, axis=1)
    assert find_borders(fade) == ()


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 500), (500, 1), (3, 3), (2, 3, 3), (64, 3), (16, 16), (17, 900, 3)]
)
def test_small_shapes_have_none(shape: tuple[int, ...]) -> None:
    assert find_borders(np.zeros(shape, np.uint8)) == ()


def test_bars_within_bars_come_off_one_after_the_other() -> None:
    picture = noise(120, 150)
    bars = framed(picture, (40, 40, 0, 0), (0, 0, 0))
    large = framed(bars, (20, 20, 20, 20), (250, 250, 250))
    found = [corners(inside) for inside in find_borders(large)]
    assert found[:2] == [(20, 220, 20, 170), (60, 180, 20, 170)]


@pytest.mark.corpus
def test_few_ordinary_photographs_lose_a_part(corpus: Path) -> None:
    paths = sorted((corpus / "photos").iterdir())[::4]
    n_insides = 0
    for path in paths:
        with Image.open(path) as image:
            n_insides += len(find_borders(np.asarray(image.convert("RGB"))))
    assert n_insides <= 0.4 * len(paths)


def naive_edge(pixels: Pixels, side: int) -> tuple[int, float]:
    """Find a straight edge as csrc/image/border_edges.cpp does, in NumPy and without any haste."""
    lines = pixels.astype(np.int64).reshape(*pixels.shape[:2], -1)
    lines = lines if side < 2 else lines.swapaxes(0, 1)
    lines = lines[::-1] if side % 2 else lines
    n_lines, length = lines.shape[:2]
    if n_lines < 16:
        return 0, 0.0
    middles = [(2 * pair + 1) * length // 32 for pair in range(16)]
    lines = lines[:, [at for mid in middles for at in (max(0, mid - 2), min(length - 1, mid + 2))]]

    def line(number: int) -> Pixels:
        return np.asarray(lines[min(max(number, 0), n_lines - 1)])

    def window(first: int) -> Pixels:
        return np.asarray(np.sum([line(first + k) for k in range(4)], axis=0))

    def change(one: Pixels, other: Pixels) -> Pixels:
        return np.asarray(np.abs(one - other).max(axis=1))

    outer = [change(window(at - 4), window(at)) for at in (1, 2, 4, 6)]
    least = 24
    while min((each > 2 * least // 7).sum() for each in outer) > 16:
        least += least // 4
    probes = [window(probe * (n_lines - 4) // 23) for probe in range(24)]
    steps = np.array([change(one, other) > least for one, other in pairwise(probes)])
    n_active = max(4, steps.any(axis=0).sum())
    outside: list[int] = []
    for first in range(0, n_lines - n_lines // 8, 4):
        if first:
            block = window(first - 4)
            uneven = 2 * (np.abs(block[::2] - block[1::2]).max(axis=1) > least).sum()
            outside.append(max(uneven, (change(window(first - 8), block) > least).sum()))
        rough = sorted(outside)[-(-len(outside) // 4) - 1] / 32 if outside else 0.0
        if 1 - 4 * rough < 0.55:
            if first >= max(32, n_lines // 8):
                break
            continue
        if 4 * (change(window(first - 4), window(first + 4)) > least).sum() < 1.65 * n_active:
            continue
        straight, weight = {}, {}
        for at in range(first, first + 12):
            step = change(window(at - 4), window(at))
            sharp = np.maximum(change(line(at - 2), line(at)), change(line(at - 1), line(at + 1)))
            counts = (step > least) & (20 * sharp >= 3 * step) & (0 < at < n_lines)
            straight[at], weight[at] = int(counts.sum()), int(step[counts].sum())
        for at in range(first, first + 4):
            best = max(range(at, at + 8), key=lambda line: weight[line])
            scores = [straight[line] / n_active - 4 * rough for line in (at, best)]
            if min(scores) >= 0.55:
                return best, scores[1]
    return 0, 0.0


@pytest.mark.parametrize("channels", [1, 3])
@given(st.integers(1, 130), st.integers(1, 130), st.integers(0, 999), st.integers(0, 3))
def test_the_native_edge_is_numpys(
    channels: int, height: int, width: int, seed: int, side: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = (height, width) if channels == 1 else (height, width, 3)
    pixels = rng.integers(0, rng.integers(2, 30), shape, dtype=np.uint8)
    for _ in range(2):  # parts that begin and end at straight edges, smooth or not
        top, left = rng.integers(0, max(1, height // 2)), rng.integers(0, max(1, width // 2))
        part = pixels[top : height - rng.integers(0, 20), left : width - rng.integers(0, 20)]
        part += rng.integers(0, rng.integers(2, 200), part.shape, dtype=np.uint8)
    found = _core.border_edge(pixels, 0, height, 0, width, side)
    n_lines, score = naive_edge(pixels, side)
    assert found[0] == n_lines
    assert found[1] == pytest.approx(score, abs=1e-12)


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
    with pytest.raises(ValueError, match="box|side"):
        _core.border_edge(np.zeros((8, 8), np.uint8), *box, side)
