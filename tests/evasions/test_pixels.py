"""A listed picture behind layouts, palettes, alpha, profiles and sizes: blocked, or an error.

Each trick is also played on a picture that nobody lists, which must give neither.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from hashmatch.screener import Screener
from hashmatch.values import Decision
from tests.decode.icc_profiles import INVERTED, grey_profile, rgb_profile, table_profile
from tests.decode.tiff_layouts import (
    BLACK_IS_ZERO,
    DEFLATE,
    FLOAT,
    LZW,
    PALETTE,
    RGB,
    SEPARATED,
    SIGNED,
    WHITE_IS_ZERO,
    Layout,
    write_tiff,
)

Picture = NDArray[np.uint8]
Trick = Callable[[Picture], bytes]


def grey(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).convert("L"))


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def tiff(layout: Layout, to_samples: Callable[[Picture], Any]) -> Trick:
    def play(picture: Picture) -> bytes:
        samples = to_samples(picture)
        return write_tiff(samples if samples.ndim == 3 else samples[:, :, None], layout)

    return play


def wide(picture: Picture) -> Any:
    return picture.astype(np.uint16) * 257


def with_alpha(picture: Picture) -> Any:
    return np.concatenate([wide(picture), np.full_like(wide(picture[:, :, :1]), 65535)], axis=2)


def inks(picture: Picture) -> Any:
    return np.concatenate([wide(255 - picture), np.zeros_like(wide(picture[:, :, :1]))], axis=2)


def covered_by_a_further_strip(picture: Picture) -> bytes:
    plain = grey(picture)[:, :, None]
    body = plain.tobytes() + bytes([90]) * plain.size
    strips = {273: (8, 8 + plain.size), 279: (plain.size,) * 2, 278: (len(plain),)}
    return write_tiff(plain, Layout(tags=strips), body=body)


def palette_of_8_bits(picture: Picture) -> bytes:
    colours = tuple(range(256)) * 3
    return write_tiff(grey(picture)[:, :, None], Layout(PALETTE, tags={320: colours}))


def png(width: int, rows: list[bytes], bits: int, colour_type: int, **chunks: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    head = struct.pack(">IIBBBBB", width, len(rows), bits, colour_type, 0, 0, 0)
    body = b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    pixels = zlib.compress(b"".join(b"\x00" + row for row in rows))
    ends = chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + ends


def dots(picture: Picture) -> Any:
    """Return the picture as a halftone of True, white, and False."""
    height, width = picture.shape[:2]
    return np.asarray(Image.fromarray(grey(picture)).resize((3 * width, 3 * height)).convert("1"))


def packed(levels: Any, bits: int) -> list[bytes]:
    places = np.arange(bits - 1, -1, -1)
    each = (levels[:, :, None] >> places & 1).astype(np.uint8)
    return [row.tobytes() for row in np.packbits(each.reshape(len(levels), -1), axis=1)]


def transparent_grey(bits: int) -> Trick:
    # White is drawn in nearly black, which is transparent.
    def play(picture: Picture) -> bytes:
        levels = dots(picture).astype(np.uint8)
        return png(levels.shape[1], packed(levels, bits), bits, 0, tRNS=b"\x00\x01")

    return play


def transparent_colour_of_16_bits(picture: Picture) -> bytes:
    levels = np.repeat(dots(picture)[:, :, None] * np.uint16(0x10), 3, axis=2).astype(">u2")
    return png(levels.shape[1], [row.tobytes() for row in levels], 16, 2, tRNS=b"\x00\x10" * 3)


def transparent_palette(bits: int) -> Trick:
    def play(picture: Picture) -> bytes:
        levels = dots(picture).astype(np.uint8)
        black = bytes(3 * 2**bits)
        rows = packed(levels, bits)
        return png(levels.shape[1], rows, bits, 3, PLTE=black, tRNS=b"\xff\x00")

    return play


def alpha_of_16_bits(picture: Picture) -> bytes:
    alpha = (255 - grey(picture)).astype(">u2") * 257
    pairs = np.stack([np.zeros_like(alpha), alpha], axis=2)
    return png(alpha.shape[1], [row.tobytes() for row in pairs], 16, 4)


def inverted(file_format: str, profile: bytes, mode: str = "RGB", **options: Any) -> Trick:
    def play(picture: Picture) -> bytes:
        image = Image.fromarray(255 - picture).convert(mode)
        return saved(image, file_format, icc_profile=profile, **options)

    return play


def inverted_inks(picture: Picture) -> bytes:
    corners = np.zeros((2, 2, 2, 2, 3))
    corners[..., 0] = np.add.reduce(np.indices((2,) * 4)[:3]) * 100 / 3
    ink = Image.fromarray(grey(picture))
    image = Image.merge("CMYK", [ink, ink, ink, Image.new("L", ink.size)])
    return saved(image, "JPEG", quality=95, icc_profile=table_profile("CMYK", corners))


def hidden_by_gamma(picture: Picture) -> bytes:
    # What is shown as the picture is stored as its dark half alone, over noise that is shown white.
    shown = grey(picture) / 255
    noise = np.random.default_rng(4).integers(0, 2, (9, 9)).repeat(60, 0).repeat(80, 1)
    cover = np.where(noise[: shown.shape[0], : shown.shape[1]] > 0, 0.999, 1.0)
    stored = (255 * (shown * cover) ** 0.05).round().astype(np.uint8)
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", round(0.45455 * 0.05 * 100_000).to_bytes(4, "big"))
    return saved(Image.fromarray(stored), "PNG", pnginfo=info)


TRICKS: dict[str, Trick] = {
    "16-bit planes": tiff(Layout(RGB, 16, planar=True), wide),
    "16-bit planes of the other order": tiff(Layout(RGB, 16, planar=True, order=">"), wide),
    "16-bit planes with alpha": tiff(Layout(RGB, 16, planar=True, extra=(2,)), with_alpha),
    "16-bit planes of ink": tiff(Layout(SEPARATED, 16, planar=True), inks),
    "compressed floats of the other order": tiff(
        Layout(BLACK_IS_ZERO, 32, FLOAT, order=">", compression=DEFLATE, predictor=3),
        lambda picture: (grey(picture) / 255).astype(np.float32),
    ),
    "compressed integers of the other order": tiff(
        Layout(BLACK_IS_ZERO, 16, SIGNED, order=">", compression=LZW, predictor=2),
        lambda picture: grey(picture).astype(np.int16) * 128,
    ),
    "white is zero, 16 bits of the other order": tiff(
        Layout(WHITE_IS_ZERO, 16, order=">"), lambda picture: 65535 - wide(grey(picture))
    ),
    "white is zero, in one plane": tiff(
        Layout(WHITE_IS_ZERO, tags={284: (2,)}), lambda picture: 255 - grey(picture)
    ),
    "4 bits in one plane": tiff(
        Layout(BLACK_IS_ZERO, 4, tags={284: (2,)}), lambda picture: grey(picture) >> 4
    ),
    "bits in the other order, in planes": tiff(
        Layout(RGB, planar=True, fill_order=2), lambda picture: picture
    ),
    "a strip beyond the picture": covered_by_a_further_strip,
    "a TIFF palette of 8 bits": palette_of_8_bits,
    "signed bytes": tiff(
        Layout(BLACK_IS_ZERO, 8, SIGNED), lambda picture: grey(picture).view(np.int8)
    ),
    "a transparent level of 1 bit": transparent_grey(1),
    "a transparent level of 2 bits": transparent_grey(2),
    "a transparent level of 4 bits": transparent_grey(4),
    "a transparent colour of 16 bits": transparent_colour_of_16_bits,
    "a transparent palette of 1 bit": transparent_palette(1),
    "a transparent palette of 4 bits": transparent_palette(4),
    "alpha of 16 bits": alpha_of_16_bits,
    "an inverting profile in PNG": inverted("PNG", rgb_profile(INVERTED)),
    "an inverting profile in JPEG": inverted("JPEG", rgb_profile(INVERTED), quality=90),
    "an inverting profile in WebP": inverted("WEBP", rgb_profile(INVERTED), quality=90),
    "an inverting profile in TIFF": inverted("TIFF", rgb_profile(INVERTED)),
    "an inverting profile in AVIF": inverted("AVIF", rgb_profile(INVERTED), quality=90),
    "an inverting profile for grey": inverted("PNG", grey_profile(INVERTED), "L"),
    "an inverting profile for ink": inverted_inks,
    "a gamma that hides": hidden_by_gamma,
}


def header_of_a_large_strip(picture: Picture) -> bytes:
    size = {256: (9000,), 257: (9000,), 278: (9000,)}
    layout = Layout(RGB, 16, extra=(2,), compression=DEFLATE, tags=size)
    return write_tiff(with_alpha(picture), layout)


BOMBS: dict[str, tuple[Trick, str]] = {
    "wider than any camera": (lambda _: png(70_000, [bytes(70_000)] * 5, 8, 0), "too_large"),
    "taller than any camera": (lambda _: png(5, [bytes(5)] * 70_000, 8, 0), "too_large"),
    "one strip of 648 MB": (header_of_a_large_strip, "too_large"),
}


@pytest.fixture(scope="module")
def listed(demo: Path) -> Picture:
    return np.asarray(Image.open(demo / "images" / "coffee.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def unlisted(pictures: list[Picture], listed: Picture) -> Picture:
    size = listed.shape[1::-1]
    return np.asarray(
        Image.fromarray(pictures[0]).resize(size, Image.Resampling.BICUBIC).convert("RGB")
    )


@pytest.fixture(scope="module")
def screener(demo: Path) -> Screener:
    return Screener.open(demo, demo / "policy.toml")


def screen(screener: Screener, data: bytes) -> Decision:
    return screener.screen(data, content_id="upload")


@pytest.mark.parametrize("name", TRICKS)
def test_a_listed_picture_is_blocked_or_an_error(
    name: str, screener: Screener, listed: Picture
) -> None:
    decision = screen(screener, TRICKS[name](listed))
    assert decision.action == "block" or decision.error_kind == "unsupported", decision


@pytest.mark.parametrize("name", TRICKS)
def test_an_unlisted_picture_gives_no_match(
    name: str, screener: Screener, unlisted: Picture
) -> None:
    decision = screen(screener, TRICKS[name](unlisted))
    assert decision.matches == ()
    assert decision.action == "allow" or decision.error_kind == "unsupported"


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_an_error(name: str, screener: Screener, listed: Picture) -> None:
    make, kind = BOMBS[name]
    assert screen(screener, make(listed)).error_kind == kind


def test_a_wide_picture_within_the_limit_is_no_error(screener: Screener) -> None:
    decision = screen(screener, png(60_000, [bytes(60_000)] * 5, 8, 0))
    assert (decision.action, decision.error_kind) == ("allow", None)


@pytest.mark.parametrize("name", [name for name in TRICKS if "profile" in name or "gamma" in name])
def test_a_policy_without_profiled_does_not_look(
    name: str, demo: Path, tmp_path: Path, listed: Picture
) -> None:
    policy = tmp_path / "policy.toml"
    for views, expected in (('["profiled"]', {"profiled"}), ('["frames"]', set())):
        policy.write_text(f"views = {views}\n" + (demo / "policy.toml").read_text())
        decision = screen(Screener.open(demo, policy), TRICKS[name](listed))
        assert {match.view for match in decision.matches if match.entry_id == "H-1001"} == expected
