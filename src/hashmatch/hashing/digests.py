"""MD5, SHA-1 and SHA-256: digests of the bytes of a file, several in one read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hashmatch.hashing.algorithm import Digest, RunningDigest
from hashmatch.values import DIGEST_BITS, Code


@dataclass(frozen=True, slots=True)
class FileDigest:
    """A digest of `hashlib` as the registry knows it."""

    name: str
    bits: int
    default_radius: int = 0

    def start(self) -> RunningDigest:
        """Begin a digest."""
        return hashlib.new(self.name, usedforsecurity=False)


MD5, SHA1, SHA256 = (FileDigest(name, bits) for name, bits in DIGEST_BITS.items())


def digest_blocks(blocks: Iterable[bytes], digests: Iterable[Digest]) -> Mapping[str, Code]:
    """Return the digests of the blocks one after the other, by name; blocks are read once."""
    running = {digest.name: digest.start() for digest in digests}
    for block in blocks:
        for one in running.values():
            one.update(block)
    return {name: np.frombuffer(one.digest(), np.uint8) for name, one in running.items()}
