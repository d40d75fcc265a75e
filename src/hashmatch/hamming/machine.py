"""What measurements depend on: the machine, versions, and how much memory is in use."""

from __future__ import annotations

import ctypes
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from hashmatch._core import active_kernel
from hashmatch._version import __version__


def describe_machine() -> dict[str, Any]:
    """Return CPU model, SIMD kernel in use, Python, and versions of what was measured."""
    versions = {name: _version(name) for name in ("numpy", "faiss-cpu")}
    return {
        "cpu": _cpu_model(),
        "kernel": active_kernel(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"hashmatch": __version__, **versions},
    }


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def heap_bytes() -> int | None:
    """Return the bytes allocated and not freed, by all threads; None where libc is not glibc's.

    Unlike the size of the process it does not count what is kept for reuse, so that differences
    tell what an object takes, however it was made. Where another allocator was put in the place of
    that of libc, little is counted.
    """
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return None
    mallinfo2.restype = _Mallinfo2
    info = mallinfo2()
    return int(info.uordblks + info.hblkhd)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
