"""The choice of the frames of a video, computed in the plainest way, as an oracle."""

import hashlib
import hmac
import io
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

import hashmatch as hm

HELD_S, CUT_LEVELS = Fraction(1, 2), 16


def phase_of(data: bytes, key: str | None = None) -> Fraction:
    """Return when samples begin, in shares of the interval."""
    digest = hashlib.sha256(data).digest()
    if key is not None:
        digest = hmac.new(key.encode(), digest, "sha256").digest()
    return Fraction(int.from_bytes(digest[:4], "big"), 2**32)


def choose(
    times_s: Sequence[Fraction],
    grids: Sequence[NDArray[Any]],
    interval_s: Fraction,
    phase: Fraction,
) -> list[int]:
    """Return the numbers of the frames that are looked at, as docs/video.md defines them.

    For videos with fewer cuts than the budget, and no jump back in time.
    """
    n, end_s = len(times_s), times_s[-1]
    wanted = {0, n - 1}
    for k in range(math.floor(end_s / interval_s) + 1):
        wanted.add(next(at for at in range(n) if times_s[at] >= k * interval_s))
        shown_s = (k + phase) * interval_s
        if shown_s < end_s:
            wanted.add(max(at for at in range(n) if times_s[at] <= shown_s))
    wanted |= {at for at in range(n - 1) if times_s[at + 1] - times_s[at] >= HELD_S}
    last = 0
    for at in range(n):
        if abs(grids[at].astype(float) - grids[last]).mean() >= CUT_LEVELS:
            wanted.add(at)
        if at in wanted:
            last = at
    return sorted(wanted)


def displayed(data: bytes, interval_s: float = 1, key: str | None = None) -> hm.VideoHash:
    """Return the hashes of the frames that screening looks at, from those of all frames."""
    every = hm.hash_video(data, 0)
    chosen = list(range(len(every)))
    if interval_s:
        with av.open(io.BytesIO(data), "r") as container:
            grids = [_grid(frame) for frame in container.decode(video=0)]
        times_s = [Fraction(float(each)).limit_denominator(90_000) for each in every.timestamps_s]
        chosen = choose(times_s, grids, Fraction(str(interval_s)), phase_of(data, key))
    return hm.VideoHash(
        every.codes[chosen],
        every.qualities[chosen],
        every.frames[chosen],
        every.timestamps_s[chosen],
        every.error,
        every.error_kind,
    )


def _grid(frame: av.VideoFrame) -> NDArray[np.float64]:
    """Return means of 2 x 4 points in each of 16 x 16 cells of an 8-bit Y plane."""
    luma = frame.to_ndarray()[: frame.height, : frame.width]
    points = np.array(
        [
            [luma[(2 * y + 1) * frame.height // 64, (2 * x + 1) * frame.width // 128]
             for x in range(64)]
            for y in range(32)
        ],
        float,
    )  # fmt: skip
    cells: NDArray[np.float64] = points.reshape(16, 2, 16, 4).mean(axis=(1, 3))
    return cells
