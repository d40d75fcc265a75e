"""Frames, pages and alpha, against Pillow walked by hand."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from itertools import accumulate, islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hashmatch.decode import DecodedPicture, DecodeLimits, decode_image, decode_pictures
from hashmatch.decode.animation import choose_frames
from hashmatch.errors import DecodeError, ErrorKind

Encode = Callable[..., bytes]

ANIMATED = ["GIF", "WEBP", "PNG", "AVIF"]
DURATIONS_MS = [120, 40, 340, 1000, 60, 80, 20]


def turning(picture: Image.Image, n_frames: int) -> list[Image.Image]:
    return [picture.rotate(25 * number, fillcolor=(9, 200, 30)) for number in range(n_frames)]


def animation(encode: Encode, picture: Image.Image, file_format: str, n_frames: int = 7) -> bytes:
    first, *more = turning(picture, n_frames)
    options: dict[str, Any] = {"duration": (DURATIONS_MS * n_frames)[:n_frames]}
    if file_format == "WEBP":
        options["lossless"] = True
    return encode(first, file_format, save_all=True, append_images=more, **options)


def by_hand(data: bytes) -> list[np.ndarray]:
    image = Image.open(io.BytesIO(data))
    frames = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frames.append(np.asarray(image.convert("RGB")))
    return frames


@pytest.mark.parametrize("file_format", ANIMATED)
def test_every_frame_with_its_time(file_format: str, picture: Image.Image, encode: Encode) -> None:
    data = animation(encode, picture, file_format)
    found = list(decode_pictures(data, frames=True))
    expected = by_hand(data)
    assert len(found) == len(expected) == 7
    for picture_found, pixels in zip(found, expected, strict=True):
        np.testing.assert_array_equal(picture_found.array, pixels)
    starts_s = [total / 1000 for total in accumulate(DURATIONS_MS[:-1])]
    assert [frame.timestamp_s for frame in found] == pytest.approx([None, *starts_s])
    assert {frame.page for frame in found} == {None}


@pytest.mark.parametrize("file_format", [*ANIMATED, "TIFF"])
def test_without_frames_there_is_the_first_picture(
    file_format: str, picture: Image.Image, encode: Encode
) -> None:
    data = animation(encode, picture, file_format)
    found = decode_pictures(data)
    only = next(found)
    np.testing.assert_array_equal(only.array, decode_image(data).array)
    np.testing.assert_array_equal(only.array, by_hand(data)[0])
    with pytest.raises(DecodeError, match=r"^only the first (frame|page) of the \w+ was") as caught:
        next(found)
    assert caught.value.kind is ErrorKind.INCOMPLETE


@pytest.mark.parametrize("file_format", ANIMATED)
@pytest.mark.parametrize(
    ("most", "numbers"), [(7, range(7)), (6, range(6)), (4, (0, 2, 3, 5)), (2, (0, 3)), (1, (0,))]
)
def test_of_a_long_animation_the_frames_shown_longest_are_used(
    file_format: str, most: int, numbers: Sequence[int], picture: Image.Image, encode: Encode
) -> None:
    data = animation(encode, picture, file_format)
    every = list(decode_pictures(data, frames=True))
    found = decode_pictures(data, frames=True, limits=DecodeLimits(max_frames=most))
    for number in numbers:
        frame = next(found)
        assert frame.timestamp_s == every[number].timestamp_s
        np.testing.assert_array_equal(frame.array, every[number].array)
    if most == 7:
        assert next(found, None) is None
        return
    with pytest.raises(DecodeError, match=f"^too many frames: {most} of 7 were") as caught:
        next(found)
    assert caught.value.kind is ErrorKind.TOO_MANY_FRAMES


@given(st.lists(st.integers(1, 5)), st.integers(1, 9), st.booleans())
def test_frames_are_chosen_as_by_sorting(durations: list[float], most: int, first: bool) -> None:
    longest = sorted(
        range(len(durations)), key=lambda at: (at > 0 or not first, -durations[at], at)
    )
    expected = set(longest[:most]) | ({0} if first else set())
    assert choose_frames(durations, most, first=first) == expected


@pytest.mark.parametrize("file_format", ANIMATED)
def test_pixels_of_frames_are_added_up(
    file_format: str, picture: Image.Image, encode: Encode
) -> None:
    data = animation(encode, picture, file_format)
    pixels = picture.width * picture.height
    list(decode_pictures(data, frames=True, limits=DecodeLimits(max_frame_pixels=8 * pixels)))
    found = decode_pictures(data, frames=True, limits=DecodeLimits(max_frame_pixels=4 * pixels))
    assert len(list(islice(found, 3))) == 3  # matched before the error
    with pytest.raises(DecodeError, match=r"^too many pixels: \d+ in all frames") as caught:
        list(found)
    assert caught.value.kind is ErrorKind.TOO_MUCH_WORK


def pages(encode: Encode, picture: Image.Image, **options: Any) -> bytes:
    small = picture.resize((20, 30)).convert("L")
    return encode(
        picture, "TIFF", save_all=True, append_images=[small, picture.rotate(9)], **options
    )


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_every_page_with_its_number_and_size(
    compression: str | None, picture: Image.Image, encode: Encode
) -> None:
    data = pages(encode, picture, compression=compression)
    found = list(decode_pictures(data, frames=True))
    assert [(frame.page, frame.timestamp_s) for frame in found] == [
        (None, None),
        (2, None),
        (3, None),
    ]
    for frame, pixels in zip(found, by_hand(data), strict=True):
        np.testing.assert_array_equal(frame.array, pixels)


def test_too_many_pages_or_pixels_are_refused(picture: Image.Image, encode: Encode) -> None:
    data = pages(encode, picture)
    assert len(list(decode_pictures(data, frames=True, limits=DecodeLimits(max_frames=3)))) == 3
    found = decode_pictures(data, frames=True, limits=DecodeLimits(max_frames=2))
    assert len(list(islice(found, 2))) == 2
    with pytest.raises(DecodeError, match=r"^too many pages: more than 2$") as caught:
        next(found)
    assert caught.value.kind is ErrorKind.TOO_MANY_FRAMES
    pixels = 2 * picture.width * picture.height + 600
    list(decode_pictures(data, frames=True, limits=DecodeLimits(max_frame_pixels=pixels)))
    with pytest.raises(DecodeError, match=f"^too many pixels: {pixels} in all frames or pages"):
        list(decode_pictures(data, frames=True, limits=DecodeLimits(max_frame_pixels=pixels - 1)))


def test_pages_that_go_round_in_a_circle_end(picture: Image.Image, encode: Encode) -> None:
    data = bytearray(encode(picture.convert("L"), "TIFF"))
    directory = int.from_bytes(data[4:8], "little")
    end = directory + 2 + 12 * int.from_bytes(data[directory : directory + 2], "little")
    data[end : end + 4] = data[4:8]  # the next page is this one
    assert 1 <= len(list(islice(decode_pictures(bytes(data), frames=True), 99))) < 99


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.95])
def test_of_a_cut_animation_the_frames_that_are_there_are_used(
    file_format: str, share: float, picture: Image.Image, encode: Encode
) -> None:
    data = animation(encode, picture, file_format)
    expected = by_hand(data)
    found: list[DecodedPicture] = []
    errors: list[DecodeError] = []
    try:
        for frame in decode_pictures(data[: int(share * len(data))], frames=True):
            found.append(frame)
            errors += [] if frame.missing is None else [frame.missing]
    except DecodeError as error:
        errors.append(error)
    assert errors
    assert {error.kind for error in errors} == {ErrorKind.TRUNCATED}
    whole = [frame for frame in found if frame.missing is None]
    assert 7 * share - 2.5 < len(whole) <= len(found) <= 7
    for frame, pixels in zip(whole, expected, strict=False):
        np.testing.assert_array_equal(frame.array, pixels)


def test_one_multi_picture_jpeg_is_one_picture(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, "MPO", save_all=True, append_images=[picture.rotate(90)])
    assert len(list(decode_pictures(data, frames=True))) == 1


ALPHA = {
    "RGBA": ("PNG", "RGBA"), "LA": ("PNG", "LA"), "WebP": ("WEBP", "RGBA"),
    "TIFF": ("TIFF", "RGBA"), "AVIF": ("AVIF", "RGBA"),
}  # fmt: skip


@pytest.mark.parametrize("name", ALPHA)
def test_alpha_is_handed_over_where_asked_for(
    name: str, picture: Image.Image, encode: Encode
) -> None:
    file_format, mode = ALPHA[name]
    image = picture.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = encode(
        image.convert(mode), file_format, **({"lossless": True} if name == "WebP" else {})
    )
    (found,) = decode_pictures(data, alpha=True)
    np.testing.assert_array_equal(
        found.alpha, np.asarray(Image.open(io.BytesIO(data)).getchannel("A"))
    )
    assert next(decode_pictures(data)).alpha is None


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "1", "I;16"])
def test_a_transparent_colour_is_alpha(mode: str, picture: Image.Image, encode: Encode) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
        wanted: Any = int(np.asarray(image)[5, 5])
        expected = np.asarray(image) != wanted
    else:
        image = picture.convert(mode)
        wanted = image.getpixel((5, 5))
        expected = np.asarray(image) != np.asarray(wanted if mode != "1" else bool(wanted))
        expected = expected.any(axis=2) if mode == "RGB" else expected
    data = encode(image, "PNG", transparency=wanted)
    (found,) = decode_pictures(data, alpha=True)
    assert found.alpha is not None
    np.testing.assert_array_equal(found.alpha, np.where(expected, 255, 0))
    np.testing.assert_array_equal(found.array, decode_image(data).array)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_what_is_opaque_has_no_alpha(mode: str, picture: Image.Image, encode: Encode) -> None:
    (found,) = decode_pictures(encode(picture.convert(mode), "PNG"), alpha=True)
    assert found.alpha is None


def test_alpha_of_a_turned_tiff_is_stored_too(picture: Image.Image, encode: Encode) -> None:
    image = picture.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    exif = Image.Exif()
    exif[0x0112] = 6
    (found,) = decode_pictures(encode(image, "TIFF", exif=exif), alpha=True)
    np.testing.assert_array_equal(found.alpha, np.asarray(image.getchannel("A")))
