"""Profiles and gammas: a second picture where they change strongly what viewers show, else none."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

from hashmatch.decode import DecodedPicture, decode_pictures
from tests.decode.icc_profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    INVERTED,
    SRGB,
    gamma_curve,
    grey_profile,
    rgb_profile,
    table_profile,
)

Encode = Callable[..., bytes]

# Lightness falls where that of ink should rise: no ink is black, all of it white.
UPSIDE_DOWN = np.zeros((2, 2, 2, 2, 3))
UPSIDE_DOWN[..., 0] = np.add.reduce(np.indices((2,) * 4)) * 25.0
TAME = {
    "sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    "gamma 2.2": rgb_profile(gamma_curve(2.2)),
    "gamma 1.8": rgb_profile(gamma_curve(1.8)),
    "Adobe RGB": rgb_profile(gamma_curve(563 / 256), ADOBE_RGB),
    "Display P3": rgb_profile(gamma_curve(2.2), DISPLAY_P3),
    "grey 2.2": grey_profile(gamma_curve(2.2)),
}


def decoded(data: bytes, **options: Any) -> list[DecodedPicture]:
    return list(decode_pictures(data, profiled=True, **options))


def assert_near(found: NDArray[np.uint8], expected: NDArray[Any], mean: float = 3.0) -> None:
    # A plain power differs from sRGB's curve by some levels where it is dark.
    apart = np.abs(found.astype(float) - expected)
    assert apart.mean() <= mean
    assert apart.max() <= 16


def chunk_png(picture: Image.Image, chunks: dict[bytes, bytes]) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, data in chunks.items():
        info.add(name, data)
    file = io.BytesIO()
    picture.save(file, "PNG", pnginfo=info)
    return file.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("decode", ["exact", "luma"])
def test_an_inverting_profile_gives_the_negative(
    file_format: str, decode: str, picture: Image.Image, encode: Encode
) -> None:
    options = {"lossless": True} if file_format == "WEBP" else {}
    data = encode(picture, file_format, icc_profile=rgb_profile(INVERTED), **options)
    stored, shown = decoded(data, decode=decode)
    assert (stored.is_profiled, shown.is_profiled) == (False, True)
    assert stored.decode == shown.decode == "exact"
    assert_near(shown.array, 255 - stored.array)
    assert len(list(decode_pictures(data, decode=decode))) == 1


@pytest.mark.parametrize("profile", TAME.values(), ids=TAME.keys())
@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_ordinary_profiles_give_nothing_more(
    file_format: str, profile: bytes, picture: Image.Image, encode: Encode
) -> None:
    picture = picture.convert("L") if b"GRAY" in profile[:20] else picture
    assert len(decoded(encode(picture, file_format, icc_profile=profile))) == 1


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_grey_pictures_with_a_profile_for_grey(
    mode: str, picture: Image.Image, encode: Encode
) -> None:
    if mode == "I;16":
        grey = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    else:
        grey = picture.convert(mode)
    stored, shown = decoded(encode(grey, "PNG", icc_profile=grey_profile(INVERTED)))
    assert_near(shown.array, 255 - stored.array)


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_inks_are_converted_from_what_is_stored(
    file_format: str, picture: Image.Image, encode: Encode
) -> None:
    inks = picture.convert("CMYK")
    data = encode(inks, file_format, icc_profile=table_profile("CMYK", UPSIDE_DOWN))
    stored, shown = decoded(data)
    assert shown.array.shape == stored.array.shape
    before, after = stored.array.mean(axis=2).ravel(), shown.array.mean(axis=2).ravel()
    assert np.corrcoef(before, after)[0, 1] < -0.9


def test_a_table_of_colours_is_always_applied(picture: Image.Image, encode: Encode) -> None:
    corners = np.zeros((2, 2, 2, 3))
    corners[..., 0] = 100 - np.add.reduce(np.indices((2,) * 3)) * 100 / 3
    data = encode(picture, "PNG", icc_profile=table_profile("RGB ", corners))
    stored, shown = decoded(data)
    assert np.corrcoef(stored.array.ravel(), shown.array.ravel())[0, 1] < -0.5


@pytest.mark.parametrize(
    "profile",
    [
        b"no profile", bytes(3000), rgb_profile(INVERTED)[:300], rgb_profile(INVERTED)[:128],
        table_profile("CMYK", UPSIDE_DOWN), b"\xff" * 200, grey_profile(INVERTED),
    ],
    ids=str,
)  # fmt: skip
def test_a_profile_that_viewers_cannot_use_is_ignored(
    profile: bytes, picture: Image.Image, encode: Encode
) -> None:
    assert len(decoded(encode(picture, "PNG", icc_profile=profile))) == 1


@pytest.mark.parametrize("gamma", [0.02, 0.1, 1.0, 5.0])
def test_a_gamma_that_hides(gamma: float, picture: Image.Image) -> None:
    data = round(gamma * 100_000).to_bytes(4, "big")
    stored, shown = decoded(chunk_png(picture, {b"gAMA": data}))
    assert_near(shown.array, 255 * (stored.array / 255) ** (1 / (2.2 * gamma)), mean=1.0)


@pytest.mark.parametrize(
    "chunks",
    [
        {b"gAMA": (45455).to_bytes(4, "big")},
        {b"gAMA": (55555).to_bytes(4, "big")},
        {b"gAMA": (1).to_bytes(4, "big"), b"sRGB": b"\x00"},
        {b"gAMA": bytes(4)},
        {b"cHRM": bytes(32)},
    ],
)  # fmt: skip
def test_usual_and_senseless_gammas_give_nothing_more(
    chunks: dict[bytes, bytes], picture: Image.Image
) -> None:
    assert len(decoded(chunk_png(picture, chunks))) == 1


def test_primaries_that_swap_red_and_blue(picture: Image.Image) -> None:
    places = (31270, 32900, 15000, 6000, 30000, 60000, 64000, 33000)
    data = b"".join(value.to_bytes(4, "big") for value in places)
    stored, shown = decoded(chunk_png(picture, {b"cHRM": data}))
    assert_near(shown.array, stored.array[:, :, ::-1])


def test_every_frame_and_page_and_its_alpha(picture: Image.Image, encode: Encode) -> None:
    clear = picture.convert("RGBA")
    clear.putalpha(100)
    options: dict[str, Any] = {"save_all": True, "icc_profile": rgb_profile(INVERTED)}
    for file_format, further in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        second = clear.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        data = encode(clear, file_format, append_images=[second], **options, **further)
        found = decoded(data, frames=True, alpha=True)
        assert [picture.is_profiled for picture in found] == [False, True] * 2
        assert all(picture.alpha is not None and picture.alpha.max() == 100 for picture in found)


def test_srgb_and_matrices(picture: Image.Image, encode: Encode) -> None:
    # The matrix of the primaries matters: the same with red and blue exchanged is another picture.
    swapped = rgb_profile(gamma_curve(2.2), SRGB[::-1])
    stored, shown = decoded(encode(picture, "PNG", icc_profile=swapped))
    assert_near(shown.array, stored.array[:, :, ::-1])
