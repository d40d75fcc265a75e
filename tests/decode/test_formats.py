"""The allow-list: by content, never by name, and nothing beyond it is tried."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import EpsImagePlugin, Image, PpmImagePlugin

from hashmatch.decode import HEAD_BYTES, decode_image, is_video
from hashmatch.decode.formats import AVIF, FORMATS, HEIC, identify, load_image_class
from hashmatch.errors import DecodeError, ErrorKind

Encode = Callable[..., bytes]

REFUSED = (
    r"^not an image in an accepted format \(JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF, HEIC, JPEG XL\)$"
)

FOREIGN = {
    "text": b"these are just words\n" * 9,
    "html": b"<!doctype html><img src=x>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
    "pdf": b"%PDF-1.7\n",
    "ppm": b"P6 1 1 255\n\x01\x02\x03",
    "psd": b"8BPS\x00\x01",
    "icon": b"\x00\x00\x01\x00\x01\x00",
    "jpeg 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    "heif of another kind": b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1miaf" + bytes(40),
    "wave": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "one byte": b"\xff",
    "a name that lies": b"\x00" * 64,
}


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_accepted_by_content(name: str, picture: Image.Image, encode: Encode) -> None:
    assert identify(encode(picture, name)).name.upper() == name
    assert name in {accepted.name.upper() for accepted in FORMATS}


@pytest.mark.parametrize("name", FOREIGN)
def test_everything_else_is_refused_with_one_reason(name: str) -> None:
    with pytest.raises(DecodeError, match=REFUSED) as caught:
        decode_image(FOREIGN[name])
    assert caught.value.kind is ErrorKind.NOT_MEDIA


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41",
        b"\x1aE\xdf\xa3" + bytes(40),
        b"RIFF\x24\x00\x00\x00AVI LIST",
        b"G" + bytes(187) + b"G" + bytes(187) + b"G" + bytes(187),
    ],
    ids=["MP4", "Matroska", "AVI", "MPEG-TS"],
)
def test_a_video_is_not_a_picture(head: bytes) -> None:
    assert is_video(head)
    with pytest.raises(DecodeError, match=r"^not an image but a video: use hash_video ") as caught:
        decode_image(head)
    assert caught.value.kind is ErrorKind.UNSUPPORTED


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_a_picture_is_not_a_video(name: str, picture: Image.Image, encode: Encode) -> None:
    assert not is_video(encode(picture, name)[:HEAD_BYTES])
    assert not any(is_video(foreign) for foreign in FOREIGN.values())
    assert not is_video(b"GIF89a" + (b"G" * 600))  # G is also the sync byte of MPEG-TS


def test_any_brand_tells_avif_and_heic_apart() -> None:
    assert identify(b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf" + bytes(40)) is AVIF
    assert identify(b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic" + bytes(40)) is HEIC
    cut_short = b"\xff\xff\xff\xffftypmif1\x00\x00\x00\x00mif1"
    with pytest.raises(DecodeError, match=REFUSED):
        identify(cut_short)
    beyond_the_box = b"\x00\x00\x00\x14ftypmif1\x00\x00\x00\x00mif1avif" + bytes(40)
    with pytest.raises(DecodeError, match=REFUSED):
        identify(beyond_the_box)


def test_other_plug_ins_are_never_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object, **_options: object) -> None:
        raise AssertionError("a plug-in outside the allow-list was tried")

    monkeypatch.setattr(EpsImagePlugin.EpsImageFile, "__init__", never)
    monkeypatch.setattr(PpmImagePlugin.PpmImageFile, "__init__", never)
    monkeypatch.setattr(Image, "open", never)
    for content in FOREIGN.values():
        with pytest.raises(DecodeError, match=REFUSED):
            decode_image(content)


def test_a_damaged_file_is_not_offered_to_another_plug_in(
    picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(picture, "PNG")[:8] + b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"

    def never(*_args: object, **_options: object) -> None:
        raise AssertionError("Image.open was called")

    monkeypatch.setattr(Image, "open", never)
    with pytest.raises(DecodeError, match=r"^damaged PNG: broken PNG file"):
        decode_image(data)


@pytest.mark.parametrize("name", ["WebP", "AVIF"])
def test_a_pillow_built_without_a_format_says_so(
    name: str, picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(picture, name.upper())
    monkeypatch.setattr(f"{identify(data).module}.SUPPORTED", False)
    load_image_class.cache_clear()
    with pytest.raises(DecodeError, match=f"^unsupported {name}: this build of Pillow cannot"):
        decode_image(data)
    monkeypatch.undo()
    assert decode_image(data).format == name
