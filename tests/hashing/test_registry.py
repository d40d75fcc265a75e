"""The registry of algorithms."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch.hashing import (
    DIGESTS,
    Digest,
    OrientedHash,
    PixelHash,
    SegmentHash,
    algorithms,
    get_algorithm,
    get_pixel_hash,
    pdq,
    problems,
)
from hashmatch.values import DIGEST_BITS
from hashmatch.views import ORIENTATIONS

Pixels = NDArray[Any]

OF_PICTURES = ("ahash", "dhash", "pdq", "phash", "whash")


def test_the_algorithms_are_these() -> None:
    assert list(algorithms()) == sorted([*OF_PICTURES, "crop-resistant", *DIGEST_BITS])
    assert problems() == []


def test_only_pdq_states_a_luma_drift() -> None:
    assert [name for name in algorithms() if algorithms()[name].luma_drift] == ["pdq"]
    assert pdq.LUMA_DRIFT.margin_bits == 16


def test_digests_are_those_that_policies_know() -> None:
    assert {digest.name: digest.bits for digest in DIGESTS} == DIGEST_BITS
    assert {name for name in algorithms() if algorithms()[name].exact_only} == set(DIGEST_BITS)


def test_pdq_is_registered() -> None:
    algorithm = get_algorithm("pdq")
    assert algorithms()["pdq"] is algorithm is get_pixel_hash("pdq")
    assert (algorithm.name, algorithm.bits, algorithm.default_radius) == ("pdq", 256, 31)
    assert isinstance(algorithm, OrientedHash)
    assert algorithm.orientations == ORIENTATIONS
    assert algorithm.orientations[0] == "as_stored"


@pytest.mark.parametrize("name", list(algorithms()))
def test_every_algorithm_is_of_one_kind(name: str) -> None:
    algorithm = algorithms()[name]
    assert algorithm.name == name
    assert algorithm.bits % 8 == 0
    assert 0 <= algorithm.default_radius <= algorithm.bits
    kinds = [kind for kind in (PixelHash, SegmentHash, Digest) if isinstance(algorithm, kind)]
    assert len(kinds) == 1
    assert (algorithm.default_radius == 0) == (kinds == [Digest]) == algorithm.exact_only


@pytest.mark.parametrize("name", OF_PICTURES)
def test_every_hash_of_pictures_keeps_the_protocol(name: str) -> None:
    algorithm = get_pixel_hash(name)
    pixels = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    for shaped in (pixels, pixels[..., 0], pixels[::2, ::-1]):
        code, quality = algorithm.hash_pixels(shaped)
        assert code.dtype == np.uint8
        assert code.shape == (algorithm.bits // 8,)
        assert quality is None or 0 <= quality <= 100
        again, _ = algorithm.hash_pixels(np.ascontiguousarray(shaped))
        assert np.array_equal(code, again)
        if isinstance(algorithm, OrientedHash):
            codes, same_quality, stretched_quality = algorithm.hash_orientations(shaped)
            assert codes.dtype == np.uint8
            assert codes.shape == (len(algorithm.orientations), algorithm.bits // 8)
            assert np.array_equal(codes[0], code)
            assert quality == same_quality
            assert stretched_quality is None or 0 <= stretched_quality <= 100


@pytest.mark.parametrize("name", OF_PICTURES)
@pytest.mark.parametrize(
    "pixels",
    [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3), np.uint16)],
)
def test_what_is_no_picture_is_refused(name: str, pixels: Pixels) -> None:
    with pytest.raises(ValueError, match="pixels must"):
        get_pixel_hash(name).hash_pixels(pixels)


def test_an_unknown_algorithm_is_named_with_those_known() -> None:
    known = ", ".join(algorithms())
    with pytest.raises(ValueError, match=f"^unknown hash algorithm 'pdqf'; known: {known}$"):
        get_algorithm("pdqf")
    with pytest.raises(KeyError):
        algorithms()["pdqf"]


def test_what_gives_no_hash_of_a_picture_says_what_to_use() -> None:
    with pytest.raises(ValueError, match=r"^md5 is a digest of a file, .*hashmatch\.digests$"):
        get_pixel_hash("md5")
    with pytest.raises(ValueError, match=r"^crop-resistant gives .*hashmatch\.hash_segments$"):
        get_pixel_hash("crop-resistant")


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys; from hashmatch.hashing import get_algorithm; get_algorithm('pdq');"
        "family = 'hashmatch.hashing.imagehash_family';"
        "print([m for m in ('PIL', 'imagehash', 'scipy', 'pywt', family) if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
