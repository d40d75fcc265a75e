"""Algorithms of third parties: found by entry point, checked on loading, watched while they hash.

A distribution names a `PixelHash` under the group ``hashmatch.algorithms``; docs/algorithms.md has
a complete example. Nothing of a plug-in is imported before its algorithm is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np

from hashmatch.errors import AlgorithmError, DecodeError, ErrorKind
from hashmatch.hashing.algorithm import CONSUMES, Consumes, PixelHash, Pixels
from hashmatch.values import Code

GROUP = "hashmatch.algorithms"

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_WIDTHS_BITS = range(64, 513, 8)


@dataclass(frozen=True, slots=True)
class PluginHash:
    """An algorithm of a third party: what it answers is checked, what it raises is a DecodeError.

    One that fails on a picture costs the row of this picture an error, as a file does that cannot
    be decoded, and no other algorithm its hash.
    """

    name: str
    bits: int
    default_radius: int
    consumes: Consumes
    _own: PixelHash
    _where: str

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (bits / 8,), and the quality 0..100 or None."""
        try:
            code, quality = self._own.hash_pixels(pixels)
        except (DecodeError, MemoryError):
            raise
        except Exception as error:
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            raise DecodeError(f"{self._where} failed: {problem}", ErrorKind.NOT_HASHED) from error
        code = np.asarray(code)
        if code.dtype != np.uint8 or code.shape != (self.bits // 8,):
            raise DecodeError(
                f"{self._where} gave {code.dtype} {code.shape}, not uint8 ({self.bits // 8},)",
                ErrorKind.NOT_HASHED,
            )
        is_quality = isinstance(quality, int | np.integer) and 0 <= quality <= 100
        if quality is not None and not is_quality:
            raise DecodeError(
                f"{self._where} gave a quality that is neither None nor 0..100",
                ErrorKind.NOT_HASHED,
            )
        return code, None if quality is None else int(quality)


def plugin_names() -> list[str]:
    """Return the names under which plug-ins are installed, without loading any."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load_plugin(name: str) -> PluginHash | None:
    """Load the plug-in of this name, None where there is none; AlgorithmError where it is no good.

    The error is one line that names the entry point.
    """
    points = sorted(entry_points(group=GROUP, name=name), key=_where)
    if not points:
        return None
    if len({point.value for point in points}) > 1:
        claims = " and ".join(_where(point) for point in points)
        raise AlgorithmError(f"algorithm {name!r} is claimed by {claims}; uninstall one of them")
    where = _where(points[0])
    try:
        found = points[0].load()
    except Exception as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise AlgorithmError(f"{where} cannot be loaded: {problem}") from error
    return _checked(found, name, where)


def plugin_problem(name: str, *, is_built_in: bool) -> str | None:
    """Return what is wrong with the plug-in of a name, in a line, None where it is sound."""
    if is_built_in:
        points = sorted(entry_points(group=GROUP, name=name), key=_where)
        return f"{_where(points[0])} is left out: {name!r} is an algorithm of hashmatch's own"
    try:
        load_plugin(name)
    except AlgorithmError as error:
        return str(error)
    return None


def _where(point: EntryPoint) -> str:
    owner = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
    return f"entry point {point.name} = {point.value}{owner}"


def _checked(found: Any, name: str, where: str) -> PluginHash:
    problem = None
    if isinstance(found, type) or not isinstance(found, PixelHash):
        problem = "expected an object with the attributes and the method of PixelHash"
    elif found.name != name or not _NAME.fullmatch(name):
        problem = "expected its name to be that of the entry point: lower case, at most 40 letters"
    elif found.bits not in _WIDTHS_BITS:
        problem = "expected bits to be a multiple of 8 from 64 to 512"
    elif not (isinstance(found.default_radius, int) and 0 <= found.default_radius <= found.bits):
        problem = "expected default_radius to be a whole number from 0 to bits"
    elif found.consumes not in CONSUMES:
        problem = f"expected consumes to be one of {', '.join(CONSUMES)}"
    if problem:
        raise AlgorithmError(f"{where} is no algorithm: {problem}")
    return PluginHash(name, found.bits, found.default_radius, found.consumes, found, where)
