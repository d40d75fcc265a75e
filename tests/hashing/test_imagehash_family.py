"""pHash, dHash, average, wavelet and crop-resistant hash against imagehash, on the same pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from hashmatch.errors import AlgorithmError, DecodeError
from hashmatch.fingerprint import hash_image, hash_segments
from hashmatch.hashing import get_pixel_hash

Pixels = NDArray[Any]

ORACLES = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "ahash": imagehash.average_hash,
    "whash": imagehash.whash,
}


def difference(name: str, pixels: Pixels) -> Any:
    """Return our hash and imagehash's where they differ, else None."""
    ours = hash_image(pixels, name)
    theirs = str(ORACLES[name](Image.fromarray(pixels)))
    return None if ours.hex == theirs and ours.quality is None else (ours.hex, theirs)


def check(pixels: Pixels) -> None:
    found = {name: difference(name, pixels) for name in ORACLES}
    assert found == dict.fromkeys(ORACLES), pixels.shape


sides = st.integers(1, 70)
shapes = st.one_of(st.tuples(sides, sides, st.just(3)), st.tuples(sides, sides))


@given(shapes.flatmap(lambda shape: hnp.arrays(np.uint8, shape)))
def test_any_picture(pixels: Pixels) -> None:
    check(pixels)


@given(
    shapes.flatmap(
        lambda shape: hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 128, 255]))
    )
)
def test_pictures_of_few_colours(pixels: Pixels) -> None:
    check(pixels)


def drawn_pictures() -> Iterator[Any]:
    """Pictures in which much is equal, so that ties and rounding errors decide, and noise."""
    random = np.random.default_rng(1)
    for height, width in (
        (1, 1),
        (2, 3),
        (7, 9),
        (8, 8),
        (64, 64),
        (100, 90),
        (200, 31),
        (333, 250),
    ):
        noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        white = np.full_like(noise, 255)
        yield noise
        yield white
        yield np.full_like(noise, 30) + random.integers(0, 2, noise.shape, dtype=np.uint8)
        yield np.concatenate([noise, noise[:, ::-1]], axis=1)
        yield np.concatenate([noise, noise[::-1]], axis=0)
        yield np.tile((np.arange(width) % 256).astype(np.uint8)[None, :, None], (height, 1, 3))
        yield np.tile((np.arange(height) % 256).astype(np.uint8)[:, None, None], (1, width, 3))
        boxed = white.copy()
        boxed[height // 3 : height // 2 + 1, width // 4 : width // 2 + 1] = (200, 10, 60)
        yield boxed
        framed = noise.copy()
        framed[: height // 4] = framed[-(height // 4) :] = 0
        yield framed


def test_drawn_pictures() -> None:
    for pixels in drawn_pictures():
        check(pixels)


def test_a_large_picture() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (1100, 2300, 3), dtype=np.uint8)
    check(pixels)
    check(np.full((2100, 1030, 3), (1, 2, 3), np.uint8))


def test_ties_are_met_in_these_tests() -> None:
    """The wavelet hash takes its slow way for some of them, and its quick way for others."""
    from hashmatch import _core
    from hashmatch.hashing.grey import grey_of, resize

    ways = set()
    for pixels in drawn_pictures():
        grey = grey_of(pixels)
        side = max(8, 2 ** int(np.log2(min(grey.shape))))
        sums = np.sort(_core.whash_sums(resize(grey, side, side)), axis=None)
        ways.add(sums[31] == sums[32])
    assert ways == {True, False}


@pytest.mark.parametrize("name", ORACLES)
def test_every_kernel_gives_the_same(kernel: str, name: str) -> None:
    for pixels in list(drawn_pictures())[-9:]:
        assert difference(name, pixels) is None


def test_crop_resistant_is_that_of_imagehash() -> None:
    coarse = np.random.default_rng(8).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC))
    ours = hash_segments(pixels)
    theirs = imagehash.crop_resistant_hash(Image.fromarray(pixels))
    assert ",".join(one.hex for one in ours) == str(theirs)
    assert len(ours) > 1
    assert {one.algorithm for one in ours} == {"crop-resistant"}
    again = imagehash.ImageMultiHash([one.to_imagehash() for one in ours])
    assert again.segment_hashes == theirs.segment_hashes


def test_crop_resistant_without_imagehash_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "imagehash", None)
    with pytest.raises(AlgorithmError, match=r"pip install 'hashmatch\[compat\]'$"):
        hash_segments(np.zeros((9, 9, 3), np.uint8))


def test_crop_resistant_of_tiny_pictures() -> None:
    for shape in ((1, 1), (1, 5), (3, 3), (2, 40)):
        pixels = np.random.default_rng(7).integers(0, 2, (*shape, 3), dtype=np.uint8) * 255
        ours = ",".join(one.hex for one in hash_segments(pixels))
        assert ours == str(imagehash.crop_resistant_hash(Image.fromarray(pixels)))


def test_what_imagehash_cannot_hash_is_a_decode_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_image: object) -> None:
        raise ValueError("tile cannot extend outside image")

    monkeypatch.setattr(imagehash, "crop_resistant_hash", refuse)
    reason = "^imagehash cannot hash it by crop-resistant: ValueError: tile cannot extend"
    with pytest.raises(DecodeError, match=reason):
        hash_segments(np.zeros((2, 40, 3), np.uint8))


def test_segments_of_what_has_none() -> None:
    with pytest.raises(ValueError, match="pdq does not hash segments"):
        hash_segments(np.zeros((9, 9, 3), np.uint8), "pdq")


@pytest.mark.corpus
def test_photographs(corpus: Path) -> None:
    files = sorted((corpus / "photos").iterdir())[::4]
    assert len(files) > 50
    for path in files:
        with Image.open(path) as image:
            check(np.asarray(image.convert("RGB")))


@pytest.mark.corpus
def test_files_of_every_mode_are_hashed_as_their_rgb(corpus: Path) -> None:
    """Exact decode makes RGB of a file; imagehash is given the same."""
    from hashmatch.decode import decode_image

    files = [
        path for path in (corpus / "pdq" / "misc-images" / "modes").rglob("*") if path.is_file()
    ]
    n_hashed = 0
    for path in files:
        try:
            pixels = decode_image(path.read_bytes()).array
        except (DecodeError, IsADirectoryError):
            continue
        n_hashed += 1
        for name, oracle in ORACLES.items():
            assert hash_image(path, name).hex == str(oracle(Image.fromarray(pixels))), path
    assert n_hashed > 5


def test_luma_of_a_jpeg_is_taken_as_grey() -> None:
    import io

    pixels = np.random.default_rng(3).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((160, 120), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    luma = Image.open(io.BytesIO(buffer.getvalue()))
    luma.draft("L", luma.size)
    for name, oracle in ORACLES.items():
        assert hash_image(buffer.getvalue(), name, "luma").hex == str(oracle(luma)), name
    assert get_pixel_hash("phash").consumes == "grey"
