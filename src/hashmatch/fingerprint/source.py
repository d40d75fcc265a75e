"""Pixels or bytes from a path, bytes, a file, a Pillow image or an array."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode import (
    DecodeLimits,
    PillowImage,
    Readable,
    decode_image,
    read_blocks,
    read_content,
    read_stream,
    to_rgb,
)

ByteSource = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
Source = ByteSource | PillowImage | NDArray[np.uint8]

_BLOCK_BYTES = 1024 * 1024
_EXPECTED = "a path, bytes, a file opened in binary mode, a PIL.Image or a uint8 array"


def pixels_of(source: Source, *, decode: str, limits: DecodeLimits) -> NDArray[np.uint8]:
    """Return the pixels of a picture: uint8 (H, W, 3) RGB, or (H, W) luma.

    `decode` and `limits` apply to encoded files; a Pillow image is converted to RGB, and an array
    is used as is. Errors are those of `hash_image`.
    """
    if isinstance(source, np.ndarray):
        fits = source.ndim == 2 or (source.ndim == 3 and source.shape[2] == 3)
        if source.dtype != np.uint8 or not fits or source.size == 0:
            raise ValueError(
                "expected a uint8 array of shape (height, width) or (height, width, 3), "
                f"not {source.dtype} {source.shape}"
            )
        return np.ascontiguousarray(source)
    if isinstance(source, PillowImage):
        return to_rgb(source)
    return decode_image(_read(source, limits), decode=decode, limits=limits).array


def sendable(source: Source, *, limits: DecodeLimits) -> str | bytes:
    """Return the source in a form that another process can open: a full path, or the bytes.

    DecodeError if a file cannot be read; TypeError for pixels or an unsupported type.
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


def read_source_blocks(source: ByteSource) -> Iterator[bytes]:
    """Yield the bytes of a source of any size in blocks; errors are those of `digests`."""
    if isinstance(source, str | os.PathLike):
        yield from read_blocks(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        yield bytes(source)
    elif callable(getattr(source, "read", None)):
        file = cast(Readable, source)
        while block := file.read(_BLOCK_BYTES):
            if not isinstance(block, bytes):
                raise TypeError(f"the file gives {type(block).__name__}: open it in binary mode")
            yield block
    else:
        raise TypeError(
            f"cannot digest {type(source).__name__}: expected a path, bytes or a file opened in "
            "binary mode"
        )
