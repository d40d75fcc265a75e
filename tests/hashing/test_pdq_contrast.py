"""The quality of faint pictures with their contrast stretched."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.hashing import pdq
from hashmatch.hashing.pdq import PDQ
from tests.conftest import Picture


def qualities(luma: NDArray[np.uint8] | NDArray[np.float32]) -> tuple[int | None, int | None]:
    return PDQ.hash_luma(luma, 1.0, is_oriented=False)[1:]


def large(picture: Picture) -> Picture:
    shape = picture.shape[1] * 4, picture.shape[0] * 4
    return np.asarray(Image.fromarray(picture).resize(shape, Image.Resampling.BICUBIC))


@pytest.mark.usefixtures("kernel")
def test_a_faint_picture_has_the_quality_of_a_stretched_one(pictures: list[Picture]) -> None:
    """Without rounding, fading and stretching undo each other: the code and the quality stay."""
    for picture in pictures[::8]:
        luma = large(picture).astype(np.float32)
        code, whole = pdq.hash(luma)
        assert whole == 100
        for contrast in (0.13, 0.2, 0.5):
            faint = (128 + np.float32(contrast) * (luma - 128)).astype(np.float32)
            faint_code, shown = pdq.hash(faint)
            assert np.bitwise_count(code ^ faint_code).sum() <= 2
            low, high = np.percentile(luma, (2, 98))
            by_hand = pdq.hash(((luma - low) * (255 / (high - low))).astype(np.float32))[1]
            assert qualities(faint) == (shown, 100)
            assert by_hand == 100


@pytest.mark.usefixtures("kernel")
def test_all_entrances_agree(pictures: list[Picture]) -> None:
    faint = (100 + large(pictures[0]) // 8).astype(np.uint8)
    codes, shown, stretched = PDQ.hash_orientations(faint)
    assert shown is not None
    assert stretched is not None
    assert (shown < 50, stretched) == (True, 100)
    assert PDQ.hash_luma(faint, 1.0, is_oriented=True)[1:] == (shown, stretched)
    assert qualities(np.dstack([faint] * 3)) == qualities(faint) == (shown, stretched)
    assert pdq.hash(faint)[1] == shown
    assert pdq.dihedral(faint)[1] == shown
    assert np.array_equal(codes, pdq.dihedral(faint)[0])
    # Of video, the luma spans 16..235: the picture as shown is what is stretched.
    assert PDQ.hash_luma(faint, 255 / 219, is_oriented=False).stretched_quality == 100


@pytest.mark.usefixtures("kernel")
def test_nothing_is_stretched_without_detail() -> None:
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:480, 0:640]
    plain = np.full((480, 640), 90.0)
    lamp = 60 * np.exp(-(((x - 300) / 200) ** 2 + ((y - 200) / 200) ** 2) / 2)
    for wall in (plain, plain + x / 16 + y / 20, plain + lamp, plain + np.square(x / 100)):
        for noise in (0, 1, 3):
            noisy = (wall + rng.normal(0, noise, wall.shape)).round().astype(np.uint8)
            shown, stretched = qualities(noisy)
            assert shown == stretched
    assert qualities(np.zeros((4, 4), np.uint8)) == (0, 0)


@pytest.mark.parametrize(("side_px", "best"), [(64, 0), (64, 100), (5, 0)])
def test_a_clear_picture_keeps_its_quality(side_px: int, best: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (side_px, side_px), dtype=np.uint8)
    if best == 0:
        pixels[:] = 7
    shown, stretched = qualities(pixels)
    assert shown == stretched
    assert best in {0, shown}
