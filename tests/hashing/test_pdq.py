"""PDQ against pdqhash and against its definition, on every kernel, size and kind of picture."""

from __future__ import annotations

import platform
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch import _core
from hashmatch.hashing import pdq
from hashmatch.views import ORIENTATIONS
from tests.hashing.pdq_evidence import compute_evidence

Pixels = NDArray[Any]

pytestmark = pytest.mark.usefixtures("kernel")

# Elsewhere pdqhash may be compiled to fused multiply-adds, which round otherwise. The NumPy oracle
# stands in there.
on_x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="pdqhash rounds as on x86-64 there only"
)

KINDS = ("noise", "faint", "blank", "ramp", "waves", "stripes", "tiles", "collage", "smooth")
BOUNDARIES = sorted({n + d for n in (64, 128, 192, 256, 384) for d in (-1, 0, 1)} | {5, 6, 7, 31})
SIDES = st.one_of(st.integers(5, 200), st.sampled_from(BOUNDARIES))


def smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Noise on a coarse mesh, drawn out by straight lines."""
    height, width = shape
    mesh = rng.integers(0, 256, (35, 29, 3)).astype(float)
    rows, columns = np.linspace(0, 33.999, height), np.linspace(0, 27.999, width)
    i, j = rows.astype(int), columns.astype(int)
    y, x = (rows - i)[:, None, None], (columns - j)[None, :, None]
    top = mesh[i][:, j] * (1 - x) + mesh[i][:, j + 1] * x
    low = mesh[i + 1][:, j] * (1 - x) + mesh[i + 1][:, j + 1] * x
    return top * (1 - y) + low * y


def draw_picture(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> Any:
    """uint8 (height, width, 3). Regular pictures are where the reference's roundings add up."""
    height, width = shape
    y, x = np.mgrid[:height, :width][..., None]
    if kind == "noise":
        values = rng.integers(0, 256, (*shape, 3))
    elif kind == "faint":
        values = rng.integers(0, 254) + rng.integers(0, 2, (*shape, 3))
    elif kind == "blank":
        values = np.broadcast_to(rng.integers(0, 256, 3), (*shape, 3))
    elif kind == "ramp":
        values = rng.uniform(-255, 255, 3) * y / height + rng.uniform(-255, 255, 3) * x / width
        values = (values + rng.integers(0, 256, 3)).clip(0, 255)
    elif kind == "waves":
        values = (x * rng.integers(1, 4, 3) + y * rng.integers(0, 3)) % 256
    elif kind == "stripes":
        values = rng.integers(0, 256, (5, width, 3))[np.sort(rng.integers(0, 5, height))]
    elif kind == "tiles":
        tile = rng.integers(0, 256, (*rng.integers(1, 10, 2), 3))
        values = np.tile(tile, (height, width, 1))[:height, :width]
    elif kind == "collage":
        parts = [draw_picture(rng, shape, k) for k in rng.choice(KINDS[:7], 2)]
        (top, low), (left, right) = (np.sort(rng.integers(0, n + 1, 2)) for n in shape)
        values = smooth(rng, shape)
        values[top:low, left:right] = parts[0][top:low, left:right]
        values[: top // 2] = parts[1][: top // 2]
    else:
        values = smooth(rng, shape)
    return np.ascontiguousarray(values, dtype=np.uint8)


def luma_of(rgb: Pixels) -> Any:
    """float32 luma, as pdqhash's Python takes it from colours."""
    return (rgb[..., 0] * 0.299 + rgb[..., 1] * 0.587 + rgb[..., 2] * 0.114).astype(np.float32)


def assert_same(found: Any, expected: Any) -> None:
    codes, quality = found
    assert codes.dtype == np.uint8
    assert codes.shape == expected[0].shape
    assert codes.tobytes().hex() == expected[0].tobytes().hex()
    assert (type(quality), quality) == (int, expected[1])


pictures = st.builds(
    lambda seed, height, width, kind: draw_picture(
        np.random.default_rng(seed), (height, width), kind
    ),
    st.integers(0, 2**32),
    SIDES,
    SIDES,
    st.sampled_from(KINDS),
)


@on_x86
@given(rgb=pictures)
@settings(max_examples=150)
def test_hashes_equal_those_of_pdqhash(reference: Any, rgb: Pixels) -> None:
    assert_same(pdq.hash(rgb), reference.hash(rgb))
    assert_same(pdq.dihedral(rgb), reference.dihedral(rgb))
    if rgb.shape[:2] != (64, 64):  # there alone pdqhash filters for eight hashes only
        assert np.array_equal(pdq.dihedral(rgb)[0][0], pdq.hash(rgb)[0])


@on_x86
@given(rgb=pictures)
@settings(max_examples=75)
def test_uint8_luma_counts_as_grey(reference: Any, rgb: Pixels) -> None:
    luma = rgb[..., 1]
    assert_same(pdq.hash(luma), reference.hash(luma))
    assert_same(pdq.dihedral(luma), reference.dihedral(luma))


@on_x86
@pytest.mark.parametrize("kind", ["noise", "blank", "ramp", "stripes"])
@pytest.mark.parametrize(
    "shape", [(4000, 5), (5, 4000), (513, 511), (1025, 700), (300, 2100), (5, 23300), (64, 64)]
)
def test_large_long_and_special_sizes_equal_pdqhash(
    reference: Any, shape: tuple[int, ...], kind: str
) -> None:
    rgb = draw_picture(np.random.default_rng(7), shape, kind)
    assert_same(pdq.hash(rgb), reference.hash(rgb))
    assert_same(pdq.dihedral(rgb), reference.dihedral(rgb))
    assert_same(pdq.hash(rgb[..., 0]), reference.hash(rgb[..., 0]))


@given(rgb=pictures)
@settings(max_examples=40)
def test_float_luma_of_colours_equals_the_colours(rgb: Pixels) -> None:
    assert_same(pdq.hash(luma_of(rgb)), pdq.hash(rgb))
    assert_same(pdq.dihedral(luma_of(rgb)), pdq.dihedral(rgb))


@given(rgb=pictures, scale=st.sampled_from([1e-3, 1.0, -1.0, 256.9]), seed=st.integers(0, 99))
@settings(max_examples=25)
def test_any_float_luma_equals_the_definition_rounded_as_the_reference(
    naive: Any, rgb: Pixels, scale: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, rgb.shape[:2]) * (seed % 2)
    luma = ((luma_of(rgb) + noise) * scale).clip(-65535, 65535).astype(np.float32)
    assert_same(pdq.hash(luma), naive.hash(luma))


@given(rgb=pictures)
@settings(max_examples=25)
def test_samples_and_coefficients_equal_the_definition_in_double(naive: Any, rgb: Pixels) -> None:
    exact = naive.grid(luma_of(rgb), dtype=np.float64)
    found = compute_evidence(rgb, 1)
    np.testing.assert_allclose(found["grid"], exact, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found["coefficients"], naive.coefficients(exact), atol=4e-3)


@on_x86
@given(rgb=pictures)
@settings(max_examples=40)
def test_the_slow_way_has_the_very_floats_of_the_reference(
    reference: Any, naive: Any, rgb: Pixels
) -> None:
    if rgb.shape[:2] == (64, 64):
        return  # compute_float() does not filter these
    found = compute_evidence(rgb, 1)
    assert np.array_equal(found["reference_coefficients"], reference.coefficients(rgb))
    assert np.array_equal(found["reference_grid"], naive.grid(luma_of(rgb), dtype=np.float32))


def assert_within_bounds(pixels: Pixels) -> float:
    found = compute_evidence(pixels, 8)
    drift = np.abs(found["coefficients"] - found["reference_coefficients"])
    assert (drift <= found["errors"]).all()
    error = found["grid"] - found["reference_grid"]
    gradients = max(np.abs(np.diff(error, axis=axis)).max() for axis in (0, 1)) * 100 / 255
    assert gradients <= found["gradient_slack"]
    return float((drift / found["errors"]).max())


@given(rgb=pictures, factor=st.integers(1, 8))
@settings(max_examples=100)
def test_the_fast_way_stays_within_its_error_bound(rgb: Pixels, factor: int) -> None:
    larger = np.ascontiguousarray(np.tile(rgb, (factor, factor, 1))[:700, :700])
    assert_within_bounds(larger)
    assert_within_bounds(np.ascontiguousarray(larger[..., 0]))
    assert_within_bounds(luma_of(larger) * np.float32(0.01))


def test_clear_pictures_go_the_fast_way_and_blanks_do_not() -> None:
    rng = np.random.default_rng(3)
    clear = [draw_picture(rng, (300, 400), "smooth") for _ in range(40)]
    certain = [compute_evidence(rgb, 1)["fast_is_certain"] for rgb in clear]
    assert sum(certain) >= 30
    blank = np.full((300, 400, 3), (3, 77, 200), np.uint8)
    assert not compute_evidence(blank, 1)["fast_is_certain"]


@given(rgb=pictures)
@settings(max_examples=40)
def test_all_kernels_compute_the_same_floats(rgb: Pixels) -> None:
    before = _core.active_kernel()
    mine: Any = compute_evidence(rgb, 8), compute_evidence(luma_of(rgb), 8)
    _core.select_kernel("portable")
    plain: Any = compute_evidence(rgb, 8), compute_evidence(luma_of(rgb), 8)
    _core.select_kernel(before)
    for ours, theirs in zip(mine, plain, strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert np.array_equal(ours[name], theirs[name]), name


@pytest.mark.parametrize("seed", range(5))
def test_orientations_are_those_of_the_turned_picture(seed: int) -> None:
    rgb = draw_picture(np.random.default_rng(seed), (384, 256), "smooth")
    turned = (
        rgb,
        np.rot90(rgb, 1),
        np.rot90(rgb, 2),
        np.rot90(rgb, 3),
        rgb[::-1],
        rgb[:, ::-1],
        rgb.transpose(1, 0, 2),
        np.rot90(rgb, 2).transpose(1, 0, 2),
    )
    codes, _quality = pdq.dihedral(rgb)
    assert len(codes) == len(turned) == len(ORIENTATIONS)
    hashes = np.stack([pdq.hash(picture)[0] for picture in turned])
    distances = np.bitwise_count(codes[:, None] ^ hashes[None]).sum(axis=2)
    assert (np.diag(distances) <= 60).all()
    assert (distances[~np.eye(8, dtype=bool)] >= 90).all()


@pytest.mark.parametrize("pixels", ["rgb", "uint8", "float32"])
def test_layout_in_memory_does_not_matter(pixels: str) -> None:
    rgb = draw_picture(np.random.default_rng(1), (131, 150), "smooth")
    plain: Pixels = {"rgb": rgb, "uint8": rgb[..., 0].copy(), "float32": luma_of(rgb)}[pixels]
    expected = pdq.dihedral(plain)
    room = np.zeros((2 * plain.shape[0], 3 * plain.shape[1], *plain.shape[2:]), plain.dtype)
    room[::2, ::3] = plain
    shifted = np.frombuffer(b"x" + plain.tobytes(), plain.dtype, offset=1).reshape(plain.shape)
    for same in (room[::2, ::3], np.asfortranarray(plain), plain[::-1, ::-1][::-1, ::-1], shifted):
        before = same.copy()
        assert_same(pdq.dihedral(same), expected)
        assert_same(pdq.hash(same), pdq.hash(plain))
        assert np.array_equal(same, before)


@pytest.mark.parametrize("shape", [(1, 1), (4, 300), (300, 4), (4, 4)])
def test_sides_under_5_px_have_the_zero_hash(shape: tuple[int, ...]) -> None:
    for pixels in (np.full((*shape, 3), 9, np.uint8), np.eye(*shape, dtype=np.float32)):
        assert_same(pdq.hash(pixels), (np.zeros(32, np.uint8), 0))
        assert_same(pdq.dihedral(pixels), (np.zeros((8, 32), np.uint8), 0))


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros((9, 9), np.float64), r"float32 \(H, W\), not float64 \(9, 9\)$"),
        (np.zeros((9, 9), np.int8), r"^pixels must be uint8 \(H, W\)"),
        (np.zeros((9, 9), bool), "not bool"),
        (np.zeros((9, 9), ">f4"), "not >f4"),
        (np.zeros((9, 9, 3), np.float32), r"not float32 \(9, 9, 3\)$"),
        (np.zeros((9, 9, 4), np.uint8), r"not uint8 \(9, 9, 4\)$"),
        (np.zeros((9, 9, 1), np.uint8), r"not uint8 \(9, 9, 1\)$"),
        (np.zeros(9, np.uint8), r"not uint8 \(9,\)$"),
        (np.zeros((1, 9, 9, 3), np.uint8), r"not uint8 \(1, 9, 9, 3\)$"),
        (np.zeros((0, 9), np.uint8), "at least one row and one column"),
        (np.zeros((9, 0, 3), np.uint8), "at least one row and one column"),
    ],
)
def test_wrong_pixels_are_refused(pixels: Pixels, said: str) -> None:
    for compute in (pdq.hash, pdq.dihedral):
        with pytest.raises(ValueError, match=said) as caught:
            compute(pixels)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 65536.0, -1e30])
