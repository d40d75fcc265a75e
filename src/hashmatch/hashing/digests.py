"""MD5, SHA-1 and SHA-256: digests of the bytes of a file, several in one read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from hashmatch.hashing.algorithm import Digest
from hashmatch.values import Code

MD5 = Digest(name="md5", bits=128)
SHA1 = Digest(name="sha1", bits=160)
SHA256 = Digest(name="sha256", bits=256)
DIGESTS = (MD5, SHA1, SHA256)


def digest_blocks(blocks: Iterable[bytes], digests: Iterable[Digest]) -> Mapping[str, Code]:
    """Return the digests of the concatenated blocks, by name; blocks are read once."""
    running = {each.name: hashlib.new(each.name, usedforsecurity=False) for each in digests}
    for block in blocks:
        for digest in running.values():
            digest.update(block)
    return {name: np.frombuffer(digest.digest(), np.uint8) for name, digest in running.items()}
