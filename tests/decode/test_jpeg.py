"""The Y plane, and the kinds of JPEG that cameras, scanners and print shops make."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from hashmatch.decode import decode_image
from hashmatch.decode.jpeg import reduce_to_luma
from hashmatch.errors import DecodeError

Encode = Callable[..., bytes]

ADOBE = b"\xff\xee\x00\x0eAdobe"
TRANSFORM_AT = 15  # from the start of the marker to its last byte


def y_plane(data: bytes) -> np.ndarray:
    """Y as it comes out beside Cb and Cr, by another output path of the decoder."""
    image = Image.open(io.BytesIO(data))
    image.draft("YCbCr", image.size)
    assert image.mode == "YCbCr"
    return np.asarray(image)[:, :, 0]


def with_transform(data: bytes, transform: int) -> bytes:
    at = data.index(ADOBE) + TRANSFORM_AT
    return data[:at] + bytes([transform]) + data[at + 1 :]


def without_adobe_marker(data: bytes) -> bytes:
    at = data.index(ADOBE)
    return data[:at] + data[at + TRANSFORM_AT + 1 :]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"subsampling": 0},
        {"subsampling": 1},
        {"quality": 20},
        {"restart_marker_blocks": 2},
    ],
)
def test_luma_is_the_y_plane_at_full_size(
    options: dict[str, Any], picture: Image.Image, encode: Encode
) -> None:
    data = encode(picture, "JPEG", **options)
    pixels = decode_image(data, decode="luma")
    assert (pixels.decode, pixels.format) == ("luma", "JPEG")
    assert pixels.array.shape == (47, 61)
    assert pixels.array.dtype == np.uint8
    np.testing.assert_array_equal(pixels.array, y_plane(data))


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (8, 8), (2500, 1), (1999, 1201)])
def test_luma_is_never_scaled_down(
    size: tuple[int, int], picture: Image.Image, encode: Encode
) -> None:
    data = encode(picture.resize(size), "JPEG")
    assert decode_image(data, decode="luma").array.shape == size[::-1]


def test_luma_of_a_grey_jpeg_is_its_only_plane(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture.convert("L"), "JPEG")
    luma, exact = decode_image(data, decode="luma"), decode_image(data)
    assert (luma.decode, exact.decode) == ("luma", "exact")
    np.testing.assert_array_equal(luma.array, np.asarray(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(exact.array, np.repeat(luma.array[:, :, None], 3, axis=2))


def test_jpegs_without_a_y_plane_go_the_exact_way(
    picture: Image.Image, encode: Encode, pillow_rgb: Callable[[bytes], NDArray[np.uint8]]
) -> None:
    rgb = encode(picture, "JPEG", keep_rgb=True)
    cmyk = encode(picture.convert("CMYK"), "JPEG")
    for data in (rgb, without_adobe_marker(rgb), cmyk, with_transform(cmyk, 2)):
        pixels = decode_image(data, decode="luma")
        assert pixels.decode == "exact"
        np.testing.assert_array_equal(pixels.array, pillow_rgb(data))


def test_rgb_and_cmyk_jpegs_look_like_the_picture(picture: Image.Image, encode: Encode) -> None:
    for data in (
        encode(picture, "JPEG", keep_rgb=True, quality=95),
        encode(picture.convert("CMYK"), "JPEG", quality=95),
    ):
        found = decode_image(data).array.astype(int)
        assert np.abs(found - np.asarray(picture)).mean() < 4


def test_ycck_is_not_taken_for_cmyk(
    picture: Image.Image, encode: Encode, pillow_rgb: Callable[[bytes], NDArray[np.uint8]]
) -> None:
    cmyk = encode(picture.convert("CMYK"), "JPEG")
    ycck = with_transform(cmyk, 2)
    assert not np.array_equal(decode_image(ycck).array, decode_image(cmyk).array)
    np.testing.assert_array_equal(decode_image(ycck).array, pillow_rgb(ycck))


def test_multi_picture_jpeg_is_the_jpeg_it_starts_with(
    picture: Image.Image, encode: Encode
) -> None:
    data = encode(picture, "MPO", save_all=True, append_images=[picture.rotate(180)])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    alone = encode(picture, "JPEG")
    assert decode_image(data).format == "JPEG"
    np.testing.assert_array_equal(decode_image(data).array, decode_image(alone).array)
    np.testing.assert_array_equal(
        decode_image(data, decode="luma").array, decode_image(alone, decode="luma").array
    )


def test_twelve_bits_are_refused_clearly(picture: Image.Image, encode: Encode) -> None:
    data = bytearray(encode(picture, "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(DecodeError, match=r"^unsupported JPEG: 12 bits per sample, not 8$"):
        decode_image(bytes(data))


def test_exif_is_not_even_read(
    picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x011A] = 72.0
    data = encode(picture, "JPEG", exif=exif)

    def never(_image: object) -> None:
        raise AssertionError("EXIF was parsed")

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "_read_dpi_from_exif", never)
    np.testing.assert_array_equal(
        decode_image(data).array, decode_image(encode(picture, "JPEG")).array
    )


def test_garbage_in_exif_does_not_matter(picture: Image.Image, encode: Encode) -> None:
    garbage = b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + bytes(range(40))
    found = decode_image(encode(picture, "JPEG", exif=garbage)).array
    np.testing.assert_array_equal(found, decode_image(encode(picture, "JPEG")).array)


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
@pytest.mark.parametrize("decode", ["exact", "luma"])
@pytest.mark.parametrize("progressive", [False, True])
def test_truncation_is_refused(
    kept: float, decode: str, progressive: bool, picture: Image.Image, encode: Encode
) -> None:
    data = encode(picture.resize((300, 200)), "JPEG", progressive=progressive)
    with pytest.raises(DecodeError, match=r"^truncated JPEG$"):
        decode_image(data[: int(len(data) * kept)], decode=decode)


def test_a_draft_that_changes_the_size_is_a_bug_not_a_picture(
    picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.open(io.BytesIO(encode(picture, "JPEG")))
    draft = type(image).draft
    monkeypatch.setattr(type(image), "draft", lambda self, mode, _size: draft(self, mode, (8, 8)))
    with pytest.raises(RuntimeError, match="draft gave"):
        reduce_to_luma(image)
