"""The floats behind a PDQ hash, from a test-only native library (csrc/tests/pdq_evidence.cpp)."""

import ctypes
import functools
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch import _core

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "build/native-tests/evidence/pdq_evidence.so"
LAYOUTS = {("uint8", 2): 0, ("float32", 2): 1, ("uint8", 3): 2}  # enum class Layout

# The fields of the C++ struct PdqEvidence.
EVIDENCE = np.dtype(
    [
        ("grid", np.float32, (64, 64)),
        ("reference_grid", np.float32, (64, 64)),
        ("coefficients", np.float32, (16, 16)),
        ("reference_coefficients", np.float32, (16, 16)),
        ("errors", np.float32, (16, 16)),
        ("gradient_slack", np.float32),
        ("fast_is_certain", np.int32),
    ]
)


@functools.cache
def load_library() -> ctypes.CDLL:
    """Build the library if a source is newer, and load it."""
    sources = [path for path in (ROOT / "csrc").rglob("*") if path.suffix in (".cpp", ".h", ".sh")]
    newest = max(path.stat().st_mtime for path in sources)
    if not LIBRARY.exists() or LIBRARY.stat().st_mtime < newest:
        # A compiler must not inherit the preloaded libraries of a sanitizer.
        environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        subprocess.run([ROOT / "csrc/tests/run.sh", "evidence"], env=environment, check=True)
    return ctypes.CDLL(str(LIBRARY))


def compute_evidence(
    pixels: NDArray[np.uint8] | NDArray[np.float32], orientations: int
) -> dict[str, Any]:
    """Compute PDQ of pixels with the active kernel, on the fast path and as the reference does.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W), uint8 (H, W, 3) or float32 (H, W); sides of 5 to 23168 px.
    orientations : int
        1 or 8.

    Returns
    -------
    dict
        The fields of `EVIDENCE`.
    """
    plain = np.ascontiguousarray(pixels)
    assert min(plain.shape[:2]) >= 5
    assert max(plain.shape[:2]) <= 23168
    evidence = np.zeros((), EVIDENCE)
    failed = load_library().compute_pdq_evidence(
        _core.active_kernel().encode(),
        LAYOUTS[plain.dtype.name, plain.ndim],
        ctypes.c_void_p(plain.ctypes.data),
        *plain.shape[:2],
        orientations,
        ctypes.c_void_p(evidence.ctypes.data),
    )
    assert not failed
    return {name: evidence[name][()] for name in EVIDENCE.names or ()}
