"""PNG against pixels that are known, written by a small encoder of the test's own."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from hashmatch.decode import decode_image
from hashmatch.errors import DecodeError

GREY, RGB, GREY_ALPHA, RGB_ALPHA = 0, 2, 4, 6
CHANNELS = {GREY: 1, RGB: 3, GREY_ALPHA: 2, RGB_ALPHA: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
ADAM7 = [*ADAM7, (0, 1, 1, 2)]


def chunk(kind: bytes, payload: bytes) -> bytes:
    checksum = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)


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


def test_text_bombs_are_refused() -> None:
    bomb = b"Comment\x00\x00" + zlib.compress(bytes(50_000_000))
    samples = random_samples(RGB, 8)
    data = write_png(samples, RGB, 8, extra=chunk(b"zTXt", bomb))
    with pytest.raises(DecodeError, match=r"^damaged PNG: Decompressed data too large"):
        decode_image(data)


def test_profile_bombs_are_refused() -> None:
    bomb = b"profile\x00\x00" + zlib.compress(bytes(50_000_000))
    data = write_png(random_samples(RGB, 8), RGB, 8, extra=chunk(b"iCCP", bomb))
    with pytest.raises(DecodeError, match=r"^damaged PNG: Decompressed data too large"):
        decode_image(data)


def test_an_invalid_animation_header_is_no_reason_to_refuse(
    recwarn: pytest.WarningsRecorder,
) -> None:
    samples = random_samples(RGB, 8)
    data = write_png(samples, RGB, 8, extra=chunk(b"acTL", struct.pack(">II", 0, 0)))
    np.testing.assert_array_equal(decode_image(data).array, samples)
    assert not recwarn.list


def test_a_wrong_checksum_is_refused() -> None:
    data = bytearray(write_png(random_samples(RGB, 8), RGB, 8))
    data[30] ^= 1
    with pytest.raises(DecodeError, match=r"^damaged PNG: broken PNG file .bad header checksum"):
        decode_image(bytes(data))
