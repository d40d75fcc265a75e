"""Fingerprints from hashes that were made elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hashmatch.errors import Attempt
from hashmatch.hashing import Algorithm, SegmentHash, algorithms
from hashmatch.values import Fingerprint, Fingerprints, Hash
from hashmatch.views import AS_STORED, segment

GivenHash = str | bytes | Hash
"""Hex, the bytes of a code, or a `Hash`, which alone may have a quality."""

GivenHashes = Mapping[str, GivenHash | Sequence[GivenHash]]
"""Hashes of one content by algorithm: one, or several such as those of its segments."""

_BYTES_OR_TEXT = (str, bytes, bytearray, memoryview)
_HEX = re.compile("[0-9a-fA-F]*")


def fingerprint_hashes(hashes: GivenHashes, *, content_id: str = "") -> Fingerprints:
    """Return hashes that were made elsewhere as the fingerprints of one item.

    Each hash is taken to be that of a picture as stored, or of one of the picture's segments.

    Raises
    ------
    ValueError
        No hash, an unknown algorithm, or a hash of the wrong algorithm or length, or not in hex;
        the message shows neither the hash nor an unknown name.
    TypeError
        Not a mapping, or a hash of the wrong type.
    AlgorithmError
        An algorithm that cannot be used.
    """
    known = algorithms()
    if not isinstance(hashes, Mapping):
        raise TypeError(f"hashes must be a mapping from algorithms, not {type(hashes).__name__}")
    if not hashes:
        raise ValueError("no hashes were given")
    if not all(name in known for name in hashes):  # not named: it may be a hash
        raise ValueError(f"unknown hash algorithm; known: {', '.join(known)}")
    attempts: dict[str, Attempt[Fingerprint]] = {}
    for name in sorted(hashes):
        given = hashes[name]
        is_one = isinstance(given, _BYTES_OR_TEXT) or not isinstance(given, Sequence)
        several: Any = [given] if is_one else given
        try:
            attempts[name] = Attempt(_fingerprint(known[name], several))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None
    return Fingerprints(content_id, None, attempts)


def _fingerprint(algorithm: Algorithm, given: Sequence[GivenHash]) -> Fingerprint:
    if not given:
        raise ValueError("no hash was given")
    hashes = [parse_hash(algorithm, value) for value in given]
    numbers = range(1, len(hashes) + 1)
    is_of_segments = isinstance(algorithm, SegmentHash)
    return Fingerprint(
        algorithm=algorithm.name,
        decode="given",
        views=tuple(segment(number) if is_of_segments else AS_STORED for number in numbers),
        codes=np.stack([value.code for value in hashes]),
        qualities=tuple(value.quality for value in hashes),
        timestamps_s=(None,) * len(hashes),
        is_seen=(True,) * len(hashes),
    )


def parse_hash(algorithm: Algorithm, given: GivenHash) -> Hash:
    """Return a hash; a ValueError says what is wrong with the value without showing it."""
    name, bits = algorithm.name, algorithm.bits
    if isinstance(given, Hash):
        if (given.algorithm, given.bits) != (name, bits):
            raise ValueError(f"expected a hash of {bits} bits by {name}, found another")
        return given
    if isinstance(given, bytes):
        if 8 * len(given) != bits:
            raise ValueError(f"expected {bits // 8} bytes, found {len(given)}")
        return Hash(name, np.frombuffer(given, np.uint8), None)
    if not isinstance(given, str):
        raise TypeError(f"a hash must be hex, bytes or a Hash, not {type(given).__name__}")
    is_hex = _HEX.fullmatch(given) is not None
    if not is_hex or 4 * len(given) != bits:
        found = f"{len(given)} characters" if is_hex else "something that is not hex"
        raise ValueError(f"expected {bits // 4} hex digits, found {found}")
    return Hash(name, np.frombuffer(bytes.fromhex(given), np.uint8), None)
