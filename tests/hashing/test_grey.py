"""Grey and resizing against Pillow, on every kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hashmatch import _core
from hashmatch.hashing.grey import ORDERS, Order, find_order, grey_of, resize, resize_in_order

Pixels = NDArray[Any]


def pillow(array: Pixels, height: int, width: int) -> Any:
    return np.asarray(Image.fromarray(array).resize((width, height), Image.Resampling.LANCZOS))


def test_every_colour_is_as_grey_as_in_pillow(kernel: str) -> None:
    levels = np.arange(256, dtype=np.uint8)
    every = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(4096, 4096, 3)
    np.testing.assert_array_equal(grey_of(every), np.asarray(Image.fromarray(every).convert("L")))
    for n in range(0, 70, 3):  # around the width of every register
        np.testing.assert_array_equal(grey_of(every[:1, : n + 1]), grey_of(every)[:1, : n + 1])


def test_grey_stays_as_it_is() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert grey_of(picture) is picture


@pytest.mark.parametrize(
    ("height", "width"),
    [
        (1, 1),
        (1, 2000),
        (2000, 1),
        (8, 8),
        (9, 8),
        (8, 9),
        (32, 32),
        (31, 33),
        (1024, 768),
        (37, 511),
    ],
)
def test_resizing_equals_pillow(kernel: str, height: int, width: int) -> None:
    noise = np.random.default_rng(height * width).integers(0, 2, (height, width), dtype=np.uint8)
    for picture in (noise * 255, noise * 97 + 3):
        for to in ((8, 8), (8, 9), (32, 32), (64, 64), (256, 256)):
            np.testing.assert_array_equal(resize(picture, *to), pillow(picture, *to))


def test_filters_kept_from_before_are_those_of_the_size(kernel: str) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (60, 700), dtype=np.uint8)
    sizes = [(60 - n % 3, 100 + 17 * n) for n in range(30)]  # more than are kept
    for height, width in [*sizes, *reversed(sizes), *sizes[::3]]:
        part = np.ascontiguousarray(picture[:height, :width])
        for to in ((8, 8), (16, 64), (32, 512)):
            np.testing.assert_array_equal(resize(part, *to), pillow(part, *to))


@given(
    st.integers(1, 400), st.integers(1, 400), st.integers(1, 80), st.integers(1, 80), st.integers()
)
@example(70, 39, 8, 8, 0)
@example(71, 39, 8, 8, 0)
@example(71, 39, 71, 8, 0)
@example(71, 39, 8, 39, 0)
@example(71, 39, 71, 39, 0)
def test_any_resizing_equals_pillow(
    height: int, width: int, to_height: int, to_width: int, seed: int
) -> None:
    noise = np.random.default_rng(abs(seed)).integers(0, 256, (height, width), dtype=np.uint8)
    np.testing.assert_array_equal(
        resize(noise, to_height, to_width), pillow(noise, to_height, to_width)
    )


def test_weights_near_a_half_are_as_exact_as_the_others() -> None:
    """A scale whose quick weights would do in most places, over many sizes."""
    for size in range(1, 3000, 7):
        picture = np.random.default_rng(size).integers(0, 256, (1, size), dtype=np.uint8)
        np.testing.assert_array_equal(resize(picture, 1, 32), pillow(picture, 1, 32))
        np.testing.assert_array_equal(resize(picture.T, 8, 1), pillow(picture.T, 8, 1))


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_another_pillow_is_found(order: Order) -> None:
    tall = np.random.default_rng(5).integers(0, 256, (300, 60), dtype=np.uint8)

    def resize_otherwise(picture: Pixels, height: int, width: int) -> Pixels:
        return resize_in_order(picture, height, width, order)

    assert find_order(resize_otherwise) == order
    expected = _core.lanczos_resize(tall, 32, 32, order == "tall first")
    np.testing.assert_array_equal(resize_otherwise(tall, 32, 32), expected)


def test_pillow_itself_resizes_where_its_order_is_unknown() -> None:
    def resize_to_7(_picture: Pixels, height: int, width: int) -> Pixels:
        return np.full((height, width), 7, np.uint8)

    assert find_order(resize_to_7) is None
    tall = np.random.default_rng(5).integers(0, 256, (300, 60), dtype=np.uint8)
    np.testing.assert_array_equal(resize_in_order(tall, 32, 32, None), pillow(tall, 32, 32))
    assert find_order(pillow) in ORDERS


def test_the_two_orders_differ_on_tall_pictures_only() -> None:
    tall = np.random.default_rng(5).integers(0, 256, (300, 60), dtype=np.uint8)
    for picture, equal in ((tall, False), (tall.T, True)):
        one, other = (_core.lanczos_resize(picture, 32, 32, first) for first in (False, True))
        assert np.array_equal(one, other) is equal


def test_native_arguments_are_checked() -> None:
    good = np.zeros((4, 4), np.uint8)
    for bad in (np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)):
        with pytest.raises(ValueError, match="pixels must be uint8"):
            _core.lanczos_resize(bad, 8, 8, False)
    with pytest.raises(ValueError, match="height and width"):
        _core.lanczos_resize(good, 0, 8, False)
    with pytest.raises(ValueError, match="32 x 32"):
        _core.phash_coefficients(np.zeros((64, 64), np.uint8))
    for side in (4, 24):
        with pytest.raises(ValueError, match="power of two"):
            _core.whash_sums(np.zeros((side, side), np.uint8))
        with pytest.raises(ValueError, match="power of two"):
            _core.whash_approximation(np.zeros((side, side), np.uint8))
