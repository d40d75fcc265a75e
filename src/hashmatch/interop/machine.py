"""A description of the machine, on which measurements depend, and the memory in use."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from hashmatch._core import active_kernel
from hashmatch._version import __version__


def describe_machine() -> dict[str, Any]:
    """Return the CPU model, the SIMD kernel, and the versions of Python and measured packages."""
    return {
        "cpu": _cpu_model(),
        "kernel": active_kernel(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {
            "hashmatch": __version__,
            "numpy": np.__version__,
            "faiss-cpu": faiss.__version__,
        },
    }


class _Mallinfo2(ctypes.Structure):
    _fields_ = [("sizes", ctypes.c_size_t * 10)]


def heap_bytes() -> int:
    """Return the bytes allocated and not freed, by all threads; 0 unless libc is glibc.

    Unlike the size of the process, this excludes freed memory kept for reuse, so the change in it
    is the memory allocated since. Counts little if another allocator replaces that of libc.
    """
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return 0
    mallinfo2.restype = _Mallinfo2
    sizes = mallinfo2().sizes
    return int(sizes[7] + sizes[4])  # uordblks, and hblkhd: large blocks that are mapped


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
