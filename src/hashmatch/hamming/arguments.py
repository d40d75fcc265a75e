"""Argument checks: each returns the value in the form searches expect, or raises ValueError."""

from __future__ import annotations

import math
import operator
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_BITS, MAX_BITS = 64, 512
MAX_CODES = (1 << 32) - 1
MAX_ALGORITHM_CHARACTERS = 200
DEFAULT_RADIUS_256_BITS = 31

_UINT8 = np.dtype(np.uint8)


def check_codes(codes: ArrayLike, name: str = "codes") -> NDArray[np.uint8]:
    """Return codes as a contiguous uint8 array of shape (n, bits / 8)."""
    array = np.asarray(codes)
    if array.dtype != _UINT8:
        raise ValueError(f"{name} must be uint8 of shape (n, bits / 8), not {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"{name} must be uint8 of shape (n, bits / 8), not of shape {array.shape}")
    bits = 8 * array.shape[1]
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ValueError(f"{name} must be {MIN_BITS} to {MAX_BITS} bits wide, not {bits}")
    return np.ascontiguousarray(array)


def check_queries(queries: ArrayLike, bits: int) -> NDArray[np.uint8]:
    """Return queries for codes of this width as a contiguous uint8 array."""
    # The common case first: a single search takes microseconds.
    if (
        type(queries) is np.ndarray
        and queries.dtype is _UINT8
        and queries.shape[1:] == (bits >> 3,)
        and queries.flags.c_contiguous
    ):
        return queries
    array = check_codes(queries, "queries")
    if 8 * array.shape[1] != bits:
        raise ValueError(f"queries are {8 * array.shape[1]} bits wide, the codes {bits} bits")
    return array


def check_ids(ids: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return a copy of the ids as int64, after checking that there are n and all are unique."""
    array = np.asarray(ids)
    if array.dtype.kind not in "iu" and array.size > 0:
        raise ValueError(f"ids must be integers of shape ({n},), not {array.dtype}")
    if array.shape != (n,):
        raise ValueError(f"ids must have shape ({n},) to fit the codes, not {array.shape}")
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError("ids must fit in int64")
    copy = np.array(array, dtype=np.int64)
    unique, counts = np.unique(copy, return_counts=True)
    if len(unique) != n:
        raise ValueError(f"ids must be unique; {unique[counts > 1][0]} repeats")
    return copy


def check_radius(radius: SupportsIndex | None, bits: int) -> int:
    """Return the radius in bits; only 256-bit codes have a default."""
    if radius is None:
        if bits != 256:
            raise ValueError(f"radius must be given for {bits}-bit codes")
        return DEFAULT_RADIUS_256_BITS
    return _check_int(radius, "radius", 0, bits, " bits")


def check_threads(threads: SupportsIndex) -> int:
    """Return the number of threads, which must be 1..1024."""
    return _check_int(threads, "threads", 1, 1024)


def check_k(k: SupportsIndex) -> int:
    """Return k, the number of neighbours to find."""
    return _check_int(k, "k", 1, MAX_CODES)


def check_positive(value: SupportsIndex, name: str) -> int:
    """Return the integer, which must be at least 1."""
    return _check_int(value, name, 1)


def check_algorithm(algorithm: object) -> str | None:
    """Return the name of an algorithm, or None."""
    if algorithm is None:
        return None
    if not isinstance(algorithm, str):
        raise ValueError(f"algorithm must be a string or None, not {type(algorithm).__name__}")
    if not 1 <= len(algorithm) <= MAX_ALGORITHM_CHARACTERS:
        raise ValueError(f"algorithm must have 1 to {MAX_ALGORITHM_CHARACTERS} characters")
    return algorithm


def _check_int(
    value: SupportsIndex, name: str, low: int, high: float = math.inf, unit: str = ""
) -> int:
    if type(value) is not int:  # usually it is, and a single search takes microseconds
        if isinstance(value, bool | np.bool_):
            raise ValueError(f"{name} must be an integer, not a boolean")
        try:
            value = operator.index(value)
        except TypeError:
            raise ValueError(f"{name} must be an integer, not {type(value).__name__}") from None
    if not low <= value <= high:
        allowed = f"at least {low}" if high == math.inf else f"{low}..{high}{unit}"
        raise ValueError(f"{name} must be {allowed}, not {value}")
    return value
