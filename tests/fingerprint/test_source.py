"""Pixels from every kind of source, and refusals of the rest."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import DecodeLimits
from hashmatch.errors import DecodeError
from hashmatch.fingerprint.source import pixels_of

Pixels = NDArray[np.uint8]


def exact(source: Any, **options: Any) -> Pixels:
    return pixels_of(source, decode="exact", **{"limits": DecodeLimits(), **options})


def test_every_kind_of_source_gives_the_same_pixels(jpeg: bytes, tmp_path: Path) -> None:
    path = tmp_path / "no-extension"
    path.write_bytes(jpeg)
    expected = np.asarray(Image.open(io.BytesIO(jpeg)))
    sources = [
        str(path),
        path,
        jpeg,
        bytearray(jpeg),
        memoryview(b"head" + jpeg)[4:],
        io.BytesIO(jpeg),
        Image.open(io.BytesIO(jpeg)),
        expected,
        np.repeat(expected, 2, axis=1)[:, ::2],
    ]
    for source in sources:
        found = exact(source)
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, expected)


def test_luma_is_for_encoded_contents_only(jpeg: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(jpeg)
    for encoded in (jpeg, tmp_path / "file", io.BytesIO(jpeg)):
        assert pixels_of(encoded, decode="luma", limits=DecodeLimits()).shape == (240, 320)
    decoded = Image.open(io.BytesIO(jpeg))
    assert pixels_of(decoded, decode="luma", limits=DecodeLimits()).shape == (240, 320, 3)
    assert pixels_of(np.asarray(decoded), decode="luma", limits=DecodeLimits()).shape == (
        240,
        320,
        3,
    )


def test_a_grey_array_stays_grey() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(exact(grey), grey)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((64, 64, 3), np.float32),
        np.zeros((64, 64), np.float64),
        np.zeros((64, 64), np.int64),
        np.zeros((64, 64), bool),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 1), np.uint8),
        np.zeros((2, 64, 64, 3), np.uint8),
        np.zeros(64, np.uint8),
        np.zeros((0, 64), np.uint8),
    ],
)
def test_other_arrays_are_refused_by_what_was_expected(array: Any) -> None:
    message = r"expected a uint8 array of shape \(height, width\) or \(height, width, 3\), not"
    with pytest.raises(ValueError, match=message):
        exact(array)


@pytest.mark.parametrize("source", [None, 7, [[1, 2]], object()])
def test_other_sources_are_a_type_error(source: Any) -> None:
    with pytest.raises(TypeError, match=f"cannot hash {type(source).__name__}: expected a path"):
        exact(source)


def test_a_file_opened_as_text_is_a_type_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xff\xd8\xff")
    with (tmp_path / "file").open() as stream, pytest.raises(TypeError, match="binary mode"):
        exact(stream)


def test_the_file_of_the_caller_stays_open(jpeg: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(jpeg)
    for buffering in (-1, 0):
        with (tmp_path / "file").open("rb", buffering=buffering) as stream:
            np.testing.assert_array_equal(exact(stream), exact(jpeg))
            assert not stream.closed


def test_limits_hold_for_every_encoded_source(jpeg: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(jpeg)
    limits = DecodeLimits(max_bytes=len(jpeg) - 1)
    for source in (jpeg, bytearray(jpeg), memoryview(jpeg), io.BytesIO(jpeg), tmp_path / "file"):
        with pytest.raises(DecodeError, match="too large"):
            exact(source, limits=limits)
