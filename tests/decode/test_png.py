"""PNG against pixels that are known, written by a small encoder of the test's own."""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageFile

from hashmatch.decode import DecodedPicture, decode_image, decode_pictures, png
from hashmatch.errors import DecodeError, ErrorKind
from tests.picture_files import png_chunk as chunk

GREY, RGB, GREY_ALPHA, RGB_ALPHA = 0, 2, 4, 6
CHANNELS = {GREY: 1, RGB: 3, GREY_ALPHA: 2, RGB_ALPHA: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
ADAM7 = [*ADAM7, (0, 1, 1, 2)]


def scanlines(samples: np.ndarray, bits: int) -> bytes:
    lines = []
    for row in samples.reshape(samples.shape[0], -1):
        if bits == 16:
            packed = row.astype(">u2").tobytes()
        elif bits == 8:
            packed = row.astype(np.uint8).tobytes()
        else:
            bit_rows = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
            packed = np.packbits(bit_rows.astype(np.uint8).ravel()).tobytes()
        lines.append(b"\x00" + packed)
    return b"".join(lines)


def write_png(
    samples: np.ndarray, colour: int, bits: int, *, interlaced: bool = False, extra: bytes = b""
) -> bytes:
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(scanlines(part, bits) for part in passes if part.size)
    else:
        data = scanlines(samples, bits)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def random_samples(colour: int, bits: int) -> np.ndarray:
    rng = np.random.default_rng(bits * 10 + colour)
    return rng.integers(0, 2**bits, size=(19, 23, CHANNELS[colour]))


def expected_rgb(samples: np.ndarray, colour: int, bits: int) -> np.ndarray:
    eight = samples >> 8 if bits == 16 else samples * 255 // (2**bits - 1)
    if colour in (GREY, GREY_ALPHA):
        return np.repeat(eight[:, :, :1], 3, axis=2)
    return eight[:, :, :3]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("colour", "bits"),
    [
        *((GREY, bits) for bits in (1, 2, 4, 8, 16)),
        *((colour, bits) for colour in (RGB, GREY_ALPHA, RGB_ALPHA) for bits in (8, 16)),
    ],
)
def test_every_depth_scales_to_eight_bits(colour: int, bits: int, interlaced: bool) -> None:
    samples = random_samples(colour, bits)
    found = decode_image(write_png(samples, colour, bits, interlaced=interlaced)).array
    np.testing.assert_array_equal(found, expected_rgb(samples, colour, bits))


def test_sixteen_bit_grey_with_a_transparent_level() -> None:
    samples = random_samples(GREY, 16)
    extra = chunk(b"tRNS", struct.pack(">H", int(samples[0, 0, 0])))
    found = decode_image(write_png(samples, GREY, 16, extra=extra)).array
    np.testing.assert_array_equal(found, expected_rgb(samples, GREY, 16))


BOMB = zlib.compress(bytes(50_000_000))
SKIPPED = {
    "text bomb": chunk(b"zTXt", b"Comment\x00\x00" + BOMB),
    "international text bomb": chunk(b"iTXt", b"Comment\x00\x01\x00\x00\x00" + BOMB),
    "profile bomb": chunk(b"iCCP", b"profile\x00\x00" + BOMB),
    "many profiles": 300 * chunk(b"iCCP", b"profile\x00\x00" + zlib.compress(bytes(1_000_000))),
    "text with a wrong checksum": chunk(b"tEXt", b"Comment\x00words")[:-1] + b"\x00",
    "gamma with a wrong checksum": chunk(b"gAMA", struct.pack(">I", 45455))[:-1] + b"\x00",
    "gamma of no length": chunk(b"gAMA", b""),
    "chromaticities that are too short": chunk(b"cHRM", b"\x00"),
    "transparency of the wrong length": chunk(b"tRNS", b"\x00"),
    "unknown compression": chunk(b"zTXt", b"Comment\x00\x07"),
    "a private chunk with a wrong checksum": chunk(b"prVt", b"words")[:-1] + b"\x00",
    "EXIF that is none": chunk(b"eXIf", b"words"),
}


