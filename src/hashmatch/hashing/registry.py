"""The registry of algorithms: hashmatch's own, one module each, and third-party ones.

A distribution names an object under the entry point group ``hashmatch.algorithms``;
docs/algorithms.md has a complete example.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from hashmatch.errors import AlgorithmError, DecodeError, ErrorKind
from hashmatch.hashing.algorithm import (
    Algorithm,
    Consumes,
    Digest,
    LumaDrift,
    PixelHash,
    Pixels,
    SegmentHash,
)
from hashmatch.registry import Registry
from hashmatch.values import Code

_WIDTHS_BITS = range(64, 513, 8)
_ATTRIBUTES = ("name", "bits", "default_radius", "consumes")


@dataclass(frozen=True, slots=True, kw_only=True)
class _PluginHash(PixelHash):
    """A third party's algorithm: its results are checked, its exceptions become DecodeErrors.

    If the algorithm fails on a picture, its row gets an error, as for a file that cannot be
    decoded; other algorithms keep their hashes.
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
        if quality is None:
            return code, None
        if not isinstance(quality, int | np.integer) or not 0 <= quality <= 100:
            raise self._error("gave a quality that is neither None nor 0..100")
        return code, int(quality)

    def _error(self, problem: str) -> DecodeError:
        return DecodeError(f"{self.where} {problem}", ErrorKind.NOT_HASHED)


def _admit(found: Any, where: str) -> _PluginHash:
    needed = (*_ATTRIBUTES, "hash_pixels")
    if isinstance(found, type) or not all(hasattr(found, name) for name in needed):
        raise ValueError("expected an object with the attributes and the method of PixelHash")
    if not isinstance(found.bits, int) or found.bits not in _WIDTHS_BITS:
        raise ValueError("expected bits to be a multiple of 8 from 64 to 512")
    if not (isinstance(found.default_radius, int) and 0 <= found.default_radius <= found.bits):
        raise ValueError("expected default_radius to be a whole number from 0 to bits")
    if found.consumes not in get_args(Consumes):
        raise ValueError(f"expected consumes to be one of {', '.join(get_args(Consumes))}")
    drift = getattr(found, "luma_drift", None)
    if not (drift is None or isinstance(drift, LumaDrift)):
        raise ValueError("expected luma_drift to be None or a LumaDrift")
    copied = {name: getattr(found, name) for name in _ATTRIBUTES}
    return _PluginHash(**copied, luma_drift=drift, own=found, where=where)


_REGISTRY: Registry[Algorithm] = Registry(
    "algorithm",
    group="hashmatch.algorithms",
    own={
        "pdq": "hashmatch.hashing.pdq:PDQ",
        "phash": "hashmatch.hashing.imagehash_family:PHASH",
        "dhash": "hashmatch.hashing.imagehash_family:DHASH",
        "ahash": "hashmatch.hashing.imagehash_family:AHASH",
        "whash": "hashmatch.hashing.imagehash_family:WHASH",
        "crop-resistant": "hashmatch.hashing.imagehash_family:CROP_RESISTANT",
        "md5": "hashmatch.hashing.digests:MD5",
        "sha1": "hashmatch.hashing.digests:SHA1",
        "sha256": "hashmatch.hashing.digests:SHA256",
    },
    admit=_admit,
    error=AlgorithmError,
)


def algorithms() -> Mapping[str, Algorithm]:
    """Return the algorithms by name, sorted.

    Includes plug-ins: looking up a plug-in loads it, and raises AlgorithmError if it is unusable.
    """
    return _REGISTRY


def get_algorithm(name: str) -> Algorithm:
    """Return the algorithm of this name, the same object every time.

    ValueError, naming the known algorithms, if there is none. AlgorithmError, in one line that
    names the entry point, if a plug-in cannot be loaded or is not an algorithm, or if two have the
    same name; other algorithms are not affected.
    """
    try:
        return _REGISTRY[name]
    except KeyError:
        known = ", ".join(_REGISTRY)
        raise ValueError(f"unknown hash algorithm {name!r}; known: {known}") from None


def get_pixel_hash(name: str) -> PixelHash:
    """Return the algorithm of this name; ValueError unless it gives one hash for a picture.

    Other errors are those of `get_algorithm`.
    """
    algorithm = get_algorithm(name)
    if isinstance(algorithm, PixelHash):
        return algorithm
    if isinstance(algorithm, Digest):
        raise ValueError(f"{name} is a digest of a file, not of its pixels; use hashmatch.digests")
    raise ValueError(f"{name} gives a hash for each segment; use hashmatch.hash_segments")


def register(algorithm: Any) -> ExitStack:
    """Add an algorithm to this process, as a plug-in would, for tests and notebooks.

    ``close()`` of the result, or the end of its `with` block, removes it again. Worker processes do
    not have it: they, like other programs, find a plug-in by its entry point. ValueError if the
    name is already taken, AlgorithmError if the object is not an algorithm.
    """
    return _REGISTRY.register(algorithm)


def unregister(name: str) -> None:
    """Remove a registered algorithm; unload a plug-in, so that it is loaded again."""
    _REGISTRY.forget(name)


def load_algorithms(names: Iterable[str]) -> None:
    """Load algorithms and their imports, for a process that is about to hash within limits.

    Failures to load are reported on first use.
    """
    for name in names:
        with suppress(ValueError, AlgorithmError):
            algorithm = get_algorithm(name)
            if isinstance(algorithm, SegmentHash):
                algorithm.check_usable()


def problems() -> list[str]:
    """Load all installed plug-ins; return a line about each that is unusable or ignored."""
    return _REGISTRY.load_usable()[1]
