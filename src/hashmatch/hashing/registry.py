"""The registry of algorithms: hashmatch's own, a module each, and those of third parties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from typing import Any

from hashmatch.errors import AlgorithmError
from hashmatch.hashing.algorithm import Algorithm, Digest, PixelHash, SegmentHash
from hashmatch.hashing.plugins import GROUP, admit_plugin
from hashmatch.registry import Registry

_REGISTRY: Registry[Algorithm] = Registry(
    "algorithm",
    group=GROUP,
    own={
        "pdq": "hashmatch.hashing.pdq:PDQ",
        "phash": "hashmatch.hashing.phash:PHASH",
        "dhash": "hashmatch.hashing.dhash:DHASH",
        "ahash": "hashmatch.hashing.ahash:AHASH",
        "whash": "hashmatch.hashing.whash:WHASH",
        "crop-resistant": "hashmatch.hashing.crop_resistant:CROP_RESISTANT",
        "md5": "hashmatch.hashing.digests:MD5",
        "sha1": "hashmatch.hashing.digests:SHA1",
        "sha256": "hashmatch.hashing.digests:SHA256",
    },
    admit=admit_plugin,
    error=AlgorithmError,
)


def algorithms() -> Mapping[str, Algorithm]:
    """Return the algorithms by name, in the order of names.

    Names are those known at the time, of plug-ins too; looking one up loads it, and raises
    AlgorithmError where a plug-in is unusable.
    """
    return _REGISTRY


def get_algorithm(name: str) -> Algorithm:
    """Return the algorithm of this name, the same object every time.

    Raises
    ------
    ValueError
        There is none; the message names those there are.
    AlgorithmError
        A plug-in that cannot be loaded or is no algorithm, or two of one name: one line that names
        the entry point. Other algorithms are not affected.
    """
    try:
        return _REGISTRY[name]
    except KeyError:
        known = ", ".join(_REGISTRY)
        raise ValueError(f"unknown hash algorithm {name!r}; known: {known}") from None


def get_pixel_hash(name: str) -> PixelHash:
    """Return the algorithm of this name if it gives one hash of a picture.

    Raises
    ------
    ValueError
        There is no such algorithm, or it hashes something else.
    AlgorithmError
        As `get_algorithm`.
    """
    algorithm = get_algorithm(name)
    if isinstance(algorithm, PixelHash):
        return algorithm
    if isinstance(algorithm, Digest):
        raise ValueError(f"{name} is a digest of a file, not of its pixels; use hashmatch.digests")
    raise ValueError(f"{name} gives a hash for each segment; use hashmatch.hash_segments")


def register(algorithm: Any) -> ExitStack:
    """Add an algorithm to this process, for tests and notebooks.

    Worker processes do not have it: they, and every other program, find a plug-in by its entry
    point (docs/algorithms.md).

    Parameters
    ----------
    algorithm : object
        As a plug-in provides it.

    Returns
    -------
    ExitStack
        ``close()``, or the end of its `with` block, takes the algorithm out again.

    Raises
    ------
    ValueError
        There is an algorithm of this name.
    AlgorithmError
        It is no algorithm.
    """
    return _REGISTRY.register(str(getattr(algorithm, "name", "")), algorithm)


def unregister(name: str) -> None:
    """Take out an algorithm that was registered; forget a plug-in, so that it is loaded anew."""
    _REGISTRY.forget(name)


def load_algorithms(names: Iterable[str]) -> None:
    """Load algorithms and what they import, for a process that is about to hash within limits.

    What cannot be loaded is reported when it is used.
    """
    for name in names:
        with suppress(ValueError, AlgorithmError):
            algorithm = get_algorithm(name)
            if isinstance(algorithm, SegmentHash):
                algorithm.check_usable()


def problems() -> list[str]:
    """Return what is wrong with the installed plug-ins, a line each; loads all of them."""
    return _REGISTRY.load_usable()[1]
