"""The nouns of hashmatch: what one floor hands to the next.

Plain immutable values without behaviour beyond their own meaning. Nothing here decodes, searches or
decides.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashmatch.errors import ErrorKind

if TYPE_CHECKING:
    import imagehash

Code = NDArray[np.uint8]
"""Packed bits of a hash, shape (bits / 8,), most significant bit first."""

DIGEST_BITS = {"md5": 128, "sha1": 160, "sha256": 256}
"""Digests of the bytes of a file, by name, with their width; they are equal or not."""

ACTIONS = ("block", "quarantine", "review", "log", "allow")
"""What a decision can order, gravest first."""

PRIORITIES = ("critical", "high", "medium", "low")
"""How soon people must look, most urgent first."""

AS_STORED = "as_stored"
"""The view that every content has, and whose hash is recorded."""

VIEW_KINDS = ("orientations", "trimmed", "flattened", "frames")
"""What else may be looked at: turned and mirrored, without its border, on white and on black where
it is transparent, and the pictures after the first."""

MAX_RECORDED_MATCHES = 100
"""A decision counts every match and keeps this many of the nearest."""


@dataclass(frozen=True, slots=True, eq=False)
class Hash:
    """One perceptual hash.

    Parameters
    ----------
    algorithm : str
        Registered name, such as ``"pdq"``.
    code : ndarray of uint8, shape (bits / 8,)
        Packed bits, most significant first; made read-only.
    quality : int or None
        0..100, or None where the algorithm has no such measure.
    """

    algorithm: str
    code: Code
    quality: int | None

    def __post_init__(self) -> None:
        code = np.array(self.code, dtype=np.uint8)
        if code.ndim != 1 or code.size == 0:
            raise ValueError(f"code must have shape (bits / 8,), not {code.shape}")
        code.setflags(write=False)
        object.__setattr__(self, "code", code)

    @property
    def hex(self) -> str:
        """Canonical lower-case hex of the code."""
        return self.code.tobytes().hex()

    @property
    def bits(self) -> int:
        """Width of the code in bits."""
        return 8 * self.code.size

    def distance(self, other: Hash) -> int:
        """Hamming distance in bits; ValueError where algorithm or width differ."""
        if self.algorithm != other.algorithm or self.code.size != other.code.size:
            raise ValueError(f"cannot compare {self.algorithm} with {other.algorithm}")
        return int(np.bitwise_count(self.code ^ other.code).sum())

    def to_imagehash(self) -> imagehash.ImageHash:
        """Return the hash as an `imagehash.ImageHash`, whose `str` is `hex`.

        Its bits are a square where they fill one, as imagehash has them, else one row.

        Raises
        ------
        ImportError
            imagehash is not installed; the message says how to install it.
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
        """Return an `imagehash.ImageHash` as a hash of `algorithm`, which the object does not know.

        Raises
        ------
        TypeError
            `given` is no ImageHash. An ImageMultiHash has one in each of its `segment_hashes`.
        ValueError
            It has a number of bits that does not fill bytes.
        """
        bits = getattr(given, "hash", None)
        if not isinstance(bits, np.ndarray):
            raise TypeError(f"expected an imagehash.ImageHash, not {type(given).__name__}")
        if bits.size == 0 or bits.size % 8:
            raise ValueError(f"expected a multiple of 8 bits, not {bits.size}")
        return cls(algorithm, np.packbits(bits.astype(np.bool_)), None)

    def __eq__(self, other: object) -> bool:
        """Equal algorithm, bits and quality."""
        if not isinstance(other, Hash):
            return NotImplemented
        return (self.algorithm, self.hex, self.quality) == (
            other.algorithm,
            other.hex,
            other.quality,
        )

    def __hash__(self) -> int:
        return hash((self.algorithm, self.hex, self.quality))


