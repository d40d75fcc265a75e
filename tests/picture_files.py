"""GIF and PNG files written byte by byte, so that a test can break any rule of the formats."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY_PALETTE = bytes(np.repeat(np.arange(256, dtype=np.uint8), 3))
_CLEAR, _END, _CODE_BITS, _MOST_CODES = 256, 257, 9, 250


@dataclass(frozen=True)
class GifFrame:
    """Indices (H, W) and how they are drawn; `palette` has 256 colours, None: the global one."""

    indices: Pixels
    left: int = 0
    top: int = 0
    delay: int = 10
    disposal: int = 0
    transparent: int | None = None
    palette: bytes | None = None


def write_gif(
    size: tuple[int, int],
    frames: Sequence[GifFrame],
    palette: bytes = GREY_PALETTE,
    version: bytes = b"89a",
) -> bytes:
    """Return a GIF of 256 colours, with a screen of any size."""
    parts = [b"GIF", version, struct.pack("<HHBBB", *size, 0xF7, 0, 0), palette]
    for frame in frames:
        height, width = frame.indices.shape
        flags = frame.disposal << 2 | (frame.transparent is not None)
        parts += [
            b"!\xf9\x04",
            struct.pack("<BHB", flags, frame.delay, frame.transparent or 0),
            b"\0,",
            struct.pack("<HHHH", frame.left, frame.top, width, height),
            b"\0" if frame.palette is None else b"\x87" + frame.palette,
            b"\x08",
            _code(frame.indices),
        ]
    return b"".join((*parts, b";"))


def _code(indices: Pixels) -> bytes:
    """Code indices one by one, clearing the table before its codes grow longer."""
    bits = number = n_bits = 0
    packed = bytearray()
    for position, value in enumerate([*indices.ravel().tolist(), _END]):
        codes = (value,) if position % _MOST_CODES else (_CLEAR, value)
        for number in codes:
            bits |= number << n_bits
            n_bits += _CODE_BITS
            while n_bits >= 8:
                packed.append(bits & 255)
                bits >>= 8
                n_bits -= 8
    packed.append(bits & 255)
    blocks = [packed[at : at + 255] for at in range(0, len(packed), 255)]
    return b"".join(bytes((len(block),)) + block for block in blocks) + b"\0"


def png_chunk(kind: bytes, payload: bytes = b"", *, checksum_off: int = 0) -> bytes:
    """Return a chunk; its checksum is wrong if `checksum_off` is not 0."""
    checksum = zlib.crc32(kind + payload) ^ checksum_off
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", checksum)


def png_header(pixels: Pixels) -> bytes:
    """Return the chunk IHDR of RGB or RGBA pixels."""
    height, width, channels = pixels.shape
    colour = {3: 2, 4: 6}[channels]
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))


def png_data(pixels: Pixels) -> bytes:
    """Return compressed pixels."""
    return zlib.compress(b"".join(b"\0" + line.tobytes() for line in pixels))


@dataclass(frozen=True)
class ApngFrame:
    """Pixels (H, W, 3 or 4) and how they are drawn; times are in ms."""

    pixels: Pixels
    left: int = 0
    top: int = 0
    duration_ms: int = 100
    disposal: int = 0
    blend: int = 0


def write_apng(
    frames: Sequence[ApngFrame],
    *,
    still: Pixels | None = None,
    declared: Sequence[int] | None = None,
    numbers: Sequence[int] | None = None,
) -> bytes:
    """Return an animated PNG.

    Parameters
    ----------
    frames : sequence of ApngFrame
        The first is what other viewers show, unless `still` is given.
    declared : sequence of int, optional
        The number of frames stated by each chunk acTL; by default one chunk that is right.
    numbers : sequence of int, optional
        Sequence numbers, in the order of the file; by default 0, 1, 2, ...
    """
    base = frames[0].pixels if still is None else still
    stated = [len(frames)] if declared is None else declared
    parts = [PNG_SIGNATURE, png_header(base)]
    parts += [png_chunk(b"acTL", struct.pack(">II", number, 0)) for number in stated]
    if still is not None:
        parts.append(png_chunk(b"IDAT", png_data(still)))
    given = iter(numbers or range(2 * len(frames)))
    for number, frame in enumerate(frames):
        height, width = frame.pixels.shape[:2]
        place = struct.pack(">IIIII", next(given), width, height, frame.left, frame.top)
        how = struct.pack(">HHBB", frame.duration_ms, 1000, frame.disposal, frame.blend)
        parts.append(png_chunk(b"fcTL", place + how))
        if number == 0 and still is None:
            parts.append(png_chunk(b"IDAT", png_data(frame.pixels)))
        else:
            parts.append(
                png_chunk(b"fdAT", struct.pack(">I", next(given)) + png_data(frame.pixels))
            )
    return b"".join((*parts, png_chunk(b"IEND")))
