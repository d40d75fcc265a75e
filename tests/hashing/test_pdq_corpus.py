"""PDQ of real files: every photo equals pdqhash, every row of the corpus its recorded hash."""

from __future__ import annotations

import csv
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hashmatch.hashing import pdq
from tests.hashing.pdq_evidence import compute_evidence

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(
        platform.machine() not in ("x86_64", "AMD64"),
        reason="pdqhash rounds as on x86-64 there only",
    ),
]


def read(path: Path, *modes: str) -> Any:
    """Pixels of a file that is in one of these modes, else None."""
    with Image.open(path) as image:
        return np.asarray(image) if image.mode in modes else None


@pytest.fixture(scope="module")
def photos(corpus: Path) -> Any:
    paths = sorted((corpus / "photos").iterdir())
    assert len(paths) >= 300
    return [read(path, "RGB", "L") for path in paths]


@pytest.fixture(scope="module")
def hashes(photos: list[Any], reference: Any) -> Any:
    return [reference.hash(photo) for photo in photos]


def test_every_photo_equals_pdqhash(kernel: str, photos: list[Any], hashes: list[Any]) -> None:
    for photo, (code, quality) in zip(photos, hashes, strict=True):
        found, found_quality = pdq.hash(photo)
        assert np.array_equal(found, code)
        assert found_quality == quality
        codes, _quality = pdq.dihedral(photo)
        assert np.array_equal(codes[0], code)


def test_orientations_and_grey_of_photos_equal_pdqhash(photos: list[Any], reference: Any) -> None:
    for photo in photos[::8]:
        for pixels in (photo, photo[..., 1] if photo.ndim == 3 else photo):
            codes, quality = pdq.dihedral(pixels)
            expected, expected_quality = reference.dihedral(pixels)
            assert np.array_equal(codes, expected)
            assert quality == expected_quality


def test_every_recorded_hash_is_found(corpus: Path) -> None:
    with (corpus / "expected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    n_compared = 0
    for row in rows:
        pixels = read(corpus / row["path"], "RGB", "L")
        if pixels is None:
            continue  # how other modes become RGB is for the decoder's tests
        code, quality = pdq.hash(pixels)
        assert (row["path"], code.tobytes().hex()) == (row["path"], row["pdq"])
        assert quality == int(row["pdq_quality"])
        n_compared += 1
    assert n_compared >= 350


def test_most_photos_go_the_fast_way_with_room_to_spare(photos: list[Any]) -> None:
    certain, worst = [], 0.0
    for photo in photos:
        found = compute_evidence(photo, 1)
        certain.append(found["fast_is_certain"])
        drift = np.abs(found["coefficients"] - found["reference_coefficients"])
        worst = max(worst, float((drift / found["errors"]).max()))
    assert np.mean(certain) >= 0.9
    assert worst < 0.25
