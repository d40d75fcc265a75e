"""Hashes of the frames of a video."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch.errors import ErrorKind

_ARRAYS = ("codes", "qualities", "frames", "timestamps_s")


@dataclass(frozen=True, slots=True, eq=False)
class VideoHash:
    """PDQ hashes of the frames of one video, in display order.

    The arrays are read-only, in pickled and copied values, too. `codes`, uint8 (n, 32), has one
    code per frame, packed bits, most significant first; `qualities`, int16 (n,), is 0..100;
    `frames`, int64 (n,), is the number of each frame among all that were decoded, from 0,
    increasing; `timestamps_s`, float64 (n,), is in seconds since the first frame, finite and never
    decreasing. `error` says why frames are missing and `error_kind` is its kind, None if the video
    was decoded to its end.

    Raises
    ------
    ValueError
        Shapes do not fit, a quality is out of range, or frames or times run backward.
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
        arrays: tuple[NDArray[Any], ...] = (codes, qualities, frames, times)
        for name, array in zip(_ARRAYS, arrays, strict=True):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __reduce__(self) -> tuple[type[VideoHash], tuple[Any, ...]]:
        return VideoHash, tuple(getattr(self, field.name) for field in fields(self))

    def __len__(self) -> int:
        return len(self.codes)

    def __eq__(self, other: object) -> bool:
        """Compare every field."""
        if not isinstance(other, VideoHash):
            return NotImplemented
        return (self.error, self.error_kind) == (other.error, other.error_kind) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in _ARRAYS
        )

    __hash__ = None  # type: ignore[assignment]
