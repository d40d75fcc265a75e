"""Fixtures of the hashing tests: the kernels and two independent oracles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pdqhash
import pytest
from numpy.typing import NDArray

from hashmatch import _core

Pixels = NDArray[Any]


@pytest.fixture(params=_core.runnable_kernels(), scope="module")
def kernel(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Run the test once with each kernel this CPU has."""
    before = _core.select_kernel(request.param)
    yield request.param
    _core.select_kernel(before)


class Pdqhash:
    """The reference implementation, as PyPI has it."""

    @staticmethod
    def hash(pixels: Pixels) -> Any:
        bits, quality = pdqhash.compute(_rgb(pixels))
        return np.packbits(bits), quality

    @staticmethod
    def dihedral(pixels: Pixels) -> Any:
        hashes, quality = pdqhash.compute_dihedral(_rgb(pixels))
        return np.stack([np.packbits(bits) for bits in hashes]), quality

    @staticmethod
    def coefficients(pixels: Pixels) -> Any:
        values, _quality = pdqhash.compute_float(_rgb(pixels))
        return values[::-1].reshape(16, 16).astype(np.float32)


class Naive:
    """PDQ by its definition in NumPy: exactly (float64), or rounding as the reference does."""

    @classmethod
    def grid(cls, luma: Any, *, dtype: Any) -> Any:
        """64 x 64 samples of the luma, filtered twice along rows and columns."""
        box = _exact_box if dtype == np.float64 else _running_box
        values = np.asarray(luma, dtype=dtype)
        for _round in range(2):
            values = box(np.ascontiguousarray(values.T)).T
            values = box(np.ascontiguousarray(values))
        rows, columns = (((2 * np.arange(64) + 1) * side) // 128 for side in values.shape)
        return values[np.ix_(rows, columns)]

    @classmethod
    def coefficients(cls, grid: Any) -> Any:
        """Coefficients 1..16 of the cosine transform, each sum taken term by term."""
        dtype = grid.dtype.type
        frequency, place = np.mgrid[1:17, 0:64]
        scale = dtype(np.sqrt(2 / 64))
        cosines = (scale * np.cos(np.pi / 2 / 64 * frequency * (2 * place + 1))).astype(dtype)
        half, whole = np.zeros((16, 64), dtype), np.zeros((16, 16), dtype)
        for k in range(64):
            half = half + cosines[:, k, None] * grid[k]
        for k in range(64):
            whole = whole + half[:, k, None] * cosines[:, k]
        return whole

    @classmethod
    def quality(cls, grid: Any) -> Any:
        total = 0
        for step in (grid[:-1] - grid[1:], grid[:, :-1] - grid[:, 1:]):
            total += int(np.abs(np.trunc(step * grid.dtype.type(100) / grid.dtype.type(255))).sum())
        return min(total // 90, 100)

    @classmethod
    def hash(cls, luma: Any) -> Any:
        """Code and quality of float32 luma, rounding as the reference does."""
        grid = np.asarray(luma, np.float32)
        if grid.shape != (64, 64):
            grid = cls.grid(luma, dtype=np.float32)
        values = cls.coefficients(grid).ravel()
        bits = values > np.sort(values)[127]
        return np.packbits(bits[::-1]), cls.quality(grid)


def _rgb(pixels: Pixels) -> Any:
    return np.ascontiguousarray(pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1))


def _window(n: int) -> Any:
    size = (n + 127) // 128
    return size, (size - 1) // 2, size // 2


def _exact_box(values: Any) -> Any:
    n = len(values)
    _size, left, right = _window(n)
    means = [values[max(i - left, 0) : i + right + 1].mean(axis=0) for i in range(n)]
    return np.stack(means)


def _running_box(values: Any) -> Any:
    n = len(values)
    size, _left, right = _window(n)
    total, means = np.zeros_like(values[0]), np.empty_like(values)
    for i in range(n + right):
        if i < n:
            total = total + values[i]
        if i >= size:
            total = total - values[i - size]
        if i >= right:
            count = min(i, n - 1) - max(i - size + 1, 0) + 1
            means[i - right] = total / values.dtype.type(count)
    return means


@pytest.fixture(scope="session")
def reference() -> Any:
    return Pdqhash


@pytest.fixture(scope="session")
def naive() -> Any:
    return Naive
