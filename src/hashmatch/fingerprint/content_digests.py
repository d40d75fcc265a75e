"""MD5, SHA-1 and SHA-256 of files of any type, all from one read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import BinaryIO, cast

from hashmatch.decode import Readable, read_blocks
from hashmatch.hashing import DIGESTS, Digest, digest_blocks, get_algorithm
from hashmatch.values import Hash

DigestSource = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO

_BLOCK_BYTES = 1024 * 1024
_NAMES = tuple(digest.name for digest in DIGESTS)


def digests(source: DigestSource, algorithms: Collection[str] = _NAMES) -> dict[str, Hash]:
    """Compute digests of the bytes of a content in one read.

    Parameters
    ----------
    source : path, bytes-like or binary file
        A str is a path. A path must be that of a regular file, which is read in blocks. An open
        file is read from its current position and stays open.
    algorithms : collection of str
        Of ``"md5"``, ``"sha1"`` and ``"sha256"``; all of them unless given.

    Returns
    -------
    dict of str to Hash
        By name, in the order of `algorithms`; without quality.

    Raises
    ------
    DecodeError
        The file cannot be read; the reason does not repeat the path.
    TypeError
        `source` is of no accepted type.
    ValueError
        One of `algorithms` is unknown or not a digest.

    Notes
    -----
    Safe to call from several threads; releases the GIL. Memory is bounded, except for bytes.
    """
    chosen = [_digest(name) for name in algorithms]
    codes = digest_blocks(_blocks(source), chosen)
    return {name: Hash(name, code, None) for name, code in codes.items()}


def _digest(name: str) -> Digest:
    algorithm = get_algorithm(name)
    if not isinstance(algorithm, Digest):
        raise ValueError(f"{name} is not a digest; digests are {', '.join(_NAMES)}")
    return algorithm


def _blocks(source: DigestSource) -> Iterator[bytes]:
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
