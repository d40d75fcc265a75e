"""CPU time of picture files that are made to take long.

Run ``python -m benchmarks.picture_bombs``; docs/decode.md quotes the figures.
"""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from hashmatch.fingerprint import ViewOptions, fingerprint_media
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

_HEAD_BYTES = 13 + 768


def _large_frame(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("P", (width, height)).save(buffer, "GIF")
    data = buffer.getvalue()
    return data[data.index(b",", 13) : -1]


def _animate(n_frames: int, width: int, height: int) -> bytes:
    still = np.zeros((height, width, 4), np.uint8)
    one = png_data(still)
    parts = [PNG_SIGNATURE, png_header(still), png_chunk(b"acTL", struct.pack(">II", n_frames, 0))]
    for number in range(n_frames):
        control = struct.pack(">IIIIHHBB", width, height, 0, 0, 1, 10, 0, 0)
        parts.append(png_chunk(b"fcTL", struct.pack(">I", max(0, 2 * number - 1)) + control))
        data = struct.pack(">I", 2 * number) + one
        parts.append(png_chunk(b"fdAT", data) if number else png_chunk(b"IDAT", one))
    return b"".join((*parts, png_chunk(b"IEND")))


def _make_bombs() -> Iterator[tuple[str, bytes]]:
    point = np.zeros((1, 1), np.uint8)
    tiny = write_gif((1, 1), [GifFrame(point)])
    yield "GIF, 1,000,000 frames", tiny[:-1] + tiny[_HEAD_BYTES:-1] * 999_999 + b";"
    grown = tiny[:-1] + _large_frame(2000, 2000) * 1000
    yield "GIF, 1 x 1, 1,000 frames of 2000 x 2000", grown
    yield "GIF, 20,000,000 blocks", tiny[:-2] + b"\1\0" * 20_000_000 + b"\0;"
    still = np.zeros((4, 4, 3), np.uint8)
    head = PNG_SIGNATURE + png_header(still)
    tail = png_chunk(b"IDAT", png_data(still)) + png_chunk(b"IEND")
    yield "PNG, 3,000,000 chunks", head + png_chunk(b"tEXt") * 3_000_000 + tail
    profile = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(1_000_000)))
    yield "PNG, 20,000 profiles", head + profile * 20_000 + tail
    yield "PNG, 30,000 frames", write_apng([ApngFrame(still)] * 30_000)
    entries = [(256, 4), (257, 4), (258, 8), (259, 1), (273, 8), (279, 4)]
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    pages = [
        struct.pack("<H", 6) + fields + struct.pack("<I", 8 + 78 * n) for n in range(1, 1_000_001)
    ]
    yield "TIFF, 1,000,000 pages", b"II*\0" + struct.pack("<I", 8) + b"".join(pages)
    info = struct.pack("<IiiHHIIiiII", 40, 13_000, 13_000, 1, 4, 2, 0, 0, 0, 16, 0)
    start = b"BM" + struct.pack("<IHHI", 0, 0, 0, 118) + info + bytes(range(64))
    yield "BMP, 169 megapixels of runs", start + (b"\xff\x12" * 51 + b"\0\0") * 13_000
    yield "PNG, 1,000 transparent frames of 2 megapixels", _animate(1000, 2048, 1024)


def main() -> None:
    """Print a line for each file: its size, the time to hash all its views, and the error."""
    for name, data in _make_bombs():
        start = time.process_time()
        try:
            fingerprint = fingerprint_media(data, "picture", ("pdq",), "exact", ViewOptions())[
                "pdq"
            ]
            error = fingerprint.error or fingerprint.unwrap().error
        except Exception as failure:
            error = failure
        elapsed_s = time.process_time() - start
        print(f"{name}: {len(data) / 1e6:.1f} MB, {elapsed_s:.1f} s, {error}", flush=True)


if __name__ == "__main__":
    main()
