"""PDQ of one 512 x 512 picture on one thread, compared with pdqhash after checking equality.

Each group compares one job; the figures in brackets are the ratios to the fastest.
"""

import numpy as np
import pdqhash
import pytest

from hashmatch import _core
from hashmatch.hashing import pdq
from tests.hashing.pdq_evidence import compute_evidence

SIDE_PX = 512


@pytest.fixture(scope="module")
def rgb():
    """Return an RGB picture with detail at many scales, which takes the fast path."""
    rng = np.random.default_rng(20261122)
    picture = np.zeros((SIDE_PX, SIDE_PX, 3))
    for step_px in (2, 4, 8, 16, 32, 64, 128):
        n = SIDE_PX // step_px
        picture += np.kron(
            rng.normal(0, 6 + step_px / 4, (n, n, 3)), np.ones((step_px, step_px, 1))
        )
    return (picture + 128).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def luma(rgb):
    return np.ascontiguousarray(rgb[..., 1])


@pytest.fixture(scope="module")
def blank():
    """Return a picture that only the slow path can hash."""
    return np.full((SIDE_PX, SIDE_PX, 3), (200, 90, 30), np.uint8)


@pytest.fixture(params=_core.runnable_kernels())
def kernel(request):
    before = _core.select_kernel(request.param)
    yield request.param
    _core.select_kernel(before)


def grey(luma):
    return np.stack([luma] * 3, axis=-1)


def check(pixels, colours, *, is_fast=True):
    bits, quality = pdqhash.compute(colours)
    code, same_quality = pdq.hash(pixels)
    assert np.array_equal(code, np.packbits(bits))
    assert quality == same_quality
    hashes, quality = pdqhash.compute_dihedral(colours)
    codes, same_quality = pdq.dihedral(pixels)
    assert np.array_equal(codes, [np.packbits(bits) for bits in hashes])
    assert quality == same_quality
    assert compute_evidence(pixels, 8)["fast_is_certain"] == is_fast


@pytest.mark.benchmark(group="PDQ of 512 x 512 uint8 luma")
def test_hash_luma(benchmark, kernel, luma):
    check(luma, grey(luma))
    benchmark(pdq.hash, luma)


@pytest.mark.benchmark(group="PDQ of 512 x 512 uint8 luma")
def test_hash_luma_pdqhash(benchmark, luma):
    benchmark(pdqhash.compute, grey(luma))


@pytest.mark.benchmark(group="PDQ of 512 x 512 uint8 RGB")
def test_hash_rgb(benchmark, kernel, rgb):
    check(rgb, rgb)
    benchmark(pdq.hash, rgb)


@pytest.mark.benchmark(group="PDQ of 512 x 512 uint8 RGB")
def test_hash_rgb_pdqhash(benchmark, rgb):
    benchmark(pdqhash.compute, rgb)


@pytest.mark.benchmark(group="PDQ of 512 x 512 float32 luma")
def test_hash_float_luma(benchmark, kernel, luma):
    check(luma.astype(np.float32), grey(luma))
    benchmark(pdq.hash, luma.astype(np.float32))


@pytest.mark.benchmark(group="PDQ of 512 x 512, eight orientations")
def test_dihedral_luma(benchmark, kernel, luma):
    check(luma, grey(luma))
    benchmark(pdq.dihedral, luma)


@pytest.mark.benchmark(group="PDQ of 512 x 512, eight orientations")
def test_dihedral_pdqhash(benchmark, luma):
    benchmark(pdqhash.compute_dihedral, grey(luma))


@pytest.mark.benchmark(group="PDQ of 512 x 512, the slow path")
def test_hash_blank(benchmark, kernel, blank):
    check(blank, blank, is_fast=False)
    benchmark(pdq.hash, blank)


@pytest.mark.benchmark(group="PDQ of 512 x 512, the slow path")
def test_hash_blank_pdqhash(benchmark, blank):
    benchmark(pdqhash.compute, blank)
