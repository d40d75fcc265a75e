"""The frames of a video that are worth comparing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashmatch.values import VideoHash


@dataclass(frozen=True, slots=True, eq=False)
class UsableFrames:
    """Frames of good enough quality: codes, uint8 (n, 32), and times, float64 (n,)."""

    codes: NDArray[np.uint8]
    times_s: NDArray[np.float64]


def usable_frames(video: VideoHash, min_quality: int) -> UsableFrames:
    """Return the frames of at least this quality."""
    is_good = video.qualities >= min_quality
    return UsableFrames(video.codes[is_good], video.timestamps_s[is_good])
