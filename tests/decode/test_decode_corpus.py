"""The picture corpus: one picture in every mode, and photos by their Y plane alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pdqhash
import pytest
from PIL import Image

from hashmatch.decode import decode_image, read_content

pytestmark = pytest.mark.corpus

MODES = "pdq/misc-images/modes"

# Each file there holds the picture, some of them without its colours: none is exempt.
MODE_FILES = [
    "1.png", "CMYK.jpg", "F.webp", "HSV.webp", "I.webp", "L.png", "LA.png", "LAB.webp", "P.png",
    "PA.webp", "RGB.jpg", "RGBA.png", "YCbCr.jpg", "original.jpg",
]  # fmt: skip


def pdq(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    bits, quality = pdqhash.compute(pixels)
    return np.packbits(bits), quality


def test_the_list_of_modes_is_complete(corpus: Path) -> None:
    found = {path.name for path in (corpus / MODES).iterdir() if path.suffix != ".md"}
    assert found == set(MODE_FILES)


@pytest.mark.parametrize("name", MODE_FILES)
def test_a_mode_keeps_the_hash(name: str, corpus: Path) -> None:
    original = pdq(np.asarray(Image.open(corpus / MODES / "original.jpg")))[0]
    code, quality = pdq(decode_image(read_content(corpus / MODES / name)).array)
    assert np.bitwise_count(code ^ original).sum() <= 2
    assert quality >= 50


def test_luma_stays_near_exact(corpus: Path) -> None:
    photos = sorted((corpus / "photos").iterdir())[::8]
    distances = []
    for path in photos:
        data = read_content(path)
        luma = decode_image(data, decode="luma")
        assert luma.decode == "luma"
        exact, quality = pdq(decode_image(data).array)
        if quality >= 50:
            grey = np.repeat(luma.array[:, :, None], 3, axis=2)
            distances.append(int(np.bitwise_count(pdq(grey)[0] ^ exact).sum()))
    assert len(distances) > 30
    assert max(distances) <= 4
    assert np.mean(distances) < 1
