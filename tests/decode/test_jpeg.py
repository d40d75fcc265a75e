"""The Y plane, and the kinds of JPEG that cameras, scanners and print shops make."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from hashmatch.decode import DecodeLimits, decode_image, decode_pictures
from hashmatch.decode.jpeg import reduce_to_luma
from hashmatch.decode.jpeg_segments import read_layout
from hashmatch.errors import DecodeError, ErrorKind

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


def whole_lines(data: bytes) -> int:
    """Count the lines of blocks that a JPEG with a restart marker after each holds whole."""
    return len(re.findall(rb"\xff[\xd0-\xd7]", data))


@pytest.mark.parametrize("colours", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_the_share_is_that_of_the_pixels_decoded(
    kept: float, colours: str, picture: Image.Image, encode: Encode
) -> None:
    image = picture.resize((320, 640)).convert(colours)
    data = encode(image, "JPEG", subsampling=0, restart_marker_rows=1)
    cut = data[: int(len(data) * kept)]
    for end, kind in ((b"", ErrorKind.TRUNCATED), (b"\xff\xd9", ErrorKind.DAMAGED)):
        for decode in ("exact", "luma"):
            found = next(decode_pictures(cut + end, decode=decode))
            assert found.missing is not None
            assert found.missing.kind is kind
            stated = re.search(r"(\d+)% of the pixels were decoded$", str(found.missing))
            assert stated is not None
            n_lines = whole_lines(cut)
            assert 100 * n_lines // 80 <= int(stated[1]) <= 100 * (n_lines + 1) // 80
            whole = next(decode_pictures(data, decode=decode)).array
            np.testing.assert_array_equal(found.array[: 8 * n_lines], whole[: 8 * n_lines])
            assert len(np.unique(found.array[8 * n_lines + 8 :])) <= 2  # grey
            with pytest.raises(DecodeError, match=rf"^{kind} JPEG: .*\d% of the pixels"):
                decode_image(cut + end, decode=decode)


def test_the_share_of_a_progressive_jpeg_is_its_scans(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture.resize((300, 200)), "JPEG", progressive=True)
    starts = [found.start() for found in re.finditer(rb"\xff\xda", data)]
    n_scans = len(starts)
    assert n_scans > 5
    for number, start in enumerate(starts[1:], start=1):
        for cut in (data[:start], data[: start + 12]):
            found = next(decode_pictures(cut))
            assert str(found.missing) == f"truncated JPEG: decoded up to scan {number}"
        # The same as a file that ends after these scans, which is whole by itself.
        found, shown = (next(decode_pictures(data[:start] + end)) for end in (b"", b"\xff\xd9"))
        assert shown.missing is None
        np.testing.assert_array_equal(found.array, shown.array)
    found = next(decode_pictures(data[: starts[0] + 400]))
    assert re.match(r"truncated JPEG: \d+% of the pixels were decoded$", str(found.missing))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("colours", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_end_is_whole(
    colours: str, progressive: bool, picture: Image.Image, encode: Encode
) -> None:
    data = encode(picture.convert(colours), "JPEG", progressive=progressive)
    whole = decode_image(data)
    film = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 20
    for behind in (b"", b"\xff", bytes(5000), film, data, b"\xff\xe1\x00\x10", b"SEFH\x01\xff\x01"):
        found = decode_image(data[:-2] + behind)
        np.testing.assert_array_equal(found.array, whole.array)


def test_twins_of_damage_in_many_threads(picture: Image.Image, encode: Encode) -> None:
    """No global switch is flipped: every thread gets what it would get alone."""
    data = encode(picture.resize((300, 200)), "JPEG")
    files = [data, data[:-400], data[:-2], encode(picture, "PNG")[:-60]] * 8

    def outcome(file: bytes) -> str:
        try:
            found = next(decode_pictures(file))
        except DecodeError as error:
            return str(error)
        return f"{found.missing} {hashlib.sha256(found.array.tobytes()).hexdigest()}"

    alone = [outcome(file) for file in files]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(outcome, files)) == alone


def with_scans(data: bytes, n_copies: int) -> bytes:
    """Append scans without data to a progressive JPEG."""
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last : last + 10] * n_copies + data[-2:]


def test_scans_beyond_the_budget_are_left_out(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture.resize((512, 512)), "JPEG", progressive=True, subsampling=0)
    n_scans = data.count(b"\xff\xda")
    whole = decode_image(data)
    found = next(decode_pictures(with_scans(data, 100_000)))
    assert found.missing is not None
    assert found.missing.kind is ErrorKind.TOO_MUCH_WORK
    assert re.match(r"too much work: the JPEG was decoded up to scan 16\d{3}$", str(found.missing))
    # 10 scans, of 3 components or of 1: 14 in all, and a few segments.
    budget = 14 * 512 * 512 + 16 * 65536
    limits = DecodeLimits(max_decoded_pixels=budget)
    np.testing.assert_array_equal(decode_image(data, limits=limits).array, whole.array)
    limits = DecodeLimits(max_decoded_pixels=budget // 2)
    found = next(decode_pictures(data, limits=limits))
    n_decoded = int(str(found.missing).split()[-1])
    assert 1 < n_decoded < n_scans
    starts = [place.start() for place in re.finditer(rb"\xff\xda", data)]
    shown = next(decode_pictures(data[: starts[n_decoded]] + b"\xff\xd9"))
    np.testing.assert_array_equal(found.array, shown.array)
    with pytest.raises(DecodeError, match="^too much work: ") as caught:
        decode_image(data, limits=DecodeLimits(max_decoded_pixels=65536))
    assert caught.value.kind is ErrorKind.TOO_MUCH_WORK


def test_other_segments_have_a_budget_too(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, "JPEG")
    many = data[:2] + b"\xff\xfe\x00\x02" * 100_000 + data[2:]
    with pytest.raises(DecodeError, match="^too much work: "):
        decode_image(many)
    some = data[:2] + b"\xff\xfe\x00\x02" * 1000 + data[2:]
    np.testing.assert_array_equal(decode_image(some).array, decode_image(data).array)


def test_the_budget_is_enough_for_the_largest_ordinary_picture(
    picture: Image.Image, encode: Encode
) -> None:
    data = bytearray(encode(picture, "JPEG", progressive=True, subsampling=0))
    at = data.index(b"\xff\xc2") + 5
    data[at : at + 4] = (13_370).to_bytes(2, "big") * 2
    layout = read_layout(bytes(data), DecodeLimits(), to_end=True)
    assert len(layout.scans) == data.count(b"\xff\xda") > 5
    assert not layout.is_over_budget


def test_a_draft_that_changes_the_size_is_a_bug_not_a_picture(
    picture: Image.Image, encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.open(io.BytesIO(encode(picture, "JPEG")))
    draft = type(image).draft
    monkeypatch.setattr(type(image), "draft", lambda self, mode, _size: draft(self, mode, (8, 8)))
    with pytest.raises(RuntimeError, match="draft gave"):
        reduce_to_luma(image)
