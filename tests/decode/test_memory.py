"""Memory of screening: bytes a pixel by mode and shape, measured in processes of their own."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.decode.icc_profiles import INVERTED, rgb_profile
from tests.decode.tiff_layouts import DEFLATE, RGB, Layout, write_tiff

# Prints the peak of resident memory beyond that of a small picture of the same kind.  VmHWM, since
# ru_maxrss of a child begins with the size of its parent.
CHILD = """
import re, sys
from pathlib import Path
from hashmatch.decode import DecodeLimits
from hashmatch.fingerprint import ViewOptions, fingerprint_media

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

options = ViewOptions(limits=DecodeLimits(max_side_px=2**30))
peaks = []
for name in sys.argv[1:]:
    data = Path(name).read_bytes()
    found = fingerprint_media(data, "picture", ("pdq", "phash"), "exact", options)
    assert all(attempt.error is None for attempt in found.values()), found
    peaks.append(peak() - len(data))
print(peaks[1] - peaks[0], len(found["pdq"].value.views))
"""
MOST_BYTES, CONSTANT_BYTES = 9, 100_000_000
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def pattern(width: int, height: int) -> np.ndarray:
    y, x = np.arange(height)[:, None] // 29, np.arange(width) // 37
    levels = ((x + y) % 17 * 15).astype(np.uint8)
    if min(width, height) > 300:
        levels[: height // 30] = levels[-(height // 30) :] = 0  # a border, so that it is trimmed
    return levels


def encode(grey: np.ndarray, file_format: str, mode: str, **options: Any) -> bytes:
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode in ("F", "I"):
        image = Image.fromarray(grey.astype(np.float32 if mode == "F" else np.int32))
    else:
        image = Image.fromarray(grey).convert(mode)
        if mode in ("LA", "RGBA"):
            image.putalpha(Image.fromarray(grey // 2 + 60))
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def png(mode: str, **options: Any) -> Callable[[np.ndarray], bytes]:
    return lambda grey: encode(grey, "PNG", mode, compress_level=1, **options)


def tiff(mode: str) -> Callable[[np.ndarray], bytes]:
    return lambda grey: encode(grey, "TIFF", mode, compression="tiff_adobe_deflate")


def wide_tiff(grey: np.ndarray) -> bytes:
    samples = np.repeat(grey[:, :, None].astype(np.uint16) * 257, 3, axis=2)
    return write_tiff(samples, Layout(RGB, 16, planar=True, compression=DEFLATE))


KINDS: dict[str, Callable[[np.ndarray], bytes]] = {
    "PNG 1": png("1"),
    "PNG LA": png("LA"),
    "PNG I;16": png("I;16"),
    "PNG P, transparent": png("P", transparency=bytes([0, 128, 255])),
    "PNG RGB, a transparent colour": png("RGB", transparency=(0, 0, 0)),
    "PNG RGBA": png("RGBA"),
    "PNG RGBA, inverting profile": png("RGBA", icc_profile=rgb_profile(INVERTED)),
    "TIFF F": tiff("F"),
    "TIFF I": tiff("I"),
    "TIFF CMYK": tiff("CMYK"),
    "TIFF RGBA": tiff("RGBA"),
    "TIFF 16-bit planes": wide_tiff,
    "JPEG CMYK": lambda grey: encode(grey, "JPEG", "CMYK"),
    "GIF P": lambda grey: encode(grey, "GIF", "L"),
}


def measure(folder: Path, make: Callable[[np.ndarray], bytes], width: int, height: int) -> float:
    names = [str(folder / "small"), str(folder / "large")]
    for name, size in zip(names, ((64, 64), (width, height)), strict=True):
        Path(name).write_bytes(make(pattern(*size)))
    command = [sys.executable, "-c", CHILD, *names]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(printed.split()[0])


@pytest.mark.parametrize("kind", KINDS)
def test_every_mode(kind: str, tmp_path: Path) -> None:
    # A third of the constant is left to what a larger picture would not take again.
    width, height = 3200, 2400
    taken = measure(tmp_path, KINDS[kind], width, height)
    assert taken <= MOST_BYTES * width * height + CONSTANT_BYTES / 3


@pytest.mark.parametrize(
    ("mode", "width", "height"),
    [("L", 2_000_000, 5), ("RGBA", 2_000_000, 5), ("RGBA", 5, 2_000_000), ("RGBA", 150_000, 70)],
)
def test_extreme_shapes(mode: str, width: int, height: int, tmp_path: Path) -> None:
    taken = measure(tmp_path, png(mode), width, height)
    assert taken <= MOST_BYTES * width * height + CONSTANT_BYTES / 3


def test_the_measure_sees_what_a_picture_takes(tmp_path: Path) -> None:
    width, height = 3200, 2400
    assert measure(tmp_path, png("RGB"), width, height) > 6 * width * height