@dataclass(frozen=True, slots=True, eq=False)
class VideoHash:
    """PDQ hashes of frames of one video, in the order they are shown. All arrays are read-only.

    Parameters
    ----------
    codes : ndarray of uint8, shape (n, 32)
        One code a frame, packed bits, most significant first.
    qualities : ndarray of int16, shape (n,)
        0..100.
    frames : ndarray of int64, shape (n,)
        Number of each frame among all that were decoded, from 0; increasing.
    timestamps_s : ndarray of float64, shape (n,)
        Seconds since the first frame; finite, never decreasing.
    error : str or None
        Why the video could not be decoded whole, None where it was: frames are then missing.
    error_kind : ErrorKind or None
        The kind of `error`.

    Raises
    ------
    ValueError
        Shapes that do not fit, a quality out of range, frames or times that run backward.
    """

    codes: NDArray[np.uint8]
    qualities: NDArray[np.int16]
    frames: NDArray[np.int64]
    timestamps_s: NDArray[np.float64]
    error: str | None = None
    error_kind: ErrorKind | None = None

    def __post_init__(self) -> None:
        codes = np.array(self.codes, dtype=np.uint8, order="C")
        qualities = np.array(self.qualities, dtype=np.int16)
        frames = np.array(self.frames, dtype=np.int64)
        times = np.array(self.timestamps_s, dtype=np.float64)
        if codes.ndim != 2 or codes.shape[1] != 32:
            raise ValueError(f"codes must have shape (n, 32), not {codes.shape}")
        if not qualities.shape == frames.shape == times.shape == (len(codes),):
            raise ValueError(f"qualities, frames and timestamps_s must have shape ({len(codes)},)")
        if ((qualities < 0) | (qualities > 100)).any():
            raise ValueError("qualities must be from 0 to 100")
        if (frames[:1] < 0).any() or (np.diff(frames) <= 0).any():
            raise ValueError("frames must increase from 0 or more")
        if not np.isfinite(times).all() or (times[:1] < 0).any() or (np.diff(times) < 0).any():
            raise ValueError("timestamps_s must be finite, from 0 on, and never decrease")
        for name, array in (
            ("codes", codes),
            ("qualities", qualities),
            ("frames", frames),
            ("timestamps_s", times),
        ):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.codes)

    def __eq__(self, other: object) -> bool:
        """Equal in everything."""
        if not isinstance(other, VideoHash):
            return NotImplemented
        return (self.error, self.error_kind) == (other.error, other.error_kind) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("codes", "qualities", "frames", "timestamps_s")
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class RecordedHash:
    """A hash as a decision records it: `decode` says how its pixels were obtained."""

    algorithm: str
    hex: str
    quality: int | None
    decode: str


@dataclass(frozen=True, slots=True)
class Match:
    """One entry of a list within the radius of one view of the content.

    `distance` and `radius` are in bits, both inclusive; `timestamp_s` is the time of the content's
    frame in seconds, None for a still picture and for the first frame of an animation; `quality` is
    that of the view, 0..100, None where the algorithm has none; `entry_timestamp_s` is the time of
    the entry's frame in seconds, None where its list tells none.
    """

    list: str
    list_version: str
    entry_id: str
    harm: str
    algorithm: str
    distance: int
    radius: int
    view: str
    timestamp_s: float | None = None
    quality: int | None = None
    entry_timestamp_s: float | None = None


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that at least one match took first.

    `n_matches` counts those matches; `suppressed_by` names the rule that set this one aside, None
    where it stands.
    """

    name: str
    action: str
    queue: str | None
    priority: str | None
    sla: str | None
    routes: tuple[str, ...]
    n_matches: int
    suppressed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a policy says of one content.

    `action` is what is to be done; `would_action` is what the same policy in "enforce" mode would
    order; the two differ only in "shadow" mode. `rule` names the rule that set `would_action`, None
    where the default or `on_error` did. `queue` and `priority` come from the fired rule with the
    highest priority and are None in "shadow" mode, so that nothing is routed by it.
    """

    action: str
    would_action: str
    rule: str | None
    queue: str | None
    priority: str | None
    rules: tuple[FiredRule, ...]
    mode: str


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """Which policy decided: its own version and the SHA-256 of its bytes."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class IndexRef:
    """Which index was searched: its name, generation number and the digest of its contents."""

    name: str
    generation: int
    digest: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one content, with everything needed to prove it.

    A function of content, index generation and policy: no clock, no random id. `matches` holds the
    nearest 100 of `n_matches`, ordered by (distance, list, entry_id). `error` is the reason where
    the content could not be read or decoded, else None.
    """

    content_id: str
    sha256: str | None
    hashes: tuple[RecordedHash, ...]
    n_matches: int
    matches: tuple[Match, ...]
    rules: tuple[FiredRule, ...]
    rule: str | None
    action: str
    would_action: str
    queue: str | None
    priority: str | None
    mode: str
    policy: PolicyRef
    index: IndexRef
    error: str | None
    hashmatch_version: str

    def to_dict(self) -> dict[str, Any]:
        """Return the decision row as plain dicts, lists, strings and numbers, ready for JSON."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
