"""Every mode of Pillow against conversions worked out here; flattening against Pillow's own."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hashmatch.decode import flatten, to_rgb
from hashmatch.errors import DecodeError

Encode = Callable[..., bytes]

BY_PILLOW = ["1", "L", "LA", "P", "PA", "RGB", "RGBX", "RGBA", "CMYK", "YCbCr", "LAB", "HSV"]


@pytest.mark.parametrize("mode", BY_PILLOW)
def test_eight_bit_modes_follow_pillow(mode: str, picture: Image.Image) -> None:
    image = picture.convert(mode)
    found = to_rgb(image)
    assert found.shape == (47, 61, 3)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBa", "La"])
def test_premultiplied_alpha_is_undone(mode: str, picture: Image.Image) -> None:
    straight = picture.convert("RGBA" if mode == "RGBa" else "LA")
    straight.putalpha(128)
    found = to_rgb(straight.convert(mode)).astype(int)
    assert np.abs(found - np.asarray(straight.convert("RGB"))).max() <= 2


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_sixteen_bits_are_scaled_not_clipped(mode: str) -> None:
    values = np.arange(0, 65536, 37).reshape(4, -1)
    order = ">u2" if mode == "I;16B" else "<u2"
    size = values.shape[::-1]
    image = Image.frombytes(mode, size, values.astype(order).tobytes())
    np.testing.assert_array_equal(to_rgb(image)[:, :, 1], values >> 8)


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.int32, [0, 7, 255], [0, 7, 255]),
        (np.int32, [-9, 0, 100], [0, 0, 100]),
        (np.int32, [0, 257 * 8, 65535], [0, 8, 255]),
        (np.int32, [0, 10**6, 2 * 10**6], [0, 127, 255]),
        (np.int32, [-3, -2, -1], [0, 0, 0]),
        (np.float32, [0, 0.5, 1], [0, 127, 255]),
        (np.float32, [0, 127.9, 200], [0, 127, 200]),
        (np.float32, [0, 257 * 8, 65535], [0, 8, 255]),
        (np.float32, [0, 1e9, 4e9], [0, 63, 255]),
        (np.float32, [np.nan, 4, 255], [0, 4, 255]),
        (np.float32, [-np.inf, 4, np.inf], [0, 4, 255]),
        (np.float32, [np.nan, np.nan, np.inf], [0, 0, 255]),
        (np.float32, [np.nan, np.nan, np.nan], [0, 0, 0]),
    ],
)
def test_integers_and_floats_find_their_scale(
    dtype: type[np.generic], values: list[float], expected: list[int]
) -> None:
    found = to_rgb(Image.fromarray(np.array([values], dtype=dtype)))
    np.testing.assert_array_equal(found, np.repeat(np.array([expected]).T, 3, 1)[None])


@pytest.mark.parametrize("mode", ["I", "F"])
def test_face_value_agrees_with_pillow(mode: str, picture: Image.Image) -> None:
    image = picture.convert(mode)
    np.testing.assert_array_equal(to_rgb(image), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("transparency", [3, bytes(range(256)), (1, 2, 3)])
def test_transparency_of_a_palette_changes_no_colour(
    transparency: Any, picture: Image.Image, recwarn: pytest.WarningsRecorder
) -> None:
    image = picture.convert("P")
    expected = np.asarray(image.convert("RGB"))
    image.info["transparency"] = transparency
    np.testing.assert_array_equal(to_rgb(image), expected)
    assert image.info["transparency"] == transparency
    assert image.mode == "P"
    assert not recwarn.list


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (300, 301)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "I;16"])
def test_any_size(mode: str, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, size=(size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    if mode == "I;16":
        image = Image.fromarray(noise[:, :, 0].astype(np.uint16) << 8)
        expected = np.repeat(noise[:, :, :1], 3, axis=2)
    else:
        image = image.convert(mode)
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(to_rgb(image), expected)


def test_a_lazy_image_is_loaded(picture: Image.Image, encode: Encode) -> None:
    image = Image.open(io.BytesIO(encode(picture, "PNG")))
    np.testing.assert_array_equal(to_rgb(image), np.asarray(picture))


def test_a_lazy_image_that_fails_to_load_is_a_decode_error(
    picture: Image.Image, encode: Encode
) -> None:
    data = encode(picture.resize((300, 200)), "JPEG")
    image = Image.open(io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(DecodeError, match=r"^truncated JPEG$"):
        to_rgb(image)


def test_a_closed_image_is_a_decode_error(picture: Image.Image) -> None:
    picture.close()
    with pytest.raises(DecodeError, match=r"^damaged image"):
        to_rgb(picture)


def test_result_does_not_alias_the_image(picture: Image.Image) -> None:
    before = to_rgb(picture)
    kept = before.copy()
    picture.putpixel((0, 0), (9, 9, 9))
    np.testing.assert_array_equal(before, kept)
    assert not before.flags.writeable


@pytest.mark.parametrize("ground", [0, 255])
@pytest.mark.parametrize("block_px", [1, 500, 1 << 20])
def test_flatten_equals_pillows_composite(ground: int, block_px: int) -> None:
    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 256, (41, 67, 3), dtype=np.uint8)
    alpha = rng.integers(0, 256, (41, 67), dtype=np.uint8)
    alpha[:3] = 0
    alpha[3:6] = 255
    plain = Image.new("RGB", (67, 41), (ground,) * 3)
    expected = Image.composite(Image.fromarray(rgb), plain, Image.fromarray(alpha))
    found = flatten(rgb, alpha, ground, block_px=block_px)
    np.testing.assert_array_equal(found, np.asarray(expected))
