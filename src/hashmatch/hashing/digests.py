"""MD5, SHA-1 and SHA-256: digests of the bytes of a file, several in one read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hashmatch.hashing.algorithm import Digest, RunningDigest
from hashmatch.values import Code


@dataclass(frozen=True, slots=True)
class FileDigest(Digest):
    """A digest of `hashlib` as the registry knows it."""

    name: str = "sha256"
    bits: int = 256
    default_radius: int = 0
    exact_only: bool = True

    def start(self) -> RunningDigest:
        """Begin a digest."""
        return hashlib.new(self.name, usedforsecurity=False)


MD5, SHA1, SHA256 = DIGESTS = FileDigest("md5", 128), FileDigest("sha1", 160), FileDigest()


def digest_blocks(blocks: Iterable[bytes], digests: Iterable[Digest]) -> Mapping[str, Code]:
    """Return the digests of the concatenated blocks, by name; blocks are read once."""
    running = {digest.name: digest.start() for digest in digests}
    for block in blocks:
        for digest in running.values():
            digest.update(block)
    return {name: np.frombuffer(digest.digest(), np.uint8) for name, digest in running.items()}
