"""Admission of third-party algorithms, and a guard on each while it hashes.

A distribution names an object under the entry point group ``hashmatch.algorithms``;
docs/algorithms.md has a complete example.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from hashmatch.errors import AlgorithmError, DecodeError, ErrorKind
from hashmatch.hashing.algorithm import CONSUMES, LumaDrift, PixelHash, Pixels
from hashmatch.values import Code

GROUP = "hashmatch.algorithms"

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_WIDTHS_BITS = range(64, 513, 8)
_NEEDED = ("name", "bits", "default_radius", "consumes", "hash_pixels")


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginHash(PixelHash):
    """A third party's algorithm: what it returns is checked, what it raises is a DecodeError.

    A failure on a picture costs that picture's row an error, as does a file that cannot be decoded;
    other algorithms keep their hashes.
    """

    own: Any
    where: str

    def hash_pixels(self, pixels: Pixels) -> tuple[Code, int | None]:
        """Return the code, uint8 (bits / 8,), and the quality 0..100 or None."""
        try:
            code, quality = self.own.hash_pixels(pixels)
        except (DecodeError, MemoryError):
            raise
        except Exception as error:
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            raise self._error(f"failed: {problem}") from error
        code = np.asarray(code)
        if code.dtype != np.uint8 or code.shape != (self.bits // 8,):
            raise self._error(f"gave {code.dtype} {code.shape}, not uint8 ({self.bits // 8},)")
        is_quality = isinstance(quality, int | np.integer) and 0 <= quality <= 100
        if quality is not None and not is_quality:
            raise self._error("gave a quality that is neither None nor 0..100")
        return code, None if quality is None else int(quality)

    def _error(self, problem: str) -> DecodeError:
        return DecodeError(f"{self.where} {problem}", ErrorKind.NOT_HASHED)


def admit_plugin(found: Any, name: str, where: str) -> PluginHash:
    """Return a third party's object as an algorithm; AlgorithmError says what it lacks."""
    drift = getattr(found, "luma_drift", None)
    problem = None
    if isinstance(found, type) or not all(hasattr(found, needed) for needed in _NEEDED):
        problem = "expected an object with the attributes and the method of PixelHash"
    elif found.name != name or not _NAME.fullmatch(name):
        problem = "expected its name to be that of the entry point: lower case, at most 40 letters"
    elif found.bits not in _WIDTHS_BITS:
        problem = "expected bits to be a multiple of 8 from 64 to 512"
    elif not (isinstance(found.default_radius, int) and 0 <= found.default_radius <= found.bits):
        problem = "expected default_radius to be a whole number from 0 to bits"
    elif found.consumes not in CONSUMES:
        problem = f"expected consumes to be one of {', '.join(CONSUMES)}"
    elif not (drift is None or isinstance(drift, LumaDrift)):
        problem = "expected luma_drift to be None or a LumaDrift"
    if problem:
        raise AlgorithmError(f"{where} is no algorithm: {problem}")
    return PluginHash(
        name=name,
        bits=found.bits,
        default_radius=found.default_radius,
        luma_drift=drift,
        consumes=found.consumes,
        own=found,
        where=where,
    )
