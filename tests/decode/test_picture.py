"""File by file: formats and modes as Pillow writes them, against Pillow's own full load."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pdqhash
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import DecodeLimits, decode_image
from hashmatch.errors import DecodeError

Encode = Callable[..., bytes]

FORMAT_NAMES = {"WEBP": "WebP", "MPO": "JPEG"}

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True}),
    ("JPEG", "RGB", {"subsampling": 0, "quality": 95}),
    ("JPEG", "RGB", {"subsampling": 1, "restart_marker_rows": 1}),
    ("JPEG", "RGB", {"keep_rgb": True}),
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {}),
    ("JPEG", "YCbCr", {}),
    ("MPO", "RGB", {"save_all": True}),
    ("PNG", "1", {}),
    ("PNG", "L", {}),
    ("PNG", "LA", {}),
    ("PNG", "P", {}),
    ("PNG", "P", {"bits": 1}),
    ("PNG", "P", {"bits": 2}),
    ("PNG", "P", {"bits": 4}),
    ("PNG", "P", {"transparency": 7}),
    ("PNG", "P", {"transparency": bytes(range(256))}),
    ("PNG", "RGB", {"transparency": (250, 240, 20)}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("GIF", "L", {}),
    ("GIF", "P", {}),
    ("GIF", "P", {"interlace": 0, "transparency": 3}),
    ("GIF", "1", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("WEBP", "RGBA", {"lossless": True, "exact": True}),
    ("BMP", "1", {}),
    ("BMP", "L", {}),
    ("BMP", "P", {}),
    ("BMP", "RGB", {}),
    ("BMP", "RGBA", {}),
    ("AVIF", "RGB", {}),
    ("AVIF", "RGBA", {}),
    ("AVIF", "L", {}),
    *(
        ("TIFF", mode, {"compression": compression})
        for mode in ("L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB")
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits")
    ),
    ("TIFF", "YCbCr", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF", "L", {"compression": "jpeg"}),
    ("TIFF", "1", {"compression": None}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "1", {"compression": "group3"}),
]


def half_transparent(image: Image.Image, mode: str) -> Image.Image:
    alpha = np.linspace(0, 255, image.width * image.height).reshape(image.size[::-1])
    image = image.convert("RGBA")
    image.putalpha(Image.fromarray(alpha.astype(np.uint8)))
    return image.convert(mode)


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    return half_transparent(image, mode) if mode.endswith("A") else image.convert(mode)


@pytest.mark.parametrize(("file_format", "mode", "options"), CASES)
def test_exact_pixels_are_those_of_a_full_load(
    file_format: str,
    mode: str,
    options: dict[str, Any],
    picture: Image.Image,
    encode: Encode,
    pillow_rgb: Callable[[bytes], NDArray[np.uint8]],
) -> None:
    if file_format == "MPO":
        options = options | {"append_images": [picture.rotate(90)]}
    data = encode(in_mode(picture, mode), file_format, **options)
    pixels = decode_image(data)
    assert pixels.array.dtype == np.uint8
    assert pixels.array.shape == (picture.height, picture.width, 3)
    assert pixels.array.flags.c_contiguous
    assert pixels.decode == "exact"
    assert pixels.format == FORMAT_NAMES.get(file_format, file_format)
    np.testing.assert_array_equal(pixels.array, pillow_rgb(data))


@pytest.mark.parametrize(
    ("file_format", "mode"),
    [("PNG", "RGB"), ("PNG", "L"), ("BMP", "RGB"), ("TIFF", "RGB"), ("GIF", "L"), ("TIFF", "1")],
)
def test_lossless_formats_give_the_picture_back(
    file_format: str, mode: str, picture: Image.Image, encode: Encode
) -> None:
    image = picture.convert(mode)
    found = decode_image(encode(image, file_format)).array
    np.testing.assert_array_equal(found, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_dropped_and_the_colours_under_it_kept(
    file_format: str, picture: Image.Image, encode: Encode
) -> None:
    options = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    data = encode(half_transparent(picture, "RGBA"), file_format, **options)
    np.testing.assert_array_equal(decode_image(data).array, np.asarray(picture))


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_first_frame_of_several(file_format: str, picture: Image.Image, encode: Encode) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    frames = [picture.rotate(90), picture.rotate(180)]
    data = encode(picture, file_format, save_all=True, append_images=frames, **options)
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 3
    found = decode_image(data).array
    assert np.abs(found.astype(int) - np.asarray(picture)).mean() < 12
    assert np.abs(found.astype(int) - np.asarray(frames[0])).mean() > 30


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_tag_is_ignored(
    file_format: str, orientation: int, picture: Image.Image, encode: Encode
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    tagged = decode_image(encode(picture, file_format, exif=exif)).array
    np.testing.assert_array_equal(tagged, decode_image(encode(picture, file_format)).array)


def test_colour_profile_is_ignored(picture: Image.Image, encode: Encode) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    found = decode_image(encode(picture, "PNG", icc_profile=profile)).array
    np.testing.assert_array_equal(found, np.asarray(picture))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr"])
def test_hash_survives_the_mode(mode: str, picture: Image.Image, encode: Encode) -> None:
    picture = picture.resize((305, 235), Image.Resampling.BICUBIC)
    original, quality = pdqhash.compute(np.asarray(picture))
    assert quality >= 50
    file_format = "JPEG" if mode == "YCbCr" else "TIFF"
    code, _ = pdqhash.compute(decode_image(encode(in_mode(picture, mode), file_format)).array)
    assert (code != original).sum() <= 2


def test_only_jpegs_have_a_luma_path(picture: Image.Image, encode: Encode) -> None:
    for file_format in ("PNG", "WEBP", "TIFF"):
        pixels = decode_image(encode(picture, file_format), decode="luma")
        assert (pixels.decode, pixels.array.ndim) == ("exact", 3)


def test_unknown_decode_names_the_known(picture: Image.Image, encode: Encode) -> None:
    with pytest.raises(ValueError, match="unknown decode 'fast': expected one of exact, luma"):
        decode_image(encode(picture, "PNG"), decode="fast")


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_half_a_file_is_refused(file_format: str, picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, file_format)
    name = FORMAT_NAMES.get(file_format, file_format)
    with pytest.raises(DecodeError, match=f"^(truncated|damaged) {name}") as caught:
        decode_image(data[: len(data) // 2])
    assert "\n" not in str(caught.value)


def test_pixel_limit_is_inclusive_and_read_from_the_header(
    picture: Image.Image, encode: Encode
) -> None:
    pixels = picture.width * picture.height
    for file_format in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        data = encode(picture, file_format)
        assert decode_image(data, limits=DecodeLimits(max_pixels=pixels)).array.size == 3 * pixels
        with pytest.raises(DecodeError, match="too many pixels: 61 x 47 = 2867, limit 2866"):
            decode_image(data, limits=DecodeLimits(max_pixels=pixels - 1))


def test_header_alone_is_enough_to_refuse_a_bomb(
    picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(encode(picture, "BMP"))
    data[18:26] = (60_000).to_bytes(4, "little") * 2

    def never(*_args: object, **_options: object) -> None:
        raise AssertionError("pixels were loaded")

    monkeypatch.setattr("PIL.BmpImagePlugin.BmpImageFile.load", never)
    with pytest.raises(DecodeError, match="60000 x 60000 = 3600000000, limit 178956970"):
        decode_image(bytes(data))


def test_pillows_own_bound_neither_warns_nor_leaks(
    picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(picture, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert decode_image(data).array.shape == (47, 61, 3)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_pillows_own_bound_is_a_decode_error_where_a_plug_in_checks_it(
    picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(picture, "TIFF")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)  # warns above it, in silence here
    assert decode_image(data).array.shape == (47, 61, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # refuses above twice that
    with pytest.raises(DecodeError, match="too many pixels: 2867, more than Pillow itself allows"):
        decode_image(data)


def test_byte_limit_and_empty_file(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, "PNG")
    assert decode_image(data, limits=DecodeLimits(max_bytes=len(data))).format == "PNG"
    with pytest.raises(DecodeError, match=f"too large: more than {len(data) - 1} bytes"):
        decode_image(data, limits=DecodeLimits(max_bytes=len(data) - 1))
    with pytest.raises(DecodeError, match=r"^empty file$"):
        decode_image(b"")


def test_same_result_from_several_threads(picture: Image.Image, encode: Encode) -> None:
    files = [encode(picture, name) for name in ("JPEG", "PNG", "GIF", "WEBP", "TIFF")] * 4
    expected = [decode_image(data, decode="luma").array for data in files]
    agree: list[bool] = []

    def work() -> None:
        for data, array in zip(files, expected, strict=True):
            agree.append(np.array_equal(decode_image(data, decode="luma").array, array))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert agree == [True] * (4 * len(files))
