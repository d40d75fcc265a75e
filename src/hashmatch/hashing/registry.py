"""Which algorithms there are: those of hashmatch, each in a module of its own, and plug-ins.

Modules are imported when their algorithm is first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from hashmatch.errors import AlgorithmError
from hashmatch.hashing.algorithm import (
    Algorithm,
    PixelHash,
    is_digest,
    is_pixel_hash,
    is_segment_hash,
)
from hashmatch.hashing.plugins import load_plugin, plugin_names, plugin_problem

_BUILT_IN = {
    "pdq": ("pdq", "PDQ"),
    "phash": ("phash", "PHASH"),
    "dhash": ("dhash", "DHASH"),
    "ahash": ("ahash", "AHASH"),
    "whash": ("whash", "WHASH"),
    "crop-resistant": ("crop_resistant", "CROP_RESISTANT"),
    "md5": ("digests", "MD5"),
    "sha1": ("digests", "SHA1"),
    "sha256": ("digests", "SHA256"),
}

_loaded: dict[str, Algorithm] = {}


class _Algorithms(Mapping[str, Algorithm]):
    """Every name there is; an algorithm is loaded when it is looked up."""

    def __init__(self) -> None:
        self._names = sorted({*_BUILT_IN, *plugin_names()})

    def __getitem__(self, name: str) -> Algorithm:
        if name not in self._names:
            raise KeyError(name)
        return get_algorithm(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def algorithms() -> Mapping[str, Algorithm]:
    """Return the algorithms by name, in the order of names.

    Names are those installed now, of plug-ins too; looking one up loads it, and raises
    AlgorithmError where a plug-in is no good.
    """
    return _Algorithms()


def get_algorithm(name: str) -> Algorithm:
    """Return the algorithm of this name, the same object every time.

    Raises
    ------
    ValueError
        Where there is none; the message names those there are.
    AlgorithmError
        A plug-in that cannot be loaded or is no algorithm, or two of one name: one line that names
        the entry point. Other algorithms are not affected.
    """
    known = _loaded.get(name)
    if known is None:
        known = _loaded[name] = _load(name)
    return known


def get_pixel_hash(name: str) -> PixelHash:
    """Return the algorithm of this name if it gives one hash of a picture.

    Raises
    ------
    ValueError
        Where there is no such algorithm, or it hashes something else.
    AlgorithmError
        As `get_algorithm`.
    """
    algorithm = get_algorithm(name)
    if is_pixel_hash(algorithm):
        return algorithm
    if is_digest(algorithm):
        raise ValueError(f"{name} is a digest of a file, not of its pixels; use hashmatch.digests")
    raise ValueError(f"{name} gives a hash for each segment; use hashmatch.hash_segments")


def load_algorithms(names: Iterable[str]) -> None:
    """Load algorithms and what they import, for a process that is about to hash within limits.

    What cannot be loaded says so when it is used.
    """
    for name in names:
        with suppress(ValueError, AlgorithmError):
            algorithm = get_algorithm(name)
            if is_segment_hash(algorithm):
                algorithm.check_usable()


def problems() -> list[str]:
    """Return what is wrong with the plug-ins installed, a line each; loads all of them."""
    found = (plugin_problem(name, is_built_in=name in _BUILT_IN) for name in plugin_names())
    return [problem for problem in found if problem is not None]


def _load(name: str) -> Algorithm:
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name]
        algorithm: Algorithm = getattr(
            importlib.import_module(f"hashmatch.hashing.{module}"), attribute
        )
        return algorithm
    plugin = load_plugin(name)
    if plugin is None:
        known = ", ".join(algorithms())
        raise ValueError(f"unknown hash algorithm {name!r}; known: {known}")
    return plugin
