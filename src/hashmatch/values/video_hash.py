"""Hashes of the frames of a video."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch.errors import ErrorKind
from hashmatch.values.hash import copy_bytes

_DTYPES: dict[str, type[np.generic]] = {
    "codes": np.uint8,
    "qualities": np.int16,
    "frames": np.int64,
    "timestamps_s": np.float64,
}


@dataclass(frozen=True, slots=True, eq=False)
class VideoHash:
    """PDQ hashes of the frames of one video, in display order.

    The arrays are read-only, even in pickled or copied values. `codes`, uint8 (n, 32), has one code
    per frame, packed bits, most significant first; `qualities`, int16 (n,), is 0..100; `frames`,
    int64 (n,), is the number of each frame among all that were decoded, from 0, increasing;
    `timestamps_s`, float64 (n,), is in seconds since the first frame, finite and never decreasing.
    `error` says why frames are missing and `error_kind` is its kind; both are None if the video was
    decoded to its end.
    ValueError if shapes do not fit, a quality is out of range, or frames or times run backward.
    """

    codes: NDArray[np.uint8] = field(repr=False)
    qualities: NDArray[np.int16]
    frames: NDArray[np.int64]
    timestamps_s: NDArray[np.float64]
    error: str | None = None
    error_kind: ErrorKind | None = None

    def __post_init__(self) -> None:
        for name, dtype in _DTYPES.items():
            given = getattr(self, name)
            is_codes = name == "codes"
            array = copy_bytes(given, name) if is_codes else np.array(given, dtype, order="C")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        n, frames, times_s = len(self.codes), self.frames, self.timestamps_s
        if self.codes.ndim != 2 or self.codes.shape[1] != 32:
            raise ValueError(f"codes must have shape (n, 32), not {self.codes.shape}")
        if not self.qualities.shape == frames.shape == times_s.shape == (n,):
            raise ValueError(f"qualities, frames and timestamps_s must have shape ({n},)")
        if ((self.qualities < 0) | (self.qualities > 100)).any():
            raise ValueError("qualities must be from 0 to 100")
        if (frames[:1] < 0).any() or (np.diff(frames) <= 0).any():
            raise ValueError("frames must increase from 0 or more")
        is_finite = np.isfinite(times_s).all()
        if not is_finite or (times_s[:1] < 0).any() or (np.diff(times_s) < 0).any():
            raise ValueError("timestamps_s must be finite, from 0 on, and never decrease")

    def __reduce__(self) -> tuple[type[VideoHash], tuple[Any, ...]]:
        return VideoHash, tuple(getattr(self, field.name) for field in fields(self))

    def __len__(self) -> int:
        return len(self.codes)

    def __eq__(self, other: object) -> bool:
        """Compare every field."""
        if not isinstance(other, VideoHash):
            return NotImplemented
        return (self.error, self.error_kind) == (other.error, other.error_kind) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in _DTYPES
        )

    __hash__ = None  # type: ignore[assignment]
