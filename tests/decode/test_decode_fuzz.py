"""Damaged files of every format: the pixels of Pillow's own full load, or a DecodeError."""

from __future__ import annotations

import io
import warnings
from importlib import import_module

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hashmatch.decode import DecodeLimits, decode_image
from hashmatch.decode.formats import FORMATS
from hashmatch.errors import DecodeError

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

    def save(mode: str, file_format: str, **options) -> bytes:
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
        "AVIF": [save("RGB", "AVIF"), save("L", "AVIF", exif=exif)],
    }


SEEDS = seed_files()

MUTATIONS = st.tuples(
    st.integers(0, 10_000),  # which seed
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
    st.booleans(),  # only the first bytes are hit
    st.none() | st.integers(0, 10_000),  # cut here
)


def mutate(seeds: list[bytes], mutation) -> bytes:
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
            undo = UNDO_ORIENTATION.get(image.getexif().get(0x0112, 1))
            if decode == "luma":
                image.draft("L", image.size)
            image.load()
            if file_format == "TIFF" and undo is not None:
                image = image.transpose(undo)
            if image.mode.startswith("I;16"):
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            return np.asarray(image if decode == "luma" else image.convert("RGB"))
        except Exception:
            return None


@pytest.mark.parametrize("file_format", SEEDS)
def test_undamaged_seeds_decode(file_format):
    for data in SEEDS[file_format]:
        expected = pillow_pixels(data, file_format, "exact")
        assert expected is not None
        np.testing.assert_array_equal(decode_image(data).array, expected)


@pytest.mark.parametrize("file_format", SEEDS)
@pytest.mark.parametrize("decode", ["exact", "luma"])
def test_damaged_files(file_format, decode, recwarn):
    outcomes = {"pixels": 0, "refused": 0}

    @settings(
        max_examples=120,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(MUTATIONS)
    def check(mutation):
        data = mutate(SEEDS[file_format], mutation)
        try:
            pixels = decode_image(data, decode=decode, limits=LIMITS)
        except DecodeError as error:
            reason = str(error)
            assert reason
            assert reason.isprintable()
            assert len(reason) < 200
            outcomes["refused"] += 1
            return
        outcomes["pixels"] += 1
        assert pixels.array.shape[0] * pixels.array.shape[1] <= LIMITS.max_pixels
        expected = pillow_pixels(data, pixels.format, pixels.decode)
        assert expected is not None
        np.testing.assert_array_equal(pixels.array, expected)

    check()
    # Both roads were really taken.
    assert min(outcomes.values()) >= 5, outcomes
    assert not recwarn.list


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.sampled_from(sorted(SEEDS)), st.binary(max_size=200))
def test_garbage_after_a_signature(file_format, garbage):
    head = SEEDS[file_format][0][:12]
    with pytest.raises(DecodeError):
        decode_image(head + garbage, limits=LIMITS)
