"""Arguments as callers give them, checked once before anything is computed."""

from __future__ import annotations

import operator
from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch.hamming import storage

MAX_ALGORITHM_CHARACTERS = 200

UINT8 = np.dtype(np.uint8)


def checked_codes(codes: ArrayLike, name: str) -> NDArray[np.uint8]:
    """Return codes or queries as a contiguous uint8 array of shape (n, bits / 8)."""
    array = np.asarray(codes)
    if array.dtype != UINT8:
        raise ValueError(f"{name} must be uint8 of shape (n, bits / 8), not {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"{name} must be uint8 of shape (n, bits / 8), not of shape {array.shape}")
    bits = 8 * array.shape[1]
    if not storage.MIN_BITS <= bits <= storage.MAX_BITS:
        raise ValueError(
            f"{name} must be {storage.MIN_BITS} to {storage.MAX_BITS} bits wide, not {bits}"
        )
    return np.ascontiguousarray(array)


def checked_ids(ids: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return a copy of n unique ids as int64."""
    array = np.asarray(ids)
    if array.dtype.kind not in "iu" and array.size > 0:
        raise ValueError(f"ids must be integers of shape ({n},), not {array.dtype}")
    if array.shape != (n,):
        raise ValueError(f"ids must have shape ({n},) to fit the codes, not {array.shape}")
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError("ids must fit in int64")
    checked = np.array(array, dtype=np.int64)
    unique, counts = np.unique(checked, return_counts=True)
    if len(unique) != n:
        raise ValueError(f"ids must be unique; {unique[counts > 1][0]} repeats")
    return checked


def checked_int(value: SupportsIndex, name: str) -> int:
    """Return an integer of any integer type; booleans are none."""
    if type(value) is int:  # nearly always, and a single search takes microseconds
        return value
    if isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be an integer, not a boolean")
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be an integer, not {type(value).__name__}") from None


def checked_positive(value: SupportsIndex, name: str) -> int:
    """Return an integer of at least 1."""
    if (checked := checked_int(value, name)) < 1:
        raise ValueError(f"{name} must be at least 1, not {checked}")
    return checked


def checked_threads(threads: SupportsIndex) -> int:
    """Return a number of threads within reason."""
    checked = checked_int(threads, "threads")
    if not 1 <= checked <= 1024:
        raise ValueError(f"threads must be 1..1024, not {checked}")
    return checked


def checked_algorithm(algorithm: object) -> str | None:
    """Return the name of an algorithm, or None."""
    if algorithm is None:
        return None
    if not isinstance(algorithm, str):
        raise ValueError(f"algorithm must be a string or None, not {type(algorithm).__name__}")
    if not 1 <= len(algorithm) <= MAX_ALGORITHM_CHARACTERS:
        raise ValueError(f"algorithm must have 1 to {MAX_ALGORITHM_CHARACTERS} characters")
    return algorithm
