"""Options of screening."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hashmatch.decode import (
    DEFAULT_LIMITS,
    DEFAULT_VIDEO_LIMITS,
    DecodeLimits,
    VideoLimits,
    check_decode,
)
from hashmatch.matching import DEFAULT_BLOCK_VIEWS
from hashmatch.workers import Isolation

_SHARE_OF_TIME = 0.8


@dataclass(frozen=True, slots=True)
class ScreeningOptions:
    """Everything about screening that neither the index nor the policy determines.

    Parameters
    ----------
    decode : {"exact", "luma"}
        "exact" hashes the RGB that people see.  "luma" takes a little less time, and is for JPEGs
        from sources that one trusts: it hashes the Y plane first, and decodes exactly what comes
        within a margin of the radius, so every recorded distance is of exactly decoded pixels.  But
        it misses a picture, even an identical copy, whose colours leave the gamut of RGB: its Y
        plane can show something else (differences of 22 to 118 bits were seen; the margin of PDQ
        is 16).  The recorded hash of content without matches may differ by a few bits, too; its
        `decode` says so.
    limits : DecodeLimits
        Bytes and pixels above which a picture is not opened.
    video_limits : VideoLimits
        The same for a video. Frames decoded before a limit is reached still count; the result also
        has an error.
    isolation : Isolation or None
        Decode in child processes within these limits, so that a decoder that crashes, hangs,
        exhausts memory or is taken over gives only its upload an error (digests still match). A
        screener then must not be used after a fork. None: in this process.
    threads : int
        Number of threads that share the items of `Screener.screen_many`; in isolation also the
        number of child processes. Decisions do not depend on it.
    batch_items, batch_bytes : int
        The most items that are read, decoded and searched together, and the most bytes held.
    block_views : int
        Views per search. An item with more views is searched in blocks, so memory grows with the
        entries matched, not with the length of a video.

    Raises
    ------
    ValueError
        An unknown `decode`, or a number below 1.
    """

    decode: str = "exact"
    limits: DecodeLimits = DEFAULT_LIMITS
    video_limits: VideoLimits = DEFAULT_VIDEO_LIMITS
    isolation: Isolation | None = None
    threads: int = 1
    batch_items: int = 32
    batch_bytes: int = 64 << 20
    block_views: int = DEFAULT_BLOCK_VIEWS

    def __post_init__(self) -> None:
        check_decode(self.decode)
        for name in ("threads", "batch_items", "batch_bytes", "block_views"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    @property
    def timed_video_limits(self) -> VideoLimits:
        """`video_limits`, reduced to end before `isolation` would kill the decoder.

        In isolation a video is decoded for four fifths of the time allowed, unless `max_wall_s` is
        set, so that the frames before the limit still count.
        """
        if self.isolation is None or self.video_limits.max_wall_s is not None:
            return self.video_limits
        return replace(self.video_limits, max_wall_s=_SHARE_OF_TIME * self.isolation.time_s)


DEFAULT_OPTIONS = ScreeningOptions()
