"""Decoding of the frames of a video with PyAV (extra ``video``), one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode.embedded import EmbeddedFile
from hashmatch.decode.limits import DEFAULT_VIDEO_LIMITS, VideoLimits
from hashmatch.decode.video.clock import FrameClock, Sampler
from hashmatch.decode.video.containers import (
    HEAD_BYTES,
    ends_early,
    has_rest,
    identify_video,
)
from hashmatch.decode.video.file import VideoFile, VideoSource, open_video_file
from hashmatch.decode.video.luma import Luma, read_grid, read_luma
from hashmatch.decode.video.selection import TimedFrame, select_displayed
from hashmatch.decode.video.streams import (
    choose_stream,
    configure_decoder,
    describe,
    is_cover,
    list_streams,
    load_av,
    open_container,
)
from hashmatch.errors import DecodeError, ErrorKind

if TYPE_CHECKING:
    import av
    from av.packet import Packet
    from av.video.stream import VideoStream

_MICROSECOND = Fraction(1, 1_000_000)  # FFmpeg's own unit, where a stream has none
_MOST_STREAMS = 8
_NO_GRID = np.full(256, -1e4, np.float32)  # far from every frame


@dataclass(frozen=True, slots=True, eq=False)
class StoredFrame:
    """One frame as stored: neither rotated nor scaled for non-square pixels.

    `number` counts the decoded frames of its stream from 0, `timestamp_s` the seconds since the
    first of them. `stream` is 0 for the stream that players show, then 1, 2, ...
    """

    number: int
    timestamp_s: float
    luma: Luma
    stream: int = 0


_T = TypeVar("_T")
_Timed = TimedFrame["av.VideoFrame"]
_Choose = Callable[["StoredFrames", Iterator[_Timed], Fraction], Iterator[_Timed]]
"""Chooses frames of a stream whose ticks have this length in seconds."""


@dataclass(slots=True, eq=False)
class StoredFrames:
    """Frames of an open video, decoded during iteration, which is possible only once."""

    _file: VideoFile
    _packets: Iterator[Packet[VideoStream]]
    _stream: VideoStream
    _name: str
    _choose: _Choose
    _limits: VideoLimits
    _is_cut: bool
    _exceeded: DecodeError | None = field(default=None, init=False)
    _first_damage: DecodeError | None = field(default=None, init=False)
    _excess: DecodeError | None = field(default=None, init=False)
    n_decoded: int = field(default=0, init=False)

    @property
    def error(self) -> DecodeError | None:
        """After iteration, the gravest reason why a part was not decoded; None if all was."""
        if error := self._file.error or self._exceeded:
            return error
        if self._is_cut:
            return describe(self._name, "the file should be longer", kind=ErrorKind.TRUNCATED)
        if self._first_damage is None and self.n_decoded == 0:
            return DecodeError("no frame in the video", ErrorKind.DAMAGED)
        return self._first_damage or self._excess

    def __iter__(self) -> Iterator[StoredFrame]:
        """Yield the chosen frames in order; errors end up in `error`."""
        time_base = self._stream.time_base or _MICROSECOND
        for chosen in self._choose(self, self._time_frames(time_base), time_base):
            if (luma := self._read(read_luma, chosen.frame)) is not None:
                yield StoredFrame(chosen.number, float(chosen.ticks * time_base), luma)

    def _time_frames(self, time_base: Fraction) -> Iterator[_Timed]:
        """Yield every frame with its time, until a limit is exceeded."""
        clock = FrameClock(time_base, self._stream.average_rate)
        per_tick, ticks_per = time_base.as_integer_ratio()
        for frame in self._decode_packets():
            if self._file.is_late():
                return
            ticks = clock.tick(frame.pts)
            try:
                self._limits.check_frame(self.n_decoded, ticks * per_tick / ticks_per)
                self._limits.check_pixels(frame.width, frame.height)
                self._file.count_pixels(frame.width * frame.height)
            except DecodeError as error:
                self._exceeded = error.with_traceback(None)  # which would keep the frame
                return
            number, self.n_decoded = self.n_decoded, self.n_decoded + 1
            if frame.is_corrupt:
                self._note_damage(f"frame {number} is damaged")
            yield TimedFrame(number, ticks, clock.ran_backward, frame)

    def read_grid(self, frame: av.VideoFrame) -> NDArray[np.float32]:
        """Return a frame in coarse; far from any other if it cannot be read."""
        grid = self._read(read_grid, frame)
        return _NO_GRID if grid is None else grid

    def leave_out(self, reason: str) -> None:
        """Record that some frames were not chosen for lack of budget."""
        if self._excess is None:
            message = f"too much work: {reason}, so some frames were not examined"
            self._excess = DecodeError(message, ErrorKind.TOO_MUCH_WORK)

    def _decode_packets(self) -> Iterator[av.VideoFrame]:
        """Yield every frame that can be decoded; damaged data is recorded and skipped."""
        errors = (load_av().FFmpegError, MemoryError)
        n_packets = 0
        while True:
            try:
                packet = next(self._packets, None)
            except errors as error:
                self._note_damage(f"after packet {n_packets}", error)
                return
            except IndexError:  # in PyAV, where a stream begins that was not there at first
                self._note_late_stream()
                return
            if packet is None:
                return
            n_packets += 1
            if packet.is_corrupt:
                self._note_damage(f"packet {n_packets} is cut short or corrupt")
            try:
                frames = packet.decode()
            except EOFError:  # a decoder that was drained already
                continue
            except errors as error:
                self._note_damage(f"packet {n_packets}", error)
                continue
            yield from frames

    def _note_late_stream(self) -> None:
        message = f"a stream that begins late in the {self._name} was not examined"
        self._first_damage = self._first_damage or DecodeError(message, ErrorKind.INCOMPLETE)

    def _read(self, read: Callable[[av.VideoFrame], _T], frame: av.VideoFrame) -> _T | None:
        try:
            return read(frame)
        except (load_av().FFmpegError, MemoryError, ValueError) as error:
            self._note_damage(f"a frame of {frame.format.name}", error)
            return None

    def _note_damage(self, place: str, cause: Exception | None = None) -> None:
        if self._first_damage is None:
            self._first_damage = describe(self._name, place, cause)


@contextmanager
def open_video(
    source: VideoSource,
    *,
    interval_s: float = 1.0,
    keyframes_only: bool = False,
    limits: VideoLimits = DEFAULT_VIDEO_LIMITS,
) -> Iterator[StoredFrames]:
    """Open a video to iterate over its frames.

    Parameters
    ----------
    source : path or bytes-like
        A str is a path. The file is read while it is decoded.
    interval_s : float
        For each k = 0, 1, 2, ... the first frame at or after k times this is yielded; 0 yields all.
    keyframes_only : bool
        Decode only keyframes, and choose among them.

    Raises
    ------
    DecodeError
        PyAV is not installed; the file cannot be read; or it holds no video that we accept. Later
        errors are in `StoredFrames.error`.
    ValueError, TypeError
        `interval_s` is negative or not a number; `source` is of an unsupported type.

    Notes
    -----
    Decodes the video stream that the file marks as its default, otherwise the first; cover pictures
    do not count. Decoding takes one thread, since the result for damaged frames may depend on the
    number of threads. Safe to call from several threads; PyAV releases the GIL.
    """
    choose = partial(_choose_first, interval_s=_check_interval(interval_s))
    load_av()
    with open_video_file(source, limits) as file:
        accepted = identify_video(file.read_at(0, HEAD_BYTES))
        is_cut = ends_early(accepted, file.read_at, file.size_bytes)
        file.seek(0)
        with open_container(file, accepted, is_cut=is_cut) as container:
            stream = choose_stream(container, accepted)
            configure_decoder(stream, accepted, limits, keyframes_only=keyframes_only)
            packets = container.demux(stream)
            yield StoredFrames(file, packets, stream, accepted.name, choose, limits, is_cut)


def decode_video(
    source: VideoSource,
    *,
    interval_s: float = 1.0,
    phase: float = 0.0,
    frames: bool = True,
    limits: VideoLimits = DEFAULT_VIDEO_LIMITS,
    part: EmbeddedFile | None = None,
) -> Iterator[StoredFrame]:
    """Yield the frames of every video stream and cover picture that stand for all others.

    Parameters
    ----------
    source : path or bytes-like
        A str is a path.
    interval_s, phase : float
        Frames are chosen as `select_displayed` says; the first sample is `phase` times `interval_s`
        after the first frame, ``0 <= phase < 1``. If `interval_s` is 0, all are chosen.
    frames : bool
        If False, only the first frame of each stream is decoded.
    limits : VideoLimits
        Counts of frames and seconds hold for each stream, everything else for all together.
    part : EmbeddedFile, optional
        Where in the source the video lies.

    Raises
    ------
    DecodeError
        As for `open_video`; at the end, the gravest reason why a part could not be decoded, which
        is INCOMPLETE for a stream other than the first.

    Notes
    -----
    The file is read once for each stream. Decoding takes one thread; see `open_video`.
    """
    interval_s = _check_interval(interval_s)
    choose: _Choose = partial(_choose_first, interval_s=0.0)
    if interval_s:
        choose = partial(_choose_displayed, interval_s=interval_s, phase=phase)
    load_av()
    start, end, container = (part.start, part.end, part.container) if part else (0, None, None)
    with open_video_file(source, limits, start, end) as file:
        accepted = container or identify_video(file.read_at(0, HEAD_BYTES))
        is_cut = ends_early(accepted, file.read_at, file.size_bytes)
        error: DecodeError | None = None
        number, n_streams = 0, 1
        while number < min(n_streams, _MOST_STREAMS) and file.error is None:
            file.seek(0)
            try:
                with open_container(file, accepted, is_cut=is_cut) as opened:
                    streams = list_streams(opened)
                    n_streams = len(streams)
                    stream = streams[number] if streams else choose_stream(opened, accepted)
                    configure_decoder(stream, accepted, limits, keyframes_only=False)
                    packets = opened.demux(stream)
                    stored = StoredFrames(
                        file, packets, stream, accepted.name, choose, limits, is_cut
                    )
                    is_short = is_cover(stream) or not frames
                    for frame in islice(stored, 1 if is_short else None):
                        yield replace(frame, stream=number)
                    if stored.error is not None and not (is_short and stored.n_decoded):
                        raise stored.error
            except DecodeError as failure:
                error = error or (_not_examined(number, failure) if number else failure)
            number += 1
        if file.error is None and has_rest(accepted, file.read_at, file.size_bytes):
            message = f"part of the {accepted.name} is no part of its video, and was not examined"
            error = error or DecodeError(message, ErrorKind.INCOMPLETE)
        if n_streams > _MOST_STREAMS:
            message = f"only {_MOST_STREAMS} of {n_streams} video streams were examined"
            error = error or DecodeError(message, ErrorKind.INCOMPLETE)
        if error is not None:
            raise error.with_traceback(None)


def _not_examined(number: int, cause: DecodeError) -> DecodeError:
    if cause.kind in (ErrorKind.TOO_MUCH_WORK, ErrorKind.TIMEOUT):
        return cause
    return DecodeError(f"video stream {number + 1} of the file: {cause}", ErrorKind.INCOMPLETE)


def _choose_first(
    _: StoredFrames, frames: Iterator[_Timed], time_base: Fraction, *, interval_s: float
) -> Iterator[_Timed]:
    sampler = Sampler(interval_s, time_base)
    return (frame for frame in frames if sampler.is_due(frame.ticks))


def _choose_displayed(
    stored: StoredFrames,
    frames: Iterator[_Timed],
    time_base: Fraction,
    *,
    interval_s: float,
    phase: float,
) -> Iterator[_Timed]:
    interval = Fraction(repr(interval_s))
    return select_displayed(
        frames,
        interval_s=interval,
        phase_s=Fraction(phase) * interval,
        tick_s=time_base,
        read_grid=stored.read_grid,
        on_excess=stored.leave_out,
    )


def _check_interval(interval_s: float) -> float:
    if not (math.isfinite(interval_s) and interval_s >= 0):
        raise ValueError(f"interval_s must be 0 or a positive number, not {interval_s!r}")
    return float(interval_s)
