"""Transparent colours and levels of every depth, against the definition of tRNS in the standard."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch.decode import decode_pictures
from tests.evasions.test_pixels import packed, png

HEIGHT, WIDTH = 19, 33


def alpha_of(data: bytes) -> NDArray[np.uint8] | None:
    (picture,) = decode_pictures(data, alpha=True)
    return picture.alpha


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_level(bits: int) -> None:
    levels = np.random.default_rng(bits).integers(0, 2**bits, (HEIGHT, WIDTH))
    for key in {0, int(levels[3, 4]), 2**bits - 1}:
        levels[5, 5] = key
        rows = packed(levels, bits)
        alpha = alpha_of(png(WIDTH, rows, bits, 0, tRNS=key.to_bytes(2, "big")))
        assert alpha is not None
        np.testing.assert_array_equal(alpha, np.where(levels == key, 0, 255))


@pytest.mark.parametrize("key", [(0x0010, 0x0020, 0x0030), (0x1234, 0x00FF, 0x0100), (0, 0, 0)])
def test_a_transparent_colour_of_16_bits(key: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(3)
    colours = np.array([key] * (HEIGHT * WIDTH)).reshape(HEIGHT, WIDTH, 3)
    colours += rng.integers(0, 3, colours.shape) * rng.choice([1, 256], colours.shape)
    rows = [row.astype(">u2").tobytes() for row in colours]
    alpha = alpha_of(png(WIDTH, rows, 16, 2, tRNS=np.array(key, ">u2").tobytes()))
    expected = np.where((colours == key).all(axis=2), 0, 255)
    assert 0 < (expected == 0).sum() < expected.size
    np.testing.assert_array_equal(alpha, expected)


def test_a_transparent_colour_of_8_bits() -> None:
    colours = np.random.default_rng(3).integers(0, 3, (HEIGHT, WIDTH, 3), np.uint8)
    rows = [row.tobytes() for row in colours]
    alpha = alpha_of(png(WIDTH, rows, 8, 2, tRNS=bytes([0, 1, 0, 2, 0, 0])))
    np.testing.assert_array_equal(alpha, np.where((colours == (1, 2, 0)).all(axis=2), 0, 255))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_of_every_depth(bits: int) -> None:
    rng = np.random.default_rng(bits)
    levels = rng.integers(0, 2**bits, (HEIGHT, WIDTH))
    alphas = rng.integers(0, 256, 2**bits - 1, np.uint8)  # the last entry is opaque
    palette = rng.integers(0, 256, 3 * 2**bits, np.uint8).tobytes()
    rows = packed(levels, bits)
    alpha = alpha_of(png(WIDTH, rows, bits, 3, PLTE=palette, tRNS=alphas.tobytes()))
    np.testing.assert_array_equal(alpha, np.append(alphas, 255)[levels])


@pytest.mark.parametrize(("bits", "colour_type", "n_samples"), [(8, 4, 2), (16, 4, 2), (16, 6, 4)])
def test_alpha_of_every_depth(bits: int, colour_type: int, n_samples: int) -> None:
    shape = HEIGHT, WIDTH, n_samples
    samples = np.random.default_rng(bits).integers(0, 2**bits, shape)
    rows = [row.astype(f">u{bits // 8}").tobytes() for row in samples]
    alpha = alpha_of(png(WIDTH, rows, bits, colour_type))
    np.testing.assert_array_equal(alpha, samples[:, :, -1] >> (bits - 8))
