"""Hashes: the bits of a code, the algorithm that made it, and its quality."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import imagehash

Code = NDArray[np.uint8]
"""Packed bits of a hash, shape (bits / 8,), most significant bit first."""

DIGEST_BITS = {"md5": 128, "sha1": 160, "sha256": 256}
"""Widths of the digests of a file's bytes, by name; two digests are equal or not."""

CODE_BITS = {
    "pdq": 256,
    **dict.fromkeys(("phash", "dhash", "ahash", "whash", "crop-resistant"), 64),
    **DIGEST_BITS,
}
"""Widths of the codes of built-in algorithms, by name; those of plug-ins are not known here."""


@dataclass(frozen=True, slots=True, eq=False)
class Hash:
    """One hash. Immutable; pickles, copies and compares by value; its repr does not show the code.

    `algorithm` is a registered name, such as ``"pdq"``. `code`, uint8 (bits / 8,), has packed bits,
    most significant first; it is copied, and read-only. `quality` is 0..100, or None if the
    algorithm has no such measure.

    ValueError for an empty code, a width that the built-in algorithm does not have, or a quality
    out of range.
    """

    algorithm: str
    code: Code = field(repr=False)
    quality: int | None

    def __post_init__(self) -> None:
        code = copy_bytes(self.code, "code")
        if code.ndim != 1 or code.size == 0:
            raise ValueError(f"code must have shape (bits / 8,), not {code.shape}")
        bits = CODE_BITS.get(self.algorithm, 8 * code.size)
        if bits != 8 * code.size:
            raise ValueError(f"{self.algorithm} has {bits} bits, not {8 * code.size}")
        code.setflags(write=False)
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "quality", _check_quality(self.quality))

    def __reduce__(self) -> tuple[type[Hash], tuple[Any, ...]]:
        return Hash, (self.algorithm, self.code, self.quality)  # so that copies are read-only, too

    @property
    def hex(self) -> str:
        """Canonical lower-case hex of the code."""
        return self.code.tobytes().hex()

    @property
    def bits(self) -> int:
        """Width of the code in bits."""
        return 8 * self.code.size

    def distance(self, other: Hash) -> int:
        """Hamming distance in bits; ValueError if algorithm or width differ."""
        if self.algorithm != other.algorithm or self.code.size != other.code.size:
            raise ValueError(f"cannot compare {self.algorithm} with {other.algorithm}")
        return int(np.bitwise_count(self.code ^ other.code).sum())

    def to_imagehash(self) -> imagehash.ImageHash:
        """Return the hash as an `imagehash.ImageHash`, whose `str` is `hex`.

        The bits form a square if their number is a square number, as in imagehash, else a single
        row. ImportError if imagehash is not installed.
        """
        try:
            import imagehash  # noqa: PLC0415  (an extra)
        except ImportError:
            raise ImportError(
                "imagehash is not installed; install it: pip install 'hashmatch[compat]'"
            ) from None
        side = math.isqrt(self.bits)
        shape = (side, side) if side * side == self.bits else (1, self.bits)
        return imagehash.ImageHash(np.unpackbits(self.code).astype(np.bool_).reshape(shape))

    @classmethod
    def from_imagehash(cls, given: imagehash.ImageHash, algorithm: str) -> Hash:
        """Convert an `imagehash.ImageHash`, which does not record its `algorithm`.

        TypeError if it is not an ImageHash (an ImageMultiHash holds several, as `segment_hashes`);
        ValueError if its number of bits is not a multiple of 8.
        """
        bits = getattr(given, "hash", None)
        if not isinstance(bits, np.ndarray):
            raise TypeError(f"expected an imagehash.ImageHash, not {type(given).__name__}")
        if bits.size == 0 or bits.size % 8:
            raise ValueError(f"expected a multiple of 8 bits, not {bits.size}")
        return cls(algorithm, np.packbits(bits.astype(np.bool_)), None)

    def __eq__(self, other: object) -> bool:
        """Compare algorithm, bits and quality."""
        return self._key == other._key if isinstance(other, Hash) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, bytes, int | None]:
        return self.algorithm, self.code.tobytes(), self.quality


def copy_bytes(given: Any, name: str) -> Code:
    """Return a copy of an array of bytes; ValueError, without showing them, for anything else."""
    try:
        if isinstance(given, str | bytes):
            raise TypeError
        return np.array(given, dtype=np.uint8, order="C")
    except (TypeError, ValueError, OverflowError):
        kind = type(given).__name__
        raise ValueError(f"{name} must be an array of bytes, not {kind}") from None


def _check_quality(quality: int | None) -> int | None:
    if quality is None:
        return None
    if isinstance(quality, bool) or not isinstance(quality, int | np.integer):
        raise ValueError(f"quality must be an integer or None, not {type(quality).__name__}")
    if not 0 <= quality <= 100:
        raise ValueError(f"quality must be from 0 to 100, not {quality}")
    return int(quality)
