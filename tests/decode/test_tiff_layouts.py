"""TIFF in every layout: the pixels that tifffile reads, or unsupported, never others."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import decode_image
from hashmatch.errors import DecodeError, ErrorKind, attempt
from tests.decode.tiff_layouts import (
    BLACK_IS_ZERO,
    CIELAB,
    COMPLEX,
    DEFLATE,
    FLOAT,
    JPEG,
    LZMA,
    LZW,
    MASK,
    NONE,
    OLD_DEFLATE,
    PACKBITS,
    PALETTE,
    RGB,
    SEPARATED,
    SIGNED,
    UNDEFINED,
    UNSIGNED,
    WHITE_IS_ZERO,
    YCBCR,
    ZSTD,
    Layout,
    Samples,
    write_tiff,
)

HEIGHT, WIDTH = 21, 37
N_COLOURS = {RGB: 3, SEPARATED: 4, YCBCR: 3, CIELAB: 3}
COMPRESSIONS = (NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, ZSTD)
FORMATS = [
    *((UNSIGNED, bits) for bits in (1, 2, 4, 8, 12, 16, 32, 64)),
    *((SIGNED, bits) for bits in (8, 16, 32, 64)),
    *((FLOAT, bits) for bits in (16, 32, 64)),
    *((COMPLEX, 64), (COMPLEX, 128), (UNDEFINED, 8)),
]
FORMATS_WITH_MORE = [(UNSIGNED, 1), (UNSIGNED, 8), (UNSIGNED, 16), (FLOAT, 32)]
READ = {
    WHITE_IS_ZERO: "u1 u2 u4 u8 u16 f32",
    BLACK_IS_ZERO: "u1 u2 u4 u8 u12 u16 u32 i16 i32 f32",
    RGB: "u8 u16",
    SEPARATED: "u8 u16",
}
"""Samples that are read, apart from extra ones: the rest may be unsupported."""


def make_samples(layout: Layout, n_samples: int) -> Samples:
    rng = np.random.default_rng([layout.bits, layout.sample_format])
    shape = HEIGHT, WIDTH, n_samples
    if layout.sample_format in (FLOAT, COMPLEX):
        letter = "f" if layout.sample_format == FLOAT else "c"
        values = rng.random(shape).astype(f"{letter}{layout.bits // 8}")
        values[0, 0] = 1
        return values
    n_bytes = next(n for n in (1, 2, 4, 8) if 8 * n >= layout.bits)
    values = rng.integers(0, 2 ** min(layout.bits, 63), shape).astype(f"u{n_bytes}")
    return values.view(f"i{n_bytes}") if layout.sample_format == SIGNED else values


def expected_pixels(samples: Samples, layout: Layout) -> NDArray[np.uint8]:
    colours = samples[:, :, : N_COLOURS.get(layout.photometric, 1)]
    if layout.sample_format == UNSIGNED and layout.bits <= 16:
        if layout.bits <= 8:
            levels = colours.astype(int) * 255 // (2**layout.bits - 1)
        else:
            levels = colours.astype(int) >> (layout.bits - 8)
        levels = 255 - levels if layout.photometric == WHITE_IS_ZERO else levels
    else:
        positive = np.clip(colours.astype(float), 0, None)
        steps = (1, 255, 65535) if layout.sample_format == FLOAT else (255, 65535)
        largest = positive.max()
        scaled = positive * 255.0 / next((step for step in steps if largest <= step), largest)
        levels = (255.0 - scaled if layout.photometric == WHITE_IS_ZERO else scaled).astype(int)
    if layout.photometric == SEPARATED:
        white = 255 - levels[:, :, 3:]
        levels = np.clip(white - (levels[:, :, :3] * white + 127) // 255, 0, 255)
    if 1 in layout.extra and layout.bits in (8, 16):
        alpha = np.maximum(samples[:, :, -1:].astype(int) >> (layout.bits - 8), 1)
        levels = np.minimum(levels * 255 // alpha, 255)
    return np.broadcast_to(levels, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def check_as_intended(data: bytes, samples: Samples, layout: Layout) -> None:
    page: Any = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    found = page.asarray()
    if layout.planar and found.ndim == 3:
        found = np.moveaxis(found, 0, -1)
    np.testing.assert_array_equal(found.reshape(samples.shape), samples)


def layouts(
    photometric: int, bits: int, sample_format: int, extra: tuple[int, ...]
) -> list[Layout]:
    """Return all planar, order and plain or not; the rest is drawn."""
    rng = np.random.default_rng([photometric, bits, sample_format, *extra])
    found = []
    for planar, order, is_plain in itertools.product([False, True], "<>", [True, False]):
        compression = NONE if is_plain else int(rng.choice(COMPRESSIONS[1:]))
        predictor = 1
        if compression not in (NONE, PACKBITS) and bits in (8, 16, 32) and rng.random() < 0.5:
            predictor = 3 if sample_format == FLOAT else 2
        predictor = predictor if sample_format in (UNSIGNED, SIGNED, FLOAT) else 1
        layout = Layout(
            photometric, bits, sample_format, planar, order, compression, predictor, extra=extra
        )
        layout = replace(layout, is_tiled=bool(rng.random() < 0.4))
        layout = replace(layout, is_big=order == "<" and bool(rng.random() < 0.4))
        layout = replace(layout, fill_order=2 if rng.random() < 0.2 else 1)
        found.append(replace(layout, rows_per_strip=int(rng.choice([1, 7, HEIGHT, 40]))))
    return found


@pytest.mark.parametrize("extra", [(), (0,), (1,), (2,)])
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, MASK, SEPARATED])
def test_every_layout_is_read_as_written_or_unsupported(
    photometric: int, extra: tuple[int, ...]
) -> None:
    for sample_format, bits in FORMATS if not extra else FORMATS_WITH_MORE:
        letter = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}.get(sample_format, "?")
        must_read = not extra and f"{letter}{bits}" in READ.get(photometric, "").split()
        for layout in layouts(photometric, bits, sample_format, extra):
            samples = make_samples(layout, N_COLOURS.get(photometric, 1) + len(extra))
            if extra == (1,) and samples.dtype.kind == "u":  # premultiplied: no more than alpha
                samples[:, :, :-1] = np.minimum(samples[:, :, :-1], samples[:, :, -1:])
            data = write_tiff(samples, layout)
            check_as_intended(data, samples, layout)
            found = attempt(lambda data=data: decode_image(data).array)
            if found.error is not None:
                assert found.error.kind is ErrorKind.UNSUPPORTED, (str(found.error), str(layout))
                assert not must_read or (bits == 12 and layout.order == ">"), str(layout)
                continue
            apart = np.abs(found.unwrap() - expected_pixels(samples, layout).astype(int))
            assert apart.max() <= (1 if extra == (1,) else 0), str(layout)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("levels", [256, 65536])
def test_palettes_of_8_and_16_bits(bits: int, levels: int) -> None:
    palette = np.random.default_rng(5).integers(0, levels, (3, 2**bits))
    palette[0, 0] = levels - 1
    expected = palette if levels == 256 else palette >> 8
    for layout in layouts(PALETTE, bits, UNSIGNED, ()):
        tagged = replace(layout, tags={320: tuple(palette.ravel().tolist())})
        samples = make_samples(tagged, 1)
        found = decode_image(write_tiff(samples, tagged)).array
        np.testing.assert_array_equal(found, expected.T[samples[:, :, 0]], str(tagged))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [NONE, LZW])
@pytest.mark.parametrize("planar", [False, True])
def test_luma_and_chroma_not_subsampled(order: str, compression: int, planar: bool) -> None:
    layout = Layout(YCBCR, order=order, compression=compression, planar=planar, tags={530: (1, 1)})
    samples = make_samples(layout, 3)
    data = write_tiff(samples, layout)
    luma, blue, red = (samples.astype(float) - [0, 128, 128]).transpose(2, 0, 1)
    expected = np.stack(
        [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=2
    ).clip(0, 255)
    assert np.abs(decode_image(data).array - expected).max() <= 2


@pytest.mark.parametrize("compression", [NONE, LZW])
def test_lab(compression: int) -> None:
    rng = np.random.default_rng(8)
    shape = HEIGHT, WIDTH, 1
    lightness = rng.integers(80, 200, shape)
    a, b = rng.integers(-12, 13, (2, *shape))
    samples = np.concatenate([lightness, a & 255, b & 255], axis=2).astype(np.uint8)
    found = decode_image(write_tiff(samples, Layout(CIELAB, compression=compression))).array
    # CIE 1976 to XYZ, D50, then by Bradford's matrix to linear sRGB.
    fy = (lightness / 2.55 + 16) / 116
    cubes = np.concatenate([fy + a / 500, fy, fy - b / 200], axis=2)
    ratios = np.where(cubes > 6 / 29, cubes**3, 3 * (6 / 29) ** 2 * (cubes - 4 / 29))
    matrix = np.array(
        [[3.1339, -1.6169, -0.4906], [-0.9788, 1.9161, 0.0335], [0.0719, -0.2290, 1.4052]]
    )
    linear = (ratios * [0.9642, 1.0, 0.8249] @ matrix.T).clip(0, 1)
    encoded = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    assert np.abs(found - 255 * encoded).max() <= 6


def jpeg_tiff(chunks: list[bytes], photometric: int, n_samples: int, rows: int) -> bytes:
    blank = np.zeros((HEIGHT, WIDTH, n_samples), np.uint8)
    sizes = {273: tuple(range(1, len(chunks) + 1)), 279: tuple(map(len, chunks))}
    starts = np.cumsum([8, *map(len, chunks[:-1])])
    tags = {259: (JPEG,), **sizes, 273: tuple(map(int, starts)), 278: (rows,)}
    layout = Layout(photometric, tags=tags)
    return write_tiff(blank, layout, body=b"".join(chunks))


@pytest.mark.parametrize("rows", [8, 16, HEIGHT])
@pytest.mark.parametrize(
    ("photometric", "colourspace", "n_samples"),
    [(BLACK_IS_ZERO, "grayscale", 1), (RGB, "rgb", 3), (YCBCR, "ycbcr", 3), (SEPARATED, "cmyk", 4)],
)
def test_jpeg_in_strips(photometric: int, colourspace: str, n_samples: int, rows: int) -> None:
    ramp = np.add.outer(np.arange(HEIGHT) * 3, np.arange(WIDTH) * 2)[:, :, None]
    samples = (ramp + 20 * np.arange(n_samples)).astype(np.uint8)
    chunks = [
        bytes(imagecodecs.jpeg8_encode(
            np.squeeze(samples[top : top + rows]), level=95,
            colorspace="rgb" if colourspace == "ycbcr" else colourspace, outcolorspace=colourspace,
            subsampling="444",
        ))
        for top in range(0, HEIGHT, rows)
    ]  # fmt: skip
    data = jpeg_tiff(chunks, photometric, n_samples, rows)
    read = tifffile.TiffFile(io.BytesIO(data)).pages[0].asarray().reshape(samples.shape)
    assert np.abs(read.astype(int) - samples).max() <= 6
    expected = expected_pixels(read, Layout(photometric)).astype(int)
    assert np.abs(decode_image(data).array - expected).max() <= 2


@pytest.mark.parametrize("compression", ["tiff_ccitt", "group3", "group4"])
@pytest.mark.parametrize("fill_order", [1, 2])
def test_fax(compression: str, fill_order: int) -> None:
    dark = np.random.default_rng(9).random((HEIGHT, WIDTH)) < 0.3
    file = io.BytesIO()
    image = Image.fromarray(~dark)
    image.save(file, "TIFF", compression=compression, tiffinfo={266: fill_order})
    data = file.getvalue()
    page: Any = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    np.testing.assert_array_equal(page.asarray().astype(bool), ~dark)
    expected = np.broadcast_to(np.where(dark, 0, 255)[:, :, None], (HEIGHT, WIDTH, 3))
    np.testing.assert_array_equal(decode_image(data).array, expected)


@pytest.mark.parametrize("tags", [{}, {266: (2,)}])
def test_strips_beyond_the_picture_are_not_drawn_over_it(tags: dict[int, tuple[int, ...]]) -> None:
    samples = make_samples(Layout(), 1)
    layout = Layout(rows_per_strip=HEIGHT)
    n_bytes = HEIGHT * WIDTH
    body = samples.tobytes() + bytes(n_bytes)
    data = write_tiff(
        samples,
        Layout(tags={273: (8, 8 + n_bytes), 279: (n_bytes,) * 2, 278: (HEIGHT,)}),
        body=body,
    )
    np.testing.assert_array_equal(decode_image(data).array, expected_pixels(samples, layout))


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        (Layout(compression=NONE, tags={259: (34676,)}), "compression 34676"),
        (Layout(tags={259: (50001,)}), "compression 50001"),
        (Layout(tags={262: ()}), "no photometric interpretation"),
        (Layout(tags={262: (9,)}), "8 bits, unsigned, photometric 9"),
        (Layout(tags={317: (2,)}), "predictor 2"),
        (Layout(tags={322: (16,), 323: (16,), 324: (8,), 325: (256,)}), "tiles and strips"),
        (Layout(SEPARATED, tags={332: (2,)}), "inks other than CMYK"),
        (Layout(bits=64, sample_format=COMPLEX), "64 bits, complex, grey"),
        (Layout(bits=8, sample_format=SIGNED), "8 bits, signed, grey"),
        (Layout(CIELAB, planar=True), "planes of CIELAB"),
    ],
)
def test_what_is_not_read_says_why(layout: Layout, reason: str) -> None:
    samples = make_samples(layout, N_COLOURS.get(layout.photometric, 1))
    with pytest.raises(DecodeError, match=f"^unsupported TIFF: {reason}") as caught:
        decode_image(write_tiff(samples, layout))
    assert caught.value.kind is ErrorKind.UNSUPPORTED


def test_big_tiff_of_the_other_order_is_refused() -> None:
    layout = Layout(order=">", is_big=True)
    samples = make_samples(layout, 1)
    data = write_tiff(samples, layout)
    check_as_intended(data, samples, layout)
    with pytest.raises(DecodeError, match="^unsupported TIFF: BigTIFF, most significant byte"):
        decode_image(data)