@pytest.mark.parametrize("place", [(0, 0), (99, 7), (51, 40), (3, 2)])
def test_luma_that_is_no_luma_is_refused(value: float, place: tuple[int, int]) -> None:
    for shape in [(100, 50), (100, 4)]:
        luma = np.ones(shape, np.float32)
        luma[place[0], place[1] % shape[1]] = value
        with pytest.raises(ValueError, match="^luma must be finite, from -65535 to 65535$"):
            pdq.hash(luma)


def test_threads_do_not_disturb_one_another() -> None:
    rng = np.random.default_rng(5)
    shapes = [(5 + 37 * i % 300, 5 + 53 * i % 400) for i in range(24)]
    jobs = [
        draw_picture(rng, shape, KINDS[i % len(KINDS)])[..., : 3 if i % 2 else 1].squeeze()
        for i, shape in enumerate(shapes)
    ]
    expected = [pdq.dihedral(job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(pdq.dihedral, jobs * 10))
    for i, result in enumerate(found):
        assert_same(result, expected[i % len(jobs)])


@pytest.mark.parametrize("gain", [1.0, 255 / 219, 2.0])
def test_gain_is_that_of_the_quality_alone(kernel: str, gain: float) -> None:
    rng = np.random.default_rng(11)
    for spread in (0, 1, 3, 10, 40):
        coarse = rng.normal(120, spread, (12, 16))
        luma = np.kron(coarse, np.ones((20, 20))).clip(16, 235).astype(np.uint8)
        code, quality = pdq.hash(luma, gain=gain)
        stretched_code, stretched_quality = pdq.hash(luma * np.float32(gain))
        assert np.array_equal(code, pdq.hash(luma)[0])
        if gain != 255 / 219:  # by a power of 2 nothing is rounded
            assert np.array_equal(code, stretched_code)
        assert abs(quality - stretched_quality) <= 1


@pytest.mark.parametrize("gain", [0.99, 2.01, float("nan"), -1.0])
def test_a_gain_out_of_range_is_refused(gain: float) -> None:
    with pytest.raises(ValueError, match="gain must be from 1 to 2"):
        pdq.hash(np.zeros((8, 8), np.uint8), gain=gain)


@given(rgb=pictures, tolerance_bits=st.integers(0, 20))
@settings(max_examples=60)
def test_a_tolerance_is_kept(rgb: Pixels, tolerance_bits: int) -> None:
    exact, quality = pdq.dihedral(rgb)
    codes, near_quality = pdq.dihedral(rgb, tolerance_bits=tolerance_bits)
    assert np.bitwise_count(codes ^ exact).sum(axis=1).max() <= tolerance_bits
    assert abs(near_quality - quality) <= (4 if tolerance_bits else 0)


def test_a_tolerance_below_0_is_refused() -> None:
    with pytest.raises(ValueError, match="tolerance_bits must be at least 0"):
        pdq.dihedral(np.zeros((64, 64), np.uint8), tolerance_bits=-1)
