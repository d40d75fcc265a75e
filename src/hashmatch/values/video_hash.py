"""Hashes of the frames of a video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch.errors import ErrorKind

_ARRAYS = ("codes", "qualities", "frames", "timestamps_s")


@dataclass(frozen=True, slots=True, eq=False)
class VideoHash:
    """PDQ hashes of the frames of one video, in display order.

    All arrays are read-only, in pickled and copied values, too.

    Parameters
    ----------
    codes : ndarray of uint8, shape (n, 32)
        One code per frame, packed bits, most significant first.
    qualities : ndarray of int16, shape (n,)
        0..100.
    frames : ndarray of int64, shape (n,)
        Number of each frame among all frames decoded, from 0; increasing.
    timestamps_s : ndarray of float64, shape (n,)
        Seconds since the first frame; finite, never decreasing.
    error : str or None
        Why frames are missing; None if the video was decoded to its end.
    error_kind : ErrorKind or None
        The kind of `error`.

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
        # Through the constructor, so that the arrays of copies are read-only, too.
        arrays = (self.codes, self.qualities, self.frames, self.timestamps_s)
        return VideoHash, (*arrays, self.error, self.error_kind)

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
