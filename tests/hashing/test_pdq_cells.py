"""PDQ of the means of cells is PDQ of the picture in which each pixel has its cell's mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.hashing import hash_cells, pdq


def whole(means: np.ndarray, cell_px: int, height_px: int, width_px: int) -> np.ndarray:
    pixels = means.repeat(cell_px, axis=0).repeat(cell_px, axis=1)
    return np.ascontiguousarray(pixels[:height_px, :width_px])


@given(
    n_cells=st.tuples(st.integers(66, 150), st.integers(66, 150)),
    cut_px=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    cell_px=st.sampled_from((1, 2, 3, 4, 8)),
    seed=st.integers(0, 1000),
)
def test_cells_stand_for_their_pixels(n_cells, cut_px, cell_px, seed):
    means = np.random.default_rng(seed).integers(0, 256, n_cells, dtype=np.uint8)
    sides_px = [n * cell_px - cut % cell_px for n, cut in zip(n_cells, cut_px, strict=True)]
    code, quality = hash_cells(means, cell_px, *sides_px)
    expected, expected_quality = pdq.hash(whole(means, cell_px, *sides_px))
    # pdq.hash repeats the float32 sums of the reference where they decide a bit.
    assert np.bitwise_count(code ^ expected).sum() <= 2
    assert abs(quality - expected_quality) <= 1


def test_a_very_long_side():
    means = np.random.default_rng(1).integers(0, 256, (130, 2896), dtype=np.uint8)
    code, _ = hash_cells(means, 8, 1034, 23_168)
    expected, _ = pdq.hash(whole(means, 8, 1034, 23_168))
    assert np.bitwise_count(code ^ expected).sum() <= 2


@pytest.mark.parametrize(
    ("shape", "sides_px"),
    [
        ((50, 50), (101, 100)),
        ((50, 50), (98, 100)),
        ((32, 50), (64, 100)),
        ((50, 11585), (100, 23169)),
    ],
)
def test_what_does_not_fit_is_refused(shape, sides_px):
    with pytest.raises(ValueError, match=r"^(means|sides) "):
        hash_cells(np.zeros(shape, np.uint8), 2, *sides_px)
