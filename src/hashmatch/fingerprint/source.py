"""Pixels from a path, bytes, a file, a Pillow image or an array."""

from __future__ import annotations

import os
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode import (
    DEFAULT_LIMITS,
    DecodeLimits,
    PillowImage,
    Readable,
    decode_image,
    read_content,
    read_stream,
    to_rgb,
)

Source = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | PillowImage
    | NDArray[np.uint8]
)

_EXPECTED = "a path, bytes, a file opened in binary mode, a PIL.Image or a uint8 array"


def pixels_of(
    source: Source, *, decode: str, limits: DecodeLimits = DEFAULT_LIMITS
) -> NDArray[np.uint8]:
    """Return the pixels of a picture: uint8 (H, W, 3) RGB, or (H, W) luma.

    `decode` and `limits` apply to encoded contents; a Pillow image is converted to RGB, and an
    array is taken as it is.

    Raises
    ------
    DecodeError
        The content cannot be read or decoded.
    TypeError
        `source` is none of these.
    ValueError
        An array of another dtype or shape.
    """
    if isinstance(source, np.ndarray):
        return _check_array(source)
    if isinstance(source, PillowImage):
        return to_rgb(source)
    data = _read(source, limits)
    return decode_image(data, decode=decode, limits=limits).array


def sendable(source: Source, *, limits: DecodeLimits) -> str | bytes:
    """Return what another process can open instead of the source: a full path, or the bytes.

    Raises
    ------
    DecodeError
        A file cannot be read.
    TypeError
        `source` is pixels already, or of no accepted type.
    """
    if isinstance(source, str | os.PathLike):
        return os.path.abspath(source)  # noqa: PTH100  (bytes paths too, and no more than that)
    if isinstance(source, np.ndarray | PillowImage):
        raise TypeError(f"{type(source).__name__} needs no decoder: hash it without isolation")
    return _read(source, limits)


def _read(source: object, limits: DecodeLimits) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, bytearray | memoryview):
        limits.check_bytes(memoryview(source).nbytes)
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return read_content(source, limits=limits)
    if callable(getattr(source, "read", None)):
        return read_stream(cast(Readable, source), limits=limits)
    raise TypeError(f"cannot hash {type(source).__name__}: expected {_EXPECTED}")


def _check_array(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not fits or array.size == 0:
        raise ValueError(
            "expected a uint8 array of shape (height, width) or (height, width, 3), "
            f"not {array.dtype} {array.shape}"
        )
    return np.ascontiguousarray(array)