@pytest.mark.parametrize("name", SKIPPED)
@pytest.mark.parametrize("colour", [RGB, RGB_ALPHA])
def test_ancillary_chunks_that_viewers_skip_are_skipped(name: str, colour: int) -> None:
    samples = random_samples(colour, 8)
    found = list(decode_pictures(write_png(samples, colour, 8, extra=SKIPPED[name]), frames=True))
    assert [picture.missing for picture in found] == [None]
    np.testing.assert_array_equal(found[0].array, samples[:, :, :3])


def test_a_transparent_colour_with_a_wrong_checksum_is_skipped() -> None:
    samples = random_samples(RGB, 8)
    colour = struct.pack(">HHH", *samples[3, 4].tolist())
    for off, expected in ((0, False), (1, True)):
        extra = chunk(b"tRNS", colour, checksum_off=off)
        (found,) = decode_pictures(write_png(samples, RGB, 8, extra=extra), alpha=True)
        assert (found.alpha is None) == expected


def test_chunks_beyond_a_number_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "_MOST_CHUNKS", 100)
    samples = random_samples(RGB, 8)
    data = write_png(samples, RGB, 8, extra=100 * chunk(b"tEXt", b""))
    with pytest.raises(DecodeError, match="^too much work PNG"):
        decode_image(data)
    shown = write_png(samples, RGB, 8)[:-12] + 100 * chunk(b"tEXt", b"") + chunk(b"IEND", b"")
    pictures = decode_pictures(shown)
    np.testing.assert_array_equal(next(pictures).array, samples)
    with pytest.raises(DecodeError, match="^too much work PNG: more than 100 chunks") as caught:
        next(pictures)
    assert caught.value.kind is ErrorKind.TOO_MUCH_WORK


def test_pixels_in_chunks_of_one_byte() -> None:
    samples = random_samples(RGB, 8)
    data = split_data(write_png(samples, RGB, 8), 1)
    np.testing.assert_array_equal(decode_image(data).array, samples)


def split_data(data: bytes, size: int) -> bytes:
    """Cut the pixels of a PNG into chunks of a few bytes."""
    at = data.index(b"IDAT") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    pixels = data[at + 8 : at + 8 + length]
    parts = [pixels[start : start + size] for start in range(0, length, size)]
    return data[:at] + b"".join(chunk(b"IDAT", part) for part in parts) + chunk(b"IEND", b"")


def test_an_invalid_animation_header_is_no_reason_to_refuse(
    recwarn: pytest.WarningsRecorder,
) -> None:
    samples = random_samples(RGB, 8)
    data = write_png(samples, RGB, 8, extra=chunk(b"acTL", struct.pack(">II", 0, 0)))
    np.testing.assert_array_equal(decode_image(data).array, samples)
    assert not recwarn.list


def decode_damaged(data: bytes) -> DecodedPicture:
    (found,) = decode_pictures(data, alpha=True, frames=True)
    with pytest.raises(DecodeError):
        decode_image(data)
    return found


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_a_wrong_checksum_of_the_header_is_an_error_next_to_the_pixels(kind: bytes) -> None:
    samples = random_samples(RGB, 8)
    data = write_png(samples, RGB, 8, extra=chunk(b"PLTE", bytes(range(6))))
    start = data.index(kind)
    end = start + 4 + int.from_bytes(data[start - 4 : start], "big")
    found = decode_damaged(data[:end] + b"\0\0\0\0" + data[end + 4 :])
    np.testing.assert_array_equal(found.array, samples)
    assert str(found.missing) == f"damaged PNG: wrong checksum of {kind.decode()}"


