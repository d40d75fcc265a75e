"""Files that end where no decoder expects it, and files behind them."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from hashmatch.errors import ErrorKind
from hashmatch.screener import Screener


@pytest.fixture(scope="module")
def screener(demo: Path) -> Screener:
    return Screener.open(demo, demo / "policy.toml")


@pytest.fixture(scope="module")
def listed(demo: Path) -> Image.Image:
    with Image.open(demo / "images" / "coffee.jpg") as image:
        return image.convert("RGB")


def encode(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def png_of(image: Image.Image, n_lines: int) -> bytes:
    """Return a PNG whose compressed data end properly after some lines."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    lines = b"".join(b"\0" + line.tobytes() for line in np.asarray(image)[:n_lines])
    header = struct.pack(">IIBBBBB", *image.size, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("n_missing", [1, 2, 10, 100])
def test_a_png_whose_data_end_early_is_damaged(
    screener: Screener, listed: Image.Image, n_missing: int
) -> None:
    decision = screener.screen(png_of(listed, listed.height - n_missing))
    assert decision.error_kind == ErrorKind.DAMAGED
    assert "of the pixels were decoded" in (decision.error or "")
    assert decision.action == ("block" if n_missing <= 2 else decision.action) != "allow"


def test_a_whole_png_with_a_black_end_is_no_damage(screener: Screener, listed: Image.Image) -> None:
    framed = Image.new("RGB", (listed.width, listed.height + 40))
    framed.paste(listed, (0, 0))
    decision = screener.screen(png_of(framed, framed.height))
    assert decision.error is None


def test_a_jpeg_behind_a_jpeg_may_have_any_number_of_comments(
    screener: Screener, listed: Image.Image
) -> None:
    data = encode(listed, "JPEG")
    comments = data[:2] + b"\xff\xfe\x00\x02" * 1100 + data[2:]
    noise = encode(Image.effect_noise((300, 300), 90), "JPEG")
    assert screener.screen(noise + comments).action == "block"
    assert screener.screen(noise).action == "allow"


def clip(image: Image.Image, container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=25)
        stream.width, stream.height = (side // 2 * 2 for side in image.size)
        stream.pix_fmt = "yuv420p"
        pixels = np.asarray(image.resize((stream.width, stream.height)))
        for _ in range(5):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("container", "codec"),
    [("avi", "mpeg4"), ("flv", "flv"), ("mpeg", "mpeg1video"), ("asf", "wmv2"), ("mp4", "mpeg4")],
)
@pytest.mark.parametrize("outer", ["JPEG", "PNG", "WEBP"])
def test_a_video_of_any_container_behind_a_picture(
    screener: Screener, listed: Image.Image, container: str, codec: str, outer: str
) -> None:
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    carrier = encode(noise, outer)
    decision = screener.screen(carrier + clip(listed, container, codec))
    assert (decision.action, decision.error) == ("block", None)
    assert decision.matches[0].view.startswith("embedded")
    assert screener.screen(carrier + clip(noise, container, codec)).n_matches == 0
