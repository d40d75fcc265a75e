"""Hashes to and from the objects of imagehash."""

from __future__ import annotations

import sys
from typing import Any

import imagehash
import numpy as np
import pytest
from PIL import Image

import hashmatch as hm


@pytest.fixture(scope="module")
def image() -> Any:
    noise = np.random.default_rng(4).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("phash", imagehash.phash),
        ("dhash", imagehash.dhash),
        ("ahash", imagehash.average_hash),
        ("whash", imagehash.whash),
    ],
)
def test_there_and_back(image: Image.Image, name: str, oracle: Any) -> None:
    ours, theirs = hm.hash_image(image, name), oracle(image)
    assert ours.to_imagehash() == theirs
    assert ours.to_imagehash().hash.shape == theirs.hash.shape == (8, 8)
    assert str(ours.to_imagehash()) == ours.hex
    assert hm.Hash.from_imagehash(theirs, name) == ours
    other = oracle(image.rotate(30))
    assert hm.Hash.from_imagehash(other, name).distance(ours) == other - theirs


def test_other_widths(image: Image.Image) -> None:
    pdq = hm.hash_image(image)
    assert str(pdq.to_imagehash()) == pdq.hex
    assert pdq.to_imagehash().hash.shape == (16, 16)
    oblong = hm.Hash("oblong", np.arange(16, dtype=np.uint8), None)
    assert str(oblong.to_imagehash()) == oblong.hex
    assert hm.Hash.from_imagehash(oblong.to_imagehash(), "oblong") == oblong
    wide = imagehash.phash(image, hash_size=16)
    assert hm.Hash.from_imagehash(wide, "phash-256").bits == 256


def test_what_is_no_hash_is_refused(image: Image.Image) -> None:
    with pytest.raises(TypeError, match=r"^expected an imagehash\.ImageHash, not ImageMultiHash$"):
        hm.Hash.from_imagehash(imagehash.ImageMultiHash([imagehash.phash(image)]), "phash")
    with pytest.raises(ValueError, match=r"^expected a multiple of 8 bits, not 42$"):
        hm.Hash.from_imagehash(imagehash.colorhash(image), "colorhash")


def test_without_imagehash_the_error_says_what_to_install(
    image: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imagehash", None)
    with pytest.raises(ImportError, match=r"pip install 'hashmatch\[compat\]'$") as raised:
        hm.hash_image(image, "phash").to_imagehash()
    assert "\n" not in str(raised.value)