@pytest.mark.parametrize(
    ("colour", "bits"),
    [(GREY, 1), (GREY, 4), (GREY, 16), (RGB, 8), (RGB_ALPHA, 8), (RGB_ALPHA, 16)],
)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_lines_before_the_end_of_the_file_are_shown(colour: int, bits: int, share: float) -> None:
    samples = random_samples(colour, bits)
    data = write_png(samples, colour, bits)
    start = data.index(b"IDAT") + 4
    end = data.index(b"IEND") - 12
    found = decode_damaged(data[: start + int(share * (end - start))])
    assert found.alpha is not None
    known: NDArray[np.bool_] = found.alpha.max(axis=1) > 0
    n_lines = int(known.argmin())
    assert not known[n_lines:].any()
    # Noise does not compress, so that bytes and lines go together.
    assert abs(n_lines / len(samples) - share) < 0.2
    expected = expected_rgb(samples, colour, bits)
    np.testing.assert_array_equal(found.array[: n_lines - 1], expected[: n_lines - 1])
    assert found.missing is not None
    assert found.missing.kind is ErrorKind.TRUNCATED


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_an_interlaced_picture_that_is_cut_is_coarse(share: float) -> None:
    y, x = np.mgrid[:61, :47]
    samples = np.stack((x * 5, y * 4, x + y), axis=2).astype(np.uint8)
    data = write_png(samples, RGB, 8, interlaced=True)
    start = data.index(b"IDAT") + 4
    found = decode_damaged(data[: start + int(share * (len(data) - start))])
    assert found.alpha is None or found.alpha.mean() > 255 * min(1, 5 * share) - 1
    shown = found.array if found.alpha is None else found.array[found.alpha > 0]
    wanted = samples if found.alpha is None else samples[found.alpha > 0]
    # Cells are at most 8 wide and high, and each level is known at their corner.
    assert np.abs(shown.astype(int) - wanted).max() <= 7 * 5


def test_data_after_an_error_is_not_shown() -> None:
    samples = random_samples(RGB, 8) % 16  # so that it is really compressed
    lines = scanlines(samples, 8)
    line_bytes = len(lines) // len(samples)
    bad_filter = lines[: 9 * line_bytes] + b"\x05" + lines[9 * line_bytes + 1 :]
    packed = zlib.compress(lines)
    middle = len(packed) // 2
    for data in (zlib.compress(bad_filter), packed[:middle] + b"\xff" * 9 + packed[middle + 9 :]):
        whole = write_png(samples, RGB, 8)
        head = whole[: whole.index(b"IDAT") - 4]
        found = decode_damaged(head + chunk(b"IDAT", data) + chunk(b"IEND", b""))
        assert found.alpha is not None
        n_lines = int(found.alpha.all(axis=1).argmin())
        assert 5 <= n_lines <= 12
        np.testing.assert_array_equal(found.array[:n_lines], samples[:n_lines])
        assert found.missing is not None
        assert found.missing.kind is ErrorKind.DAMAGED


def test_pixels_parted_by_another_chunk_are_put_together() -> None:
    samples = random_samples(RGB, 8)
    data = split_data(write_png(samples, RGB, 8), 500)
    at = data.rindex(b"IDAT") - 4
    found = decode_image(data[:at] + chunk(b"tEXt", b"Comment\x00words") + data[at:])
    np.testing.assert_array_equal(found.array, samples)


@pytest.mark.parametrize("tail", [b"", b"IEND", b"garbage after the end of the pixels"])
def test_what_follows_the_pixels_does_not_matter(tail: bytes) -> None:
    samples = random_samples(RGB, 8)
    data = write_png(samples, RGB, 8)
    found = list(decode_pictures(data[: data.index(b"IEND") - 4] + tail, frames=True))
    assert [picture.missing for picture in found] == [None]


def test_a_file_without_pixels_is_refused() -> None:
    data = write_png(random_samples(RGB, 8), RGB, 8)
    for cut in (8, 20, data.index(b"IDAT") - 4, data.index(b"IDAT") + 4):
        with pytest.raises(DecodeError, match="^truncated PNG|^damaged PNG"):
            list(decode_pictures(data[:cut]))


def test_damaged_files_are_decoded_alike_in_many_threads() -> None:
    samples = [random_samples(RGB, 8) for _ in range(8)]
    cuts = [write_png(picture, RGB, 8)[: -40 * at] for at, picture in enumerate(samples, start=1)]
    alone = [decode_damaged(data) for data in cuts]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda data: next(decode_pictures(data)), cuts * 8))
    for found, expected in zip(together, alone * 8, strict=True):
        np.testing.assert_array_equal(found.array, expected.array)
        assert str(found.missing) == str(expected.missing)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_damaged_file_that_claims_a_huge_size_is_refused_at_once() -> None:
    data = bytearray(write_png(random_samples(RGB, 8), RGB, 8))
    data[16:24] = b"\x7f\xff\xff\xff" * 2
    with pytest.raises(DecodeError, match=r"^too many pixels"):
        decode_image(bytes(data[:-20]))
