"""Tricks with PNG, GIF, WebP, AVIF, TIFF and BMP files: only a listed picture is blocked."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.fingerprint import hash_image
from hashmatch.index import build_index
from hashmatch.screener import Screener, ScreeningOptions
from tests.picture_files import (
    PNG_SIGNATURE,
    ApngFrame,
    GifFrame,
    png_chunk,
    png_data,
    png_header,
    write_apng,
    write_gif,
)

Pixels = NDArray[np.uint8]
Make = Callable[[Pixels], bytes]

BOMB = zlib.compress(bytes(3 << 20))
PLAIN: Pixels = np.full((150, 200, 3), 200, np.uint8)


POLICY = """
version = "1"
mode = "enforce"
default = "allow"
on_error = { action = "review", queue = "undecodable" }

[[rules]]
name = "listed"
when = { harm = "csam", max_distance = 14 }
action = "block"
queue = "safety"
"""
RECIPE = """
name = "listed"

[[lists]]
name = "hotline"
file = "list.csv"
version = "1"
harm = "csam"
"""


@pytest.fixture(scope="module")
def listed() -> Pixels:
    """Return a picture of 200 x 150 px."""
    return _load("images/coffee.jpg")


@pytest.fixture(scope="module")
def unlisted() -> Pixels:
    return _load("uploads/unrelated-cameraman.jpg")


def _load(name: str) -> Pixels:
    image = Image.open(Path(__file__).parents[2] / "indexes" / "demo" / name).convert("RGB")
    return np.asarray(image.resize((200, 150), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, listed: Pixels) -> Path:
    """Return a built index that lists the picture in colour and in grey."""
    folder = tmp_path_factory.mktemp("index")
    rows = [hash_image(pixels).hex for pixels in (listed, indices(listed))]
    text = "".join(f"entry-{number},pdq,{row},100\n" for number, row in enumerate(rows))
    (folder / "list.csv").write_text("entry_id,algorithm,hash,quality\n" + text, encoding="utf-8")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    (folder / "policy.toml").write_text(POLICY, encoding="utf-8")
    build_index(folder)
    return folder


@pytest.fixture(scope="module")
def screener(index: Path) -> Screener:
    return Screener.open(index, index / "policy.toml", options=ScreeningOptions(decode="exact"))


def encode(pixels: Pixels, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()


def cut(file_format: str, off: int, **options: Any) -> Make:
    return lambda pixels: encode(pixels, file_format, **options)[:-off]


def with_chunk(chunk: bytes) -> Make:
    def make(pixels: Pixels) -> bytes:
        body = png_chunk(b"IDAT", png_data(pixels)) + png_chunk(b"IEND")
        return PNG_SIGNATURE + png_header(pixels) + chunk + body

    return make


def with_data(change: Callable[[bytes], bytes], header_off: int = 0) -> Make:
    """Return a maker of PNG files whose compressed pixels, or checksum of IHDR, are changed."""

    def make(pixels: Pixels) -> bytes:
        header = png_header(pixels)
        payload = header[8:21]
        data = png_chunk(b"IDAT", change(png_data(pixels)))
        head = png_chunk(b"IHDR", payload, checksum_off=header_off)
        return PNG_SIGNATURE + head + data + png_chunk(b"IEND")

    return make


def spoil_last_line(data: bytes) -> bytes:
    lines = bytearray(zlib.decompress(data))
    lines[-601] = 7  # the filter of a line of 200 pixels
    return zlib.compress(bytes(lines))


def split_by_text(pixels: Pixels) -> bytes:
    data = png_data(pixels)
    half = len(data) // 2
    parts = [
        png_chunk(b"IDAT", data[:half]),
        png_chunk(b"tEXt", b"a\0b"),
        png_chunk(b"IDAT", data[half:]),
    ]
    return b"".join((PNG_SIGNATURE, png_header(pixels), *parts, png_chunk(b"IEND")))


def indices(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).convert("L"))


BLANK_INDICES: Pixels = np.full((150, 200), 200, np.uint8)
BLANK_GIF = GifFrame(BLANK_INDICES)
BLANK_PNG = ApngFrame(PLAIN)


def gif(*before: GifFrame, size: tuple[int, int] = (200, 150), **how: Any) -> Make:
    """Return a maker of GIF files whose last frame is the picture."""
    return lambda pixels: write_gif(size, [*before, GifFrame(indices(pixels), **how)])


def apng(n_before: int = 1, **options: Any) -> Make:
    """Return a maker of animated PNG files whose last frame is the picture."""
    return lambda pixels: write_apng([*[BLANK_PNG] * n_before, ApngFrame(pixels)], **options)


def long_gif(n_frames: int, number: int) -> Make:
    """Return a maker of GIF files of many short frames, of which one is shown for a minute."""

    def make(pixels: Pixels) -> bytes:
        small = np.full((1, 1), 9, np.uint8)
        frames = [GifFrame(small, left=at % 200, delay=2) for at in range(n_frames)]
        frames[0] = BLANK_GIF
        frames[number] = GifFrame(indices(pixels), delay=6000)
        frames[number + 1] = GifFrame(BLANK_INDICES, delay=2)
        return write_gif((200, 150), frames)

    return make


def animated(file_format: str, **options: Any) -> Make:
    def make(pixels: Pixels) -> bytes:
        more = [Image.fromarray(pixels)]
        return encode(PLAIN, file_format, save_all=True, append_images=more, duration=99, **options)

    return make


def cut_after_listed(file_format: str, **options: Any) -> Make:
    """Return a maker of animations cut in their third frame; the second is the picture."""

    def make(pixels: Pixels) -> bytes:
        noise = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)
        more = [Image.fromarray(pixels), Image.fromarray(noise)]
        data = encode(PLAIN, file_format, save_all=True, append_images=more, duration=99, **options)
        return data[:-9000]

    return make


def damaged_strip(pixels: Pixels) -> bytes:
    data = bytearray(encode(pixels, "TIFF", compression="tiff_adobe_deflate", strip_size=1300))
    with Image.open(io.BytesIO(data)) as image:
        last = image.tag_v2[273][-1]  # type: ignore[attr-defined]
    data[last : last + 50] = bytes(50)
    return bytes(data)


def page_after_a_damaged_one(pixels: Pixels) -> bytes:
    first = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)
    data = bytearray(
        encode(
            first, "TIFF", compression="tiff_adobe_deflate", save_all=True,
            append_images=[Image.fromarray(pixels)], strip_size=1 << 20,
        )
    )  # fmt: skip
    with Image.open(io.BytesIO(data)) as image:
        start = image.tag_v2[273][0]  # type: ignore[attr-defined]
    data[start : start + 50] = bytes(50)
    return bytes(data)


def run_length_bmp(pixels: Pixels) -> bytes:
    """Return a grey BMP in run-length code without its last codes."""
    grey = indices(pixels)[::-1]
    codes = b"".join(
        b"".join(bytes((1, value)) for value in line.tolist()) + b"\0\0" for line in grey
    )
    palette = bytes(np.repeat(np.arange(256, dtype=np.uint8), 4))
    info = struct.pack("<IiiHHIIiiII", 40, 200, 150, 1, 8, 1, len(codes), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + info + palette + codes[:-100]


@dataclass(frozen=True)
class Kind:
    """A way to write a picture, and the error that the row of every such file has."""

    make: Make
    error_kind: str | None = None


KINDS = {
    "PNG cut by 200 bytes": Kind(cut("PNG", 200), "truncated"),
    "PNG cut before its end": Kind(cut("PNG", 12)),
    "PNG interlaced, cut": Kind(lambda p: interlaced(p)[:-200], "truncated"),
    "PNG with a wrong checksum of its header": Kind(with_data(bytes, 1), "damaged"),
    "PNG with a wrong checksum of its data": Kind(with_data(lambda d: d[:-1] + b"\0"), "damaged"),
    "PNG with an unknown filter in its last line": Kind(with_data(spoil_last_line), "damaged"),
    "PNG with a text of 3 MiB": Kind(with_chunk(png_chunk(b"zTXt", b"a\0\0" + BOMB))),
    "PNG with a profile of 3 MiB": Kind(with_chunk(png_chunk(b"iCCP", b"a\0\0" + BOMB))),
    "PNG with a wrong checksum of a text": Kind(
        with_chunk(png_chunk(b"tEXt", b"a\0b", checksum_off=1))
    ),
    "PNG with a damaged transparency": Kind(
        with_chunk(png_chunk(b"tRNS", bytes(6), checksum_off=1))
    ),
    "PNG with text between its data": Kind(split_by_text),
    "APNG, plain": Kind(apng()),
    "APNG declared twice": Kind(apng(declared=[2, 2]), "damaged"),
    "APNG declared too short": Kind(apng(declared=[1]), "damaged"),
    "APNG not declared": Kind(apng(declared=[]), "damaged"),
    "APNG declared as empty": Kind(apng(declared=[0]), "damaged"),
    "APNG out of order": Kind(apng(numbers=[2, 1, 0]), "damaged"),
    "APNG beside a still picture": Kind(apng(0, still=PLAIN)),
    "APNG cut in its last frame": Kind(lambda p: apng()(p)[:-150], "truncated"),
    "still PNG beside an APNG": Kind(lambda p: write_apng([BLANK_PNG], still=p)),
    "GIF cut by 200 bytes": Kind(cut("GIF", 200), "truncated"),
    "GIF cut in its second frame": Kind(lambda p: gif(BLANK_GIF)(p)[:-200], "truncated"),
    "GIF with a screen of 1 x 1": Kind(gif(size=(1, 1))),
    "GIF with a screen of no size": Kind(gif(BLANK_GIF, size=(0, 0))),
    "GIF with a small screen, second frame": Kind(gif(BLANK_GIF, size=(7, 9))),
    "GIF of version 87a on a large screen": Kind(
        lambda p: write_gif((900, 700), [GifFrame(indices(p), left=300)], version=b"87a")
    ),
    "GIF after a frame over the edge": Kind(
        gif(BLANK_GIF, GifFrame(BLANK_INDICES, left=150, top=90))
    ),
    "GIF after a frame outside the screen": Kind(
        gif(BLANK_GIF, GifFrame(BLANK_INDICES, left=900, top=900))
    ),
    "GIF whose first frame has damaged codes": Kind(
        lambda p: gif(BLANK_GIF)(p).replace(b"\x08\xff\x00", b"\x08\xff\xff", 1), "damaged"
    ),
    "GIF of 1,001 frames, the picture shown longest": Kind(long_gif(1001, 1), "too_many_frames"),
    "GIF of 2,500 frames, the picture last": Kind(long_gif(2500, 2490), "too_many_frames"),
    "WebP cut by a twentieth": Kind(lambda p: encode(p, "WEBP", lossless=True)[:-900], "truncated"),
    "WebP animation cut after the picture": Kind(
        cut_after_listed("WEBP", lossless=True), "truncated"
    ),
    "WebP animation": Kind(animated("WEBP")),
    "AVIF animation": Kind(animated("AVIF")),
    "TIFF cut by 300 bytes": Kind(cut("TIFF", 300), "truncated"),
    "TIFF with a damaged strip": Kind(damaged_strip, "damaged"),
    "TIFF whose first page is damaged": Kind(page_after_a_damaged_one, "damaged"),
    "BMP cut by a line": Kind(cut("BMP", 700), "truncated"),
    "BMP in run-length code, cut": Kind(run_length_bmp, "truncated"),
}


def interlaced(pixels: Pixels) -> bytes:
    """Return an interlaced PNG."""
    passes = (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2),
    )  # fmt: skip
    lines = [b"\0" + line.tobytes() for x, y, dx, dy in passes for line in pixels[y::dy, x::dx]]
    header = png_header(pixels)[8:20] + b"\1"
    data = png_chunk(b"IDAT", zlib.compress(b"".join(lines)))
    return PNG_SIGNATURE + png_chunk(b"IHDR", header) + data + png_chunk(b"IEND")


@pytest.mark.parametrize("name", KINDS)
def test_the_listed_picture_is_blocked(name: str, screener: Screener, listed: Pixels) -> None:
    kind = KINDS[name]
    decision = screener.screen(kind.make(listed))
    assert decision.action == "block"
    assert "hotline" in {match.list for match in decision.matches}
    assert decision.error_kind == kind.error_kind


@pytest.mark.parametrize("name", KINDS)
def test_another_picture_is_not(name: str, screener: Screener, unlisted: Pixels) -> None:
    kind = KINDS[name]
    decision = screener.screen(kind.make(unlisted))
    assert decision.n_matches == 0
    assert decision.error_kind == kind.error_kind


@pytest.mark.parametrize("make", [gif(BLANK_GIF), apng(), animated("WEBP"), animated("AVIF")])
def test_without_frames_an_animation_is_incomplete(make: Make, index: Path, listed: Pixels) -> None:
    path = index / "without-frames.toml"
    path.write_text('views = ["orientations"]\n' + POLICY, encoding="utf-8")
    decision = Screener.open(index, path).screen(make(listed))
    assert decision.error_kind == "incomplete"
    assert decision.action == "review"
