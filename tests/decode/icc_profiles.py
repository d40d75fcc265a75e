"""ICC profiles made byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
"""Columns of red, green and blue in XYZ, adapted to D50."""

INVERTED = tuple(float(level) for level in (1 - np.arange(256) / 255) ** 2.2)


def gamma_curve(gamma: float) -> tuple[float, ...]:
    return tuple(float(level) for level in (np.arange(256) / 255) ** gamma)


def rgb_profile(curve: Sequence[float], columns: Sequence[Sequence[float]] = SRGB) -> bytes:
    tags = {f"{name}XYZ": _xyz(column) for name, column in zip("rgb", columns, strict=True)}
    return _assemble("RGB ", {**tags, **{f"{name}TRC": _curve(curve) for name in "rgb"}})


def grey_profile(curve: Sequence[float]) -> bytes:
    return _assemble("GRAY", {"kTRC": _curve(curve)})


def table_profile(space: str, corners: np.ndarray) -> bytes:
    """Return a profile of a table to Lab: `corners` is (2, .., 2, 3), with L 0..100 and a, b."""
    n_inputs = corners.ndim - 1
    scaled = (corners.reshape(-1, 3) * [652.8, 256, 256] + [0, 32768, 32768]).round()
    body = b"mft2" + bytes(4) + struct.pack(">BBBx", n_inputs, 3, 2)
    body += struct.pack(">9i", *(65536 * (k % 4 == 0) for k in range(9)))
    body += struct.pack(">HH", 2, 2) + struct.pack(">HH", 0, 65535) * n_inputs
    body += scaled.astype(">u2").tobytes() + struct.pack(">HH", 0, 65535) * 3
    return _assemble(space, {"A2B0": body}, connection="Lab ")


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * value) for value in values))


def _curve(levels: Sequence[float]) -> bytes:
    wide = (round(65535 * level) for level in levels)
    return b"curv" + bytes(4) + struct.pack(f">I{len(levels)}H", len(levels), *wide)


def _assemble(space: str, tags: dict[str, bytes], connection: str = "XYZ ") -> bytes:
    name = b"made for a test"
    tags = {
        "desc": b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(79),
        "cprt": b"text" + bytes(4) + name + b"\x00",
        "wtpt": _xyz((0.9642, 1.0, 0.8249)),
        **tags,
    }
    at = 128 + 4 + 12 * len(tags)
    entries, body = b"", b""
    for tag, data in tags.items():
        entries += tag.encode() + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    device = b"mntr" if space == "RGB " else b"prtr"
    head = bytes(8) + struct.pack(">I", 0x02400000) + device + space.encode() + connection.encode()
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    head = head.ljust(128, b"\x00")
    return (
        struct.pack(">I", at + len(body)) + head[4:] + struct.pack(">I", len(tags)) + entries + body
    )
