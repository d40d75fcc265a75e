"""Hashes of pictures from every kind of source, against the reference implementation."""

from __future__ import annotations

import csv
import io
import threading
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pdqhash
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import DecodeLimits
from hashmatch.errors import DecodeError
from hashmatch.fingerprint import ViewOptions, fingerprint_media, hash_image
from hashmatch.values import Fingerprint, Hash
from hashmatch.views import join

Pixels = NDArray[np.uint8]
ORIENTATIONS = (
    "as_stored", "rot90", "rot180", "rot270", "flipx", "flipy", "transpose", "anti_transpose",
)  # fmt: skip


def reference(pixels: Pixels) -> Hash:
    bits, quality = pdqhash.compute(np.ascontiguousarray(pixels))
    return Hash("pdq", np.packbits(bits), quality)


def fingerprint(data: bytes, decode: str = "exact", algorithm: str = "pdq") -> Fingerprint:
    found = fingerprint_media(data, "picture", (algorithm,), decode, ViewOptions())
    return found[algorithm].unwrap()


def rgb_of(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_every_kind_of_source_gives_the_reference_hash(jpeg: bytes, tmp_path: Path) -> None:
    path = tmp_path / "no-extension"
    path.write_bytes(jpeg)
    expected = reference(rgb_of(jpeg))
    assert (expected.quality or 0) >= 50
    sources: dict[str, Any] = {
        "str": str(path),
        "path": path,
        "bytes": jpeg,
        "bytearray": bytearray(jpeg),
        "memoryview": memoryview(b"head" + jpeg)[4:],
        "stream": io.BytesIO(jpeg),
        "image": Image.open(io.BytesIO(jpeg)),
        "array": rgb_of(jpeg),
        "strided array": np.repeat(rgb_of(jpeg), 2, axis=1)[:, ::2],
        "read-only array": np.frombuffer(rgb_of(jpeg).tobytes(), np.uint8).reshape(240, 320, 3),
    }
    assert {name: hash_image(source) for name, source in sources.items()} == dict.fromkeys(
        sources, expected
    )
    with path.open("rb") as stream:
        assert hash_image(stream) == expected
        assert not stream.closed
    with path.open("rb", buffering=0) as stream:
        assert hash_image(stream) == expected


def test_a_luma_array_is_hashed_as_it_is(picture: Image.Image) -> None:
    luma = np.asarray(picture.convert("L"))
    three = np.repeat(luma[:, :, None], 3, axis=2)
    assert hash_image(luma).distance(reference(three)) <= 2


def test_luma_decode_is_near_and_exact_decode_is_equal(jpeg: bytes) -> None:
    exact, luma = hash_image(jpeg, decode="exact"), hash_image(jpeg, decode="luma")
    assert exact == reference(rgb_of(jpeg))
    assert exact.distance(luma) <= 4


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_a_pillow_image_of_any_mode(mode: str, picture: Image.Image) -> None:
    image = picture.convert(mode)
    assert hash_image(image) == reference(np.asarray(image.convert("RGB")))


def test_a_sixteen_bit_image_is_not_white(picture: Image.Image) -> None:
    grey = np.asarray(picture.convert("L"))
    wide = Image.fromarray(grey.astype(np.uint16) << 8)
    assert hash_image(wide) == reference(np.repeat(grey[:, :, None], 3, axis=2))


@pytest.mark.parametrize("source", [b"x", np.zeros((9, 9), np.uint8)])
def test_unknown_names_are_refused_before_anything_is_decoded(source: Any) -> None:
    with pytest.raises(ValueError, match="unknown decode 'quick': expected one of exact, luma$"):
        hash_image(source, decode="quick")
    with pytest.raises(ValueError, match=r"no_such_hash.*pdq"):
        hash_image(source, algorithm="no_such_hash")


def test_failures_are_decode_errors(jpeg: bytes, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"/absent: no such file$"):
        hash_image(tmp_path / "absent")
    with pytest.raises(DecodeError, match=r"^not an image in an accepted format"):
        hash_image(b"hello")
    with pytest.raises(DecodeError, match=r"^empty file$"):
        hash_image(b"")
    with pytest.raises(DecodeError, match=r"^truncated JPEG$"):
        hash_image(Image.open(io.BytesIO(jpeg[:-500])))


def test_fingerprint_holds_the_eight_orientations(jpeg: bytes) -> None:
    found = fingerprint(jpeg)
    bits, quality = pdqhash.compute_dihedral(rgb_of(jpeg))
    codes = np.packbits(np.stack(bits), axis=1)
    np.testing.assert_array_equal(found.codes, np.concatenate([codes, ~codes]))
    assert found.views == (*ORIENTATIONS, *(join("negative", word) for word in ORIENTATIONS))
    assert found.is_seen == (*(True,) * 8, *(False,) * 8)
    assert found.quality == quality
    assert (found.algorithm, found.decode) == ("pdq", "exact")
    assert found.timestamps_s == (None,) * 16
    assert found.codes.shape == (16, 32)


def test_fingerprint_says_what_decode_was_done(jpeg: bytes, picture: Image.Image) -> None:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    luma = fingerprint(jpeg, decode="luma")
    assert luma.decode == "luma"
    assert np.bitwise_count(luma.codes ^ fingerprint(jpeg).codes).sum(axis=1).max() <= 4
    assert fingerprint(buffer.getvalue(), decode="luma").decode == "exact"


def test_a_rotated_copy_is_found_by_one_of_the_views(jpeg: bytes, picture: Image.Image) -> None:
    buffer = io.BytesIO()
    picture.rotate(90, expand=True).save(buffer, "PNG")
    turned = hash_image(buffer.getvalue())
    found = fingerprint(jpeg)
    distances = np.bitwise_count(found.codes ^ turned.code).sum(axis=1)
    assert found.views[int(distances.argmin())] == "rot90"
    assert distances.min() <= 31


def test_fingerprint_is_a_value(jpeg: bytes) -> None:
    found = fingerprint(jpeg)
    with pytest.raises(ValueError, match="read-only"):
        found.codes[0, 0] = 1
    with pytest.raises(FrozenInstanceError):
        found.decode = "luma"  # type: ignore[misc]
    codes = np.zeros((2, 32), np.uint8)
    Fingerprint("pdq", "exact", ("a", "b"), codes, (None, None), (None, None))
    codes[0, 0] = 1  # the caller's array stays the caller's
    for views, times in ((("a",), (None, None)), (("a", "b"), (None,))):
        with pytest.raises(ValueError, match=r"codes \(2, 32\) do not fit"):
            Fingerprint("pdq", "exact", views, codes, (None, 3), times)


def test_fingerprint_limits_and_names(jpeg: bytes) -> None:
    narrow = ViewOptions(limits=DecodeLimits(max_pixels=76_799))
    with pytest.raises(DecodeError, match="too many pixels: 320 x 240"):
        fingerprint_media(jpeg, "picture", ("pdq",), "exact", narrow)
    with pytest.raises(ValueError, match="no_such_hash"):
        fingerprint(b"", algorithm="no_such_hash")
    with pytest.raises(ValueError, match="unknown view 'mirrored'"):
        ViewOptions(("mirrored",))


def test_threads_agree(jpeg: bytes) -> None:
    expected = fingerprint(jpeg).codes
    agree: list[bool] = []

    def work() -> None:
        for _ in range(5):
            agree.append(np.array_equal(fingerprint(jpeg).codes, expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert agree == [True] * 20


@pytest.mark.corpus
def test_every_published_hash(corpus: Path) -> None:
    with (corpus / "expected.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 380
    wrong = []
    for row in rows:
        found = hash_image(corpus / row["path"])
        if (found.hex, found.quality) != (row["pdq"], int(row["pdq_quality"])):
            wrong.append(row["path"])
    assert not wrong
