"""HEIC and JPEG XL, through their plug-ins."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401  (registers JPEG XL with Pillow, for saving)
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hashmatch.decode import DecodeLimits, decode_image, decode_pictures
from hashmatch.decode.formats import HEIC, JXL, identify, load_image_class
from hashmatch.decode.jxl import jxl_size
from hashmatch.errors import DecodeError, ErrorKind

Encode = Callable[..., bytes]


def heic(*images: Image.Image, **options: Any) -> bytes:
    file = pillow_heif.from_pillow(images[0])
    for image in images[1:]:
        file.add_from_pillow(image)
    buffer = io.BytesIO()
    file.save(buffer, **options)
    return buffer.getvalue()


def test_heic_is_what_its_plug_in_decodes(picture: Image.Image) -> None:
    data = heic(picture, quality=90)
    assert identify(data) is HEIC
    found = decode_image(data)
    assert found.format == "HEIC"
    expected = pillow_heif.open_heif(io.BytesIO(data)).to_pillow().convert("RGB")
    np.testing.assert_array_equal(found.array, np.asarray(expected))


def test_further_pictures_of_heic_are_pages(picture: Image.Image) -> None:
    other = picture.resize((80, 64)).rotate(180)
    data = heic(picture, other, quality=90, primary_index=1)
    found = list(decode_pictures(data, frames=True))
    file = pillow_heif.open_heif(io.BytesIO(data))
    assert [frame.page for frame in found] == [None, 1]
    for frame, number in zip(found, (1, 0), strict=True):
        np.testing.assert_array_equal(
            frame.array, np.asarray(file[number].to_pillow().convert("RGB"))
        )


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_jpeg_xl_lossless_is_the_picture(mode: str, picture: Image.Image, encode: Encode) -> None:
    image = picture.convert(mode)
    data = encode(image, "JXL", lossless=True)
    assert identify(data) is JXL
    np.testing.assert_array_equal(decode_image(data).array, np.asarray(image.convert("RGB")))


@settings(max_examples=25)
@given(st.integers(1, 400), st.integers(1, 400), st.booleans())
def test_the_size_of_jpeg_xl_is_read_from_its_header(
    width: int, height: int, in_boxes: bool
) -> None:
    buffer = io.BytesIO()
    Image.new("L", (width, height)).save(buffer, "JXL", use_container=in_boxes, effort=1)
    assert jxl_size(buffer.getvalue()) == (width, height)


@pytest.mark.parametrize("name", ["HEIC", "JXL"])
def test_limits_hold_before_pixels_are_decoded(
    name: str, picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = heic(picture) if name == "HEIC" else encode(picture, "JXL")
    with pytest.raises(DecodeError, match=r"^too many pixels: 61 x 47 = 2867, limit 2866$"):
        decode_image(data, limits=DecodeLimits(max_pixels=2866))


@pytest.mark.parametrize("name", ["HEIC", "JPEG XL"])
def test_without_the_extra_the_reason_says_so(
    name: str, picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = heic(picture) if name == "HEIC" else encode(picture, "JXL")
    extra = {"HEIC": "heic", "JPEG XL": "jxl"}[name]
    monkeypatch.setattr("hashmatch.decode.formats.import_module", _no_module)
    load_image_class.cache_clear()
    with pytest.raises(DecodeError, match=rf"^unsupported {name}: install hashmatch\[{extra}\]$"):
        decode_image(data)
    monkeypatch.undo()
    assert decode_image(data).format == name


def _no_module(name: str) -> Any:
    raise ModuleNotFoundError(f"No module named {name!r}")


@pytest.mark.parametrize(
    ("bits", "reason"),
    [
        # small, 8 high, 1:1; not all default; more fields; orientation; no intrinsic size
        ("1" + "00000" + "100" + "0" + "1" + "000" + "0" + "1", "with a preview picture"),
        ("1" + "00000" + "100" + "0" + "1" + "000" + "0" + "01", "an animation"),
    ],
)
def test_kinds_of_jpeg_xl_that_the_plug_in_would_misread(bits: str, reason: str) -> None:
    number = sum(1 << place for place, bit in enumerate(bits) if bit == "1")
    data = b"\xff\x0a" + number.to_bytes(8, "little")
    with pytest.raises(DecodeError, match=f"^unsupported JPEG XL: {reason}$"):
        decode_image(data)


def test_reasons_are_stable(picture: Image.Image, encode: Encode) -> None:
    with pytest.raises(DecodeError, match="^truncated JPEG XL$") as caught:
        decode_image(b"\xff\x0a")
    assert caught.value.kind is ErrorKind.TRUNCATED
    with pytest.raises(DecodeError, match="^damaged JPEG XL: no codestream$"):
        decode_image(b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(50))
    with pytest.raises(DecodeError, match="^(damaged|truncated) HEIC"):
        decode_image(heic(picture)[:200])
