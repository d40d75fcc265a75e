"""The transforms of pHash and the wavelet hash against SciPy and PyWavelets, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pywt
import scipy.fftpack
from numpy.typing import NDArray

from hashmatch import _core

Pixels = NDArray[Any]


def squares(side: int) -> Any:
    """Pictures in which coefficients cancel, and noise."""
    noise = np.random.default_rng(side).integers(0, 256, (side, side), dtype=np.uint8)
    half = noise[:, : side // 2]
    ramp = (np.arange(side) * 255 // (side - 1)).astype(np.uint8)
    return {
        "noise": noise,
        "flat": np.full((side, side), 77, np.uint8),
        "black": np.zeros((side, side), np.uint8),
        "left is right": np.concatenate([half, half[:, ::-1]], axis=1),
        "top is bottom": np.concatenate([half.T, half.T[::-1]], axis=0),
        "symmetric": np.maximum(noise, noise.T),
        "rows alike": np.tile(ramp, (side, 1)),
        "columns alike": np.tile(ramp[:, None], (1, side)),
        "halves": np.where(np.arange(side)[:, None] < side // 2, 255, np.zeros_like(noise)),
        "few levels": noise // 64 * 64,
        "chessboard": np.indices((side, side)).sum(axis=0).astype(np.uint8) % 2 * 255,
    }


@pytest.mark.parametrize("name", squares(32))
def test_phash_coefficients_are_those_of_scipy(name: str) -> None:
    grey = squares(32)[name]
    dct = scipy.fftpack.dct(scipy.fftpack.dct(grey, axis=0), axis=1)[:8, :8]
    assert _core.phash_coefficients(grey).tobytes() == (dct + 0.0).tobytes()


def test_phash_coefficients_of_many_pictures() -> None:
    noise = np.random.default_rng(9).integers(0, 256, (1000, 32, 32), dtype=np.uint8)
    noise[::2, :, 16:] = noise[::2, :, 15::-1]
    for grey in noise:
        dct = scipy.fftpack.dct(scipy.fftpack.dct(grey, axis=0), axis=1)[:8, :8]
        assert np.array_equal(_core.phash_coefficients(grey), dct)


def haar(grey: Pixels) -> Any:
    """Return the values that imagehash.whash compares with their median."""
    levels = len(grey).bit_length() - 1
    coefficients = list(pywt.wavedec2(grey / 255.0, "haar", level=levels))
    coefficients[0] *= 0
    return pywt.wavedec2(pywt.waverec2(coefficients, "haar"), "haar", level=levels - 3)[0]


@pytest.mark.parametrize("side", [8, 16, 32, 64, 256, 512])
def test_whash_approximations_are_those_of_pywavelets(side: int) -> None:
    for grey in squares(side).values():
        assert np.array_equal(_core.whash_approximation(grey), haar(grey))


@pytest.mark.parametrize("side", [8, 16, 64, 512])
def test_block_sums(side: int) -> None:
    for grey in squares(side).values():
        blocks = grey.astype(np.int64).reshape(8, side // 8, 8, side // 8)
        assert np.array_equal(_core.whash_sums(grey), blocks.sum(axis=(1, 3)))
