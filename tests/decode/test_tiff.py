"""TIFF kinds that Pillow does not write, built tag by tag from known samples."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import decode_image
from hashmatch.errors import DecodeError

Encode = Callable[..., bytes]

SHORT, LONG = 3, 4
WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
UNSIGNED, SIGNED, FLOAT = 1, 2, 3


def write_tiff(
    strip: bytes, width: int, height: int, *, bits: int, photometric: int = BLACK_IS_ZERO,
    sample_format: int = UNSIGNED, orientation: int = 1, order: str = "<",
    extra: Sequence[tuple[int, int, int]] = (),
) -> bytes:  # fmt: skip
    tags = [
        (256, LONG, width), (257, LONG, height), (258, SHORT, bits), (259, SHORT, 1),
        (262, SHORT, photometric), (273, LONG, 8), (274, SHORT, orientation), (277, SHORT, 1),
        (278, LONG, height), (279, LONG, len(strip)), (339, SHORT, sample_format), *extra,
    ]  # fmt: skip
    strip += b"\x00" * (len(strip) % 2)
    directory = struct.pack(order + "H", len(tags))
    for tag, kind, value in tags:
        inline = struct.pack(order + ("HH" if kind == SHORT else "I"), *([value, 0][: 5 - kind]))
        directory += struct.pack(order + "HHI", tag, kind, 1) + inline
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    return mark + struct.pack(order + "I", 8 + len(strip)) + strip + directory + bytes(4)


@pytest.fixture
def samples() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 2**16, size=(9, 14))


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, :, None], 3, axis=2)


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_keep_their_high_byte_in_either_byte_order(
    order: str, samples: NDArray[np.int64]
) -> None:
    data = write_tiff(samples.astype(order + "u2").tobytes(), 14, 9, bits=16, order=order)
    np.testing.assert_array_equal(decode_image(data).array, grey(samples >> 8))


def test_sixteen_bits_upside_down(samples: NDArray[np.int64]) -> None:
    strip = samples.astype("<u2").tobytes()
    data = write_tiff(strip, 14, 9, bits=16, photometric=WHITE_IS_ZERO)
    np.testing.assert_array_equal(decode_image(data).array, grey(255 - (samples >> 8)))


def test_twelve_bits_fill_the_range(samples: NDArray[np.int64]) -> None:
    twelve = samples >> 4
    pairs = twelve.reshape(-1, 2)
    packed = np.stack(
        [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1
    )
    data = write_tiff(packed.astype(np.uint8).tobytes(), 14, 9, bits=12)
    np.testing.assert_array_equal(decode_image(data).array, grey(twelve >> 4))


def test_unsigned_32_bits_are_not_read_as_negative(samples: NDArray[np.int64]) -> None:
    wide = samples.astype(np.int64) << 16
    data = write_tiff(wide.astype("<u4").tobytes(), 14, 9, bits=32)
    np.testing.assert_array_equal(decode_image(data).array, grey(wide * 255 // wide.max()))


def test_signed_16_bits_are_black_below_zero(samples: NDArray[np.int64]) -> None:
    signed = samples - 2**15
    data = write_tiff(signed.astype("<i2").tobytes(), 14, 9, bits=16, sample_format=SIGNED)
    expected = signed.clip(0) * 255 // 65535
    np.testing.assert_array_equal(decode_image(data).array, grey(expected))


@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO])
def test_float_from_0_to_1(samples: NDArray[np.int64], photometric: int) -> None:
    levels = samples % 256
    levels[0, 0] = 255
    strip = (levels / 255).astype("<f4").tobytes()
    data = write_tiff(strip, 14, 9, bits=32, sample_format=FLOAT, photometric=photometric)
    expected = 255 - levels if photometric == WHITE_IS_ZERO else levels
    assert np.abs(decode_image(data).array.astype(int) - grey(expected)).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_come_as_stored_whatever_the_orientation_tag(
    orientation: int, samples: NDArray[np.int64]
) -> None:
    strip = (samples >> 8).astype(np.uint8).tobytes()
    data = write_tiff(strip, 14, 9, bits=8, orientation=orientation)
    np.testing.assert_array_equal(decode_image(data).array, grey(samples >> 8))


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", None])
def test_orientation_of_compressed_colour(
    compression: str | None, picture: Image.Image, encode: Encode
) -> None:
    upright = decode_image(encode(picture, "TIFF", compression=compression)).array
    for orientation in (3, 6):
        data = encode(picture, "TIFF", compression=compression, tiffinfo={274: orientation})
        np.testing.assert_array_equal(decode_image(data).array, upright)


def test_damaged_tags_neither_warn_nor_refuse(
    samples: NDArray[np.int64], recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    strip = (samples >> 8).astype(np.uint8).tobytes()
    beyond = [(305, 2, 10_000), (700, 7, 0xFFFFFF)]
    plain = write_tiff(strip, 14, 9, bits=8)
    data = bytearray(write_tiff(strip, 14, 9, bits=8, extra=[(305, LONG, 1), (700, LONG, 1)]))
    for tag, kind, count in beyond:
        at = data.rindex(struct.pack("<HHI", tag, LONG, 1))
        data[at : at + 12] = struct.pack("<HHII", tag, kind, count, 5)
    np.testing.assert_array_equal(decode_image(bytes(data)).array, decode_image(plain).array)
    assert not recwarn.list
    assert not caplog.records


def test_too_many_samples_leave_no_remark_on_stderr(
    samples: NDArray[np.int64], caplog: pytest.LogCaptureFixture
) -> None:
    strip = (samples >> 8).astype(np.uint8).tobytes()
    data = bytearray(write_tiff(strip, 14, 9, bits=8))
    at = data.rindex(struct.pack("<HHI", 277, SHORT, 1))
    data[at + 8] = 200
    with pytest.raises(DecodeError, match=r"^unsupported TIFF: 200 samples a pixel, grey$"):
        decode_image(bytes(data))
    assert not caplog.records


def test_big_tiff(picture: Image.Image, encode: Encode) -> None:
    data = encode(picture, "TIFF", big_tiff=True)
    assert data[2] == 43
    np.testing.assert_array_equal(decode_image(data).array, np.asarray(picture))


def test_deep_colour_keeps_its_high_bytes(picture: Image.Image) -> None:
    eight = np.asarray(picture)
    wide = eight.astype(np.uint16) << 8 | 0x7F
    height, width = eight.shape[:2]
    tags = [(256, LONG, width), (257, LONG, height), (259, SHORT, 1), (262, SHORT, 2)]
    strip = wide.astype("<u2").tobytes()
    strip_at = 8
    bits_at = strip_at + len(strip)
    tags += [(273, LONG, strip_at), (277, SHORT, 3), (278, LONG, height), (279, LONG, len(strip))]
    entries = {tag: struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags}
    entries[258] = struct.pack("<HHII", 258, SHORT, 3, bits_at)
    directory = struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries))
    bits = struct.pack("<HHH", 16, 16, 16)
    start = struct.pack("<I", bits_at + len(bits))
    data = b"II*\x00" + start + strip + bits + directory + bytes(4)
    np.testing.assert_array_equal(decode_image(data).array, eight)


def test_reference_reader_turns_what_is_left_as_stored_here(
    picture: Image.Image, encode: Encode
) -> None:
    # Pins the one place where "as stored" and Pillow's own load part ways.
    data = encode(picture, "TIFF", tiffinfo={274: 6})
    assert Image.open(io.BytesIO(data)).convert("RGB").size == (47, 61)
    assert decode_image(data).array.shape == (47, 61, 3)
