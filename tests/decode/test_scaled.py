"""Cells: of large plain JPEGs alone, and as libjpeg scales them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hashmatch.decode import DecodeLimits, decode_cells
from hashmatch.errors import DecodeError

SIZES = [((2048, 2050), 4), ((4095, 3001), 4), ((4096, 4101), 8)]


@pytest.mark.parametrize(("size", "cell_px"), SIZES)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_cells_are_what_libjpeg_scales_to(size, cell_px, mode, picture, encode):
    data = encode(picture.resize(size).convert(mode), "JPEG")
    cells = decode_cells(data)
    assert cells is not None
    assert (cells.width_px, cells.height_px, cells.cell_px) == (*size, cell_px)
    image = Image.open(io.BytesIO(data))
    image.draft("L", tuple(side // cell_px for side in size))
    np.testing.assert_array_equal(cells.means, np.asarray(image), strict=True)
    assert not cells.means.flags.writeable


def test_everything_else_has_no_cells(picture, encode):
    large = picture.resize((2100, 2200))
    jpeg = encode(large, "JPEG")
    for data in (
        encode(large.resize((2047, 3000)), "JPEG"),
        encode(large.resize((2048, 23_169)), "JPEG"),
        encode(large, "PNG"),
        encode(large.convert("CMYK"), "JPEG"),
        encode(large, "JPEG", keep_rgb=True),
        jpeg[:-2],
        jpeg[: len(jpeg) // 2],
    ):
        assert decode_cells(data) is None


def test_limits_hold_before_anything_is_decoded(picture, encode):
    data = encode(picture.resize((2100, 2200)), "JPEG")
    with pytest.raises(DecodeError, match=r"^too many pixels: 2100 x 2200"):
        decode_cells(data, limits=DecodeLimits(max_pixels=2100 * 2200 - 1))
    with pytest.raises(DecodeError, match=r"^too large"):
        decode_cells(data, limits=DecodeLimits(max_bytes=1000))
    with pytest.raises(DecodeError, match=r"^not an image"):
        decode_cells(b"nothing")
