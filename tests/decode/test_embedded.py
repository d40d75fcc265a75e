"""Files inside a file are found where they are, and nothing is found where none is."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import find_embedded, read_embedded
from tests.boxes import box

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF")


def still(file_format: str, seed: int = 0, **options: object) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 56, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, file_format, **options)
    return file.getvalue()


STILLS = {name: still(name) for name in FORMATS}
INNER = [name for name in FORMATS if name != "BMP"]  # whose mark is too short to search for


@pytest.mark.parametrize(("outer", "inner"), [*itertools.product(FORMATS, INNER)])
def test_a_picture_behind_a_picture_is_found_whole(outer: str, inner: str) -> None:
    for between in (b"", bytes(7), b"trailer of a camera"):
        data = STILLS[outer] + between + STILLS[inner] + between
        found = find_embedded(data)
        (file,) = found.files
        assert found.error is None
        assert (file.kind, file.start) == ("picture", len(STILLS[outer] + between))
        if between[:4] != b"trai" or inner != "AVIF":  # boxes have no end mark
            assert read_embedded(data, file).rstrip(b"\0") == STILLS[inner].rstrip(b"\0")


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_alone_has_none(name: str) -> None:
    for seed in range(20):
        data = still(name, seed)
        assert find_embedded(data).files == ()
        assert find_embedded(data + bytes(1000)).files == ()
    for options in ({"progressive": True}, {"quality": 100}) if name == "JPEG" else ():
        assert find_embedded(still(name, **options)).files == ()


def test_the_thumbnail_of_a_camera_is_no_file_of_its_own() -> None:
    thumbnail = STILLS["JPEG"]
    with_thumbnail = still("JPEG", 1)
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    assert find_embedded(with_thumbnail[:2] + segment + with_thumbnail[2:]).files == ()


@given(st.permutations(INNER), st.integers(1, 4))
def test_files_in_a_row_are_found_in_order(names: list[str], n: int) -> None:
    data = b"".join(STILLS[name] for name in names[: n + 1])
    starts = list(itertools.accumulate(len(STILLS[name]) for name in names[:n]))
    assert [file.start for file in find_embedded(data).files] == starts


def test_a_video_in_a_box_or_behind_is_found_in_bytes_and_on_disk(
    make_clip: Callable[..., bytes], pictures: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    clip = make_clip(pictures[:3], "mp4")
    path = tmp_path / "clip.mp4"
    for data, n in (
        (clip, 0),
        (clip + clip, 1),
        (clip + clip + clip, 2),
        (clip + box(b"mpvd", clip), 1),
        (clip + box(b"thum", STILLS["JPEG"]), 1),
        (clip + b"no box" + STILLS["PNG"], 1),
        (clip + box(b"free", bytes(9)), 0),
    ):
        path.write_bytes(data)
        found = find_embedded(data)
        assert len(found.files) == n
        assert find_embedded(str(path)) == found
        for file in found.files:
            assert read_embedded(data, file) == read_embedded(str(path), file)
    (inner,) = find_embedded(STILLS["AVIF"] + box(b"mpvd", clip)).files
    assert inner.kind == "video"


def test_a_jpeg_xl_is_one_file() -> None:
    head = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    data = head + box(b"jxlc", b"\xff\x0a", STILLS["JPEG"])
    assert find_embedded(data).files == ()
    (file,) = find_embedded(data + STILLS["PNG"]).files
    assert file.start == len(data)


def test_files_in_files_in_files_are_found_to_a_depth() -> None:
    data = STILLS["PNG"]
    for _ in range(12):
        data = box(b"ftyp", b"isomisomisom") + box(b"mpvd", data)
    assert len(find_embedded(data).files) == 12
    for _ in range(3000):
        data = box(b"ftyp", b"isomisomisom") + box(b"mpvd", data)
    assert find_embedded(data).error is not None


def test_parts_of_a_picture_are_no_further_pictures() -> None:
    for options in ({}, {"quality": 30}):
        file = io.BytesIO()
        alpha = Image.linear_gradient("L").resize((56, 40))
        Image.merge("LA", (alpha, alpha)).convert("RGBA").save(file, "AVIF", **options)
        assert find_embedded(file.getvalue()) == find_embedded(b"")


def test_text_and_audio_have_none() -> None:
    assert find_embedded(b"words " + STILLS["JPEG"]).files == ()
    assert find_embedded(b"OggS" + STILLS["JPEG"]).files == ()


def test_any_bytes_are_searched_in_bounded_time() -> None:
    rng = random.Random(20261129)
    adverse = {
        "starts": b"\xff\xd8\xff\xe0\0\2" * 300_000,
        "headers": (b"\xff\xd8" + b"\xff\xe0\0\2" * 999) * 400,
        "boxes": box(b"ftyp", b"isomisomisom") * 90_000,
        "chunks": STILLS["PNG"][:8] + bytes(12) * 100_000,
        "blocks": STILLS["GIF"][:13] + b"!\1" + b"\1x" * 600_000,
        "noise": rng.randbytes(1_000_000),
    }
    for name, tail in adverse.items():
        for head in (STILLS["JPEG"], STILLS["PNG"], b""):
            start_s = process_time()
            found = find_embedded(head + tail)
            assert process_time() - start_s < 5, name
            assert len(found.files) <= 16
            assert found.error is not None or name not in ("starts", "boxes") or not head


@given(st.binary(max_size=200), st.sampled_from(sorted(STILLS)), st.data())
def test_damage_never_raises(noise: bytes, name: str, drawn: st.DataObject) -> None:
    data = bytearray(STILLS[name] + STILLS["JPEG"] + box(b"ftyp", b"isomisomisom", noise))
    for _ in range(8):
        data[drawn.draw(st.integers(0, len(data) - 1))] = drawn.draw(st.integers(0, 255))
    cut = bytes(data[: drawn.draw(st.integers(1, len(data)))])
    for file in find_embedded(cut).files:
        assert 0 <= file.start < file.end <= len(cut)
