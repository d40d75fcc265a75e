"""Wrong pixels, and memory of small files."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch.decode import decode_image
from hashmatch.errors import ErrorKind, attempt
from hashmatch.fingerprint import hash_image
from tests.cases.conftest import Scan
from tests.decode.tiff_layouts import FLOAT, RGB, WHITE_IS_ZERO, Layout, write_tiff

PEAK = """
import re, sys
from pathlib import Path
from hashmatch.cli import main
assert main(["scan", sys.argv[1], "--index", sys.argv[2], "--policy", sys.argv[2] + "/policy.toml",
             "--workers", "1", "-o", sys.argv[3]]) == 0
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024)
"""


@pytest.mark.case("tiff-planar-16-bit")
def test_planes_of_16_bits_hash_like_the_same_samples_interleaved(case: Path) -> None:
    planar, chunky = (hash_image(case / f"rgb16-{name}.tif") for name in ("planar", "chunky"))
    assert planar == chunky


@pytest.mark.case("memory-of-small-files")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_small_files_take_little_memory(case: Path, demo: Path, scan: Scan) -> None:
    subprocess.run([sys.executable, "make.py"], cwd=case, check=True)
    files = {name: case / name for name in ("wide.png", "float.tif", "rgba.png")}
    (row,) = scan([files["wide.png"]])
    assert row["error_kind"] == "too_large"
    for name in ("float.tif", "rgba.png"):
        paths = map(str, (files[name], demo, case / "rows.jsonl"))
        command = [sys.executable, "-c", PEAK, *paths]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert int(printed.splitlines()[-1]) <= 9 * 4500 * 4500 + 200_000_000  # Python among them


@pytest.mark.case("small-things")
@pytest.mark.parametrize(
    "layout",
    [
        Layout(RGB, 32, FLOAT),
        Layout(bits=64, sample_format=FLOAT),
        Layout(WHITE_IS_ZERO, 16, order=">"),
    ],
    ids=str,
)
def test_tiff_of_line_9_is_read_or_unsupported(layout: Layout) -> None:
    n_samples = 3 if layout.photometric == RGB else 1
    levels = np.linspace(0, 1, 60 * n_samples).reshape(6, 10, n_samples)
    expected: NDArray[Any]
    if layout.sample_format == FLOAT:
        data, expected = write_tiff(levels.astype(f"f{layout.bits // 8}"), layout), levels * 255
    else:
        samples = (levels * 65535).astype(np.uint16)
        data, expected = write_tiff(samples, layout), 255.0 - (samples >> 8)
    found = attempt(decode_image, data)
    if found.error is not None:
        assert found.error.kind is ErrorKind.UNSUPPORTED
    else:
        assert np.abs(found.unwrap().array - expected).max() <= 1
