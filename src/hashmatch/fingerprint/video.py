"""Hash the frames of a video."""

from __future__ import annotations

from array import array

import numpy as np

from hashmatch.decode import DEFAULT_VIDEO_LIMITS, VideoLimits, VideoSource, open_video
from hashmatch.hashing import pdq
from hashmatch.values import VideoHash


def hash_video(
    path: VideoSource,
    interval_s: float = 1.0,
    *,
    keyframes_only: bool = False,
    limits: VideoLimits = DEFAULT_VIDEO_LIMITS,
) -> VideoHash:
    """Hash frames of a video with PDQ, as vPDQ does.

    Parameters
    ----------
    path : path or bytes-like
        A str is a path.
    interval_s : float
        Seconds. For each k = 0, 1, 2, ... the first frame at or after ``k * interval_s`` is hashed,
        once; 0 hashes every frame. Times count from the first frame.
    keyframes_only : bool
        Decode keyframes alone, in a fraction of the time, and choose among them. Their number
        depends on the encoder: often one every few seconds, sometimes one in all.
    limits : VideoLimits
        Limits on the video.

    Returns
    -------
    VideoHash
        With `error` and `error_kind` set if the video is damaged or truncated or exceeds a limit:
        it then holds the frames that could be hashed, which says nothing about the rest.

    Raises
    ------
    DecodeError
        No frame can be decoded: not a video, none in it, damaged, too large; or PyAV is missing
        (extra ``video``).
    ValueError
        `interval_s` is negative or not a number.

    Notes
    -----
    A frame is hashed from its luma plane as it comes from the decoder, as stored: not turned by
    the rotation the file may ask for, nor scaled to square pixels. vPDQ's reference converts
    to RGB first, which rounds: hashes are a few bits off, qualities hardly. Luma of 16..235 is
    accounted for in the quality; the hash does not depend on it.

    Every frame is decoded to find those wanted, on one thread, so the result is the same
    everywhere. Memory: 49 bytes per hashed frame, and the decoder's own. Safe to call from
    several threads.
    """
    codes = bytearray()
    qualities, numbers, timestamps_s = array("B"), array("q"), array("d")
    with open_video(
        path, interval_s=interval_s, keyframes_only=keyframes_only, limits=limits
    ) as frames:
        for frame in frames:
            code, quality = pdq.hash(frame.luma.pixels, gain=frame.luma.gain)
            codes += code.tobytes()
            qualities.append(quality)
            numbers.append(frame.number)
            timestamps_s.append(frame.timestamp_s)
        error = frames.error
    if error is not None and not numbers:
        raise error
    return VideoHash(
        codes=np.frombuffer(codes, np.uint8).reshape(len(numbers), -1),
        qualities=np.asarray(qualities),
        frames=np.asarray(numbers),
        timestamps_s=np.asarray(timestamps_s),
        error=None if error is None else str(error),
        error_kind=None if error is None else error.kind,
    )
