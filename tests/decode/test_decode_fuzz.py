"""Damaged files of every format: the pixels of Pillow's own full load, or a DecodeError."""

from __future__ import annotations

import io
import re
import warnings
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pillow_heif import register_heif_opener
from simplejpeg import encode_jpeg

from hashmatch.decode import DecodeLimits, decode_image, decode_pictures
from hashmatch.decode.formats import FORMATS
from hashmatch.decode.jpeg import equals_pillow
from hashmatch.errors import DecodeError, attempt

register_heif_opener()  # for saving the seeds; nothing here is opened by Image.open
import_module("pillow_jxl")

LIMITS = DecodeLimits(max_pixels=2_000_000)
PLUG_INS = {
    "JPEG": ("PIL.JpegImagePlugin", "jpeg_factory"),
    **{known.name: (known.module, known.image_class) for known in FORMATS if known.name != "JPEG"},
}
UNDO_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def seed_files() -> dict[str, list[bytes]]:
    noise = np.random.default_rng(1).integers(0, 256, size=(6, 7, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((29, 23), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", 72.0

    def save(mode: str, file_format: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.convert(mode).save(buffer, file_format, **options)
        return buffer.getvalue()

    several = {"save_all": True, "append_images": [image.rotate(90)]}
    kinds = (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    return {
        "JPEG": [
            save("RGB", "JPEG"),
            save("RGB", "JPEG", progressive=True, exif=exif),
            save("CMYK", "JPEG"),
            save("L", "JPEG", exif=exif),
            save("RGB", "MPO", **several),
            save("RGB", "JPEG", subsampling=0, restart_marker_blocks=3),
            save("RGB", "JPEG", subsampling=1, optimize=True),
            *(
                encode_jpeg(np.asarray(image), 80, colorsubsampling=sampling)
                for sampling in ("440", "411")
            ),
        ],
        "PNG": [
            save("RGB", "PNG"),
            save("P", "PNG", transparency=3, exif=exif),
            save("1", "PNG"),
            save("RGBA", "PNG", **several),
        ],
        "GIF": [
            save("P", "GIF"),
            save("P", "GIF", **several),
            save("L", "GIF", transparency=4),
        ],
        "WebP": [
            save("RGB", "WEBP"),
            save("RGBA", "WEBP", lossless=True, exif=exif),
        ],
        "BMP": [save(mode, "BMP") for mode in ("RGB", "P", "1")],
        "TIFF": [
            *(save("RGB", "TIFF", compression=kind) for kind in kinds),
            *(save(mode, "TIFF") for mode in ("L", "P", "CMYK", "1", "I;16")),
            save("RGB", "TIFF", exif=exif),
        ],
        "AVIF": [save("RGB", "AVIF"), save("L", "AVIF", exif=exif), save("RGB", "AVIF", **several)],
        "HEIC": [save("RGB", "HEIF"), save("L", "HEIF", exif=exif), save("RGB", "HEIF", **several)],
        "JPEG XL": [
            save("RGB", "JXL"),
            save("L", "JXL", use_container=True),
            save("RGBA", "JXL", lossless=True, exif=exif.tobytes()),
        ],
    }


SEEDS = seed_files()
assert set(SEEDS) == {known.name for known in FORMATS}

REASON = re.compile(
    r"(not an image in an accepted format|not an image but a video|empty file|truncated|damaged"
    r"|unsupported|too many pixels"
    r"|too many pages|too many frames|too much work|out of memory)\b"
)

Mutation = tuple[int, list[tuple[int, int]], bool, int | None]
MUTATIONS = st.tuples(
    st.integers(0, 10_000),  # which seed
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
    st.booleans(),  # only the first bytes are hit
    st.none() | st.integers(0, 10_000),  # cut here
)


def mutate(seeds: list[bytes], mutation: Mutation) -> bytes:
    which, changes, in_header, cut = mutation
    data = bytearray(seeds[which % len(seeds)])
    reach = min(len(data), 100) if in_header else len(data)
    for at, value in changes:
        data[at % reach] = value
    return bytes(data if cut is None else data[: cut % len(data)])


def pillow_pixels(data: bytes, file_format: str, decode: str) -> np.ndarray | None:
    """Stored pixels by Pillow alone, or None where it fails."""
    module, factory = PLUG_INS[file_format]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = getattr(import_module(module), factory)(io.BytesIO(data))
            is_tiff = file_format == "TIFF"
            undo = UNDO_ORIENTATION.get(image.getexif().get(0x0112, 1)) if is_tiff else None
            if decode == "luma":
                image.draft("L", image.size)
            image.load()
            if undo is not None:
                image = image.transpose(undo)
            if image.mode.startswith("I;16"):
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            return np.asarray(image if decode == "luma" else image.convert("RGB"))
        except Exception:
            return None


@pytest.mark.parametrize("file_format", SEEDS)
def test_undamaged_seeds_decode(file_format: str) -> None:
    for data in SEEDS[file_format]:
        expected = pillow_pixels(data, file_format, "exact")
        assert expected is not None
        np.testing.assert_array_equal(decode_image(data).array, expected)


@pytest.mark.parametrize("file_format", SEEDS)
@pytest.mark.parametrize("decode", ["exact", "luma"])
def test_damaged_files(file_format: str, decode: str, recwarn: pytest.WarningsRecorder) -> None:
    outcomes = {"pixels": 0, "refused": 0}

    @settings(
        max_examples=120,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(MUTATIONS)
    def check(mutation: Mutation) -> None:
        data = mutate(SEEDS[file_format], mutation)
        try:
            pixels = decode_image(data, decode=decode, limits=LIMITS)
        except DecodeError as error:
            reason = str(error)
            assert REASON.match(reason)
            assert reason.isprintable()
            assert len(reason) < 200
            outcomes["refused"] += 1
            return
        outcomes["pixels"] += 1
        assert pixels.array.shape[0] * pixels.array.shape[1] <= LIMITS.max_pixels
        expected = pillow_pixels(data, pixels.format, pixels.decode)
        if expected is None:
            assert file_format == "PNG"  # Pillow reads chunks that viewers skip
            return
        np.testing.assert_array_equal(pixels.array, expected)

    check()
    # Both roads were really taken.
    assert min(outcomes.values()) >= 5, outcomes
    assert not recwarn.list


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.sampled_from(sorted(SEEDS)), st.binary(max_size=200))
def test_garbage_after_a_signature(file_format: str, garbage: bytes) -> None:
    head = SEEDS[file_format][0][:12]
    with pytest.raises(DecodeError):
        decode_image(head + garbage, limits=LIMITS)


def pillow_frames(data: bytes, file_format: str) -> list[np.ndarray] | None:
    """The frames by Pillow alone, or None where one of them fails."""
    module, factory = PLUG_INS[file_format]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = getattr(import_module(module), factory)(io.BytesIO(data))
            image.load()
            frames = [np.asarray(image.convert("RGB"))]
            for number in range(1, getattr(image, "n_frames", 1)):
                image.seek(number)
                frames.append(np.asarray(image.convert("RGB")))
        except Exception:
            return None
        return frames


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WebP", "AVIF"])
def test_damaged_animations(file_format: str) -> None:
    image = Image.effect_noise((23, 19), 60).convert("RGB")
    buffer = io.BytesIO()
    more = [image.rotate(90), image.rotate(180)]
    image.save(buffer, file_format.upper(), save_all=True, append_images=more)
    outcomes = {"pixels": 0, "refused": 0}

    @settings(
        max_examples=150,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(MUTATIONS)
    def check(mutation: Mutation) -> None:
        data = mutate([buffer.getvalue()], mutation)
        limits = DecodeLimits(max_pixels=2_000_000, max_frame_pixels=4_000_000)
        try:
            found = [frame.array for frame in decode_pictures(data, frames=True, limits=limits)]
        except DecodeError as error:
            reason = str(error)
            assert REASON.match(reason)
            outcomes["refused"] += 1
            return
        outcomes["pixels"] += 1
        if file_format in ("GIF", "PNG"):  # composed here: test_gif.py and test_apng.py
            return
        expected = pillow_frames(data, file_format)
        assert expected is not None
        assert len(found) == len(expected)
        for frame, pixels in zip(found, expected, strict=True):
            np.testing.assert_array_equal(frame, pixels)

    check()
    assert min(outcomes.values()) >= 5, outcomes


@pytest.mark.parametrize("decode", ["exact", "luma"])
def test_damaged_jpegs_give_what_pillow_gives(decode: str) -> None:
    """Whatever Pillow decodes is decoded; the rest is told, and decoded if possible."""
    assert equals_pillow()
    roads = {"whole": 0, "damaged": 0, "truncated": 0, "refused by both": 0, "refused by Pillow": 0}

    @settings(max_examples=400, derandomize=True, database=None, deadline=None)
    @given(MUTATIONS)
    def check(mutation: Mutation) -> None:
        data = mutate(SEEDS["JPEG"], mutation)
        expected = pillow_pixels(data, "JPEG", "exact")
        ended = pillow_pixels(data + b"\xff\xd9", "JPEG", "exact")
        found = attempt(lambda: next(decode_pictures(data, decode=decode, limits=LIMITS)))
        if found.error is not None:
            assert REASON.match(str(found.error))
            assert expected is None or "no data in its first scan" in str(found.error)
            roads["refused by both"] += 1
            return
        picture = found.unwrap()
        if picture.decode == "luma":
            expected = pillow_pixels(data, "JPEG", "luma")
            ended = pillow_pixels(data + b"\xff\xd9", "JPEG", "luma")
        roads["whole" if picture.missing is None else picture.missing.kind] += 1
        if expected is None:
            roads["refused by Pillow"] += 1
            expected = ended
        if expected is not None:
            np.testing.assert_array_equal(picture.array, expected)

    check()
    assert min(roads.values()) >= 10, roads
