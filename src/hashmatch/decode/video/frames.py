"""Decoding of the frames of a video with PyAV (extra ``video``), one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hashmatch.decode.limits import DEFAULT_VIDEO_LIMITS, VideoLimits
from hashmatch.decode.video.clock import FrameClock, Sampler
from hashmatch.decode.video.containers import (
    CODECS,
    HEAD_BYTES,
    Container,
    ends_early,
    identify_video,
)
from hashmatch.decode.video.file import VideoFile, VideoSource, open_video_file
from hashmatch.decode.video.luma import Luma, read_luma
from hashmatch.errors import DecodeError, ErrorKind, make_memory_error

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_BUFFER_BYTES = 256 * 1024
_MICROSECOND = Fraction(1, 1_000_000)  # FFmpeg's own unit, where a stream has none


@dataclass(frozen=True, slots=True, eq=False)
class StoredFrame:
    """One frame as stored: neither rotated nor scaled for non-square pixels.

    `number` counts the decoded frames from 0, `timestamp_s` the seconds since the first of them.
    """

    number: int
    timestamp_s: float
    luma: Luma


@dataclass(slots=True, eq=False)
class StoredFrames:
    """Frames of an open video, decoded during iteration, which is possible only once."""

    _file: VideoFile
    _packets: Iterator[Packet[VideoStream]]
    _stream: VideoStream
    _name: str
    _interval_s: float
    _limits: VideoLimits
    _is_cut: bool
    _exceeded: DecodeError | None = field(default=None, init=False)
    _first_damage: DecodeError | None = field(default=None, init=False)
    n_decoded: int = field(default=0, init=False)

    @property
    def error(self) -> DecodeError | None:
        """After iteration, the gravest reason why a part was not decoded; None if all was."""
        if error := self._file.error or self._exceeded:
            return error
        if self._is_cut:
            return _describe(self._name, "the file should be longer", kind=ErrorKind.TRUNCATED)
        if self._first_damage is None and self.n_decoded == 0:
            return DecodeError("no frame in the video", ErrorKind.DAMAGED)
        return self._first_damage

    def __iter__(self) -> Iterator[StoredFrame]:
        """Yield the chosen frames in order; errors end up in `error`."""
        time_base = self._stream.time_base or _MICROSECOND
        clock = FrameClock(time_base, self._stream.average_rate)
        sampler = Sampler(self._interval_s, time_base)
        for frame in self._decode_packets():
            if self._file.is_late():
                return
            ticks = clock.tick(frame.pts)
            timestamp_s = float(ticks * time_base)
            try:
                self._limits.check_frame(self.n_decoded, timestamp_s)
                self._limits.check_pixels(frame.width, frame.height)
            except DecodeError as error:
                self._exceeded = error.with_traceback(None)  # which would keep the frame
                return
            number, self.n_decoded = self.n_decoded, self.n_decoded + 1
            if frame.is_corrupt:
                self._note_damage(f"frame {number} is damaged")
            if sampler.is_due(ticks) and (luma := self._read_luma(frame, number)) is not None:
                yield StoredFrame(number, timestamp_s, luma)

    def _decode_packets(self) -> Iterator[av.VideoFrame]:
        """Yield every frame that can be decoded; damaged data is recorded and skipped."""
        errors = (_load_av().FFmpegError, MemoryError)
        n_packets = 0
        while True:
            try:
                packet = next(self._packets, None)
            except errors as error:
                self._note_damage(f"after packet {n_packets}", error)
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

    def _read_luma(self, frame: av.VideoFrame, number: int) -> Luma | None:
        try:
            return read_luma(frame)
        except (_load_av().FFmpegError, MemoryError, ValueError) as error:
            self._note_damage(f"frame {number} of {frame.format.name}", error)
            return None

    def _note_damage(self, place: str, cause: Exception | None = None) -> None:
        if self._first_damage is None:
            self._first_damage = _describe(self._name, place, cause)


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
    if not (math.isfinite(interval_s) and interval_s >= 0):
        raise ValueError(f"interval_s must be 0 or a positive number, not {interval_s!r}")
    _load_av()
    with open_video_file(source, limits) as file:
        accepted = identify_video(file.read_at(0, HEAD_BYTES))
        is_cut = ends_early(accepted, file.read_at, file.size_bytes)
        file.seek(0)
        with _open_container(file, accepted, is_cut=is_cut) as container:
            stream = _choose_stream(container, accepted)
            _configure_decoder(stream, accepted, limits, keyframes_only=keyframes_only)
            packets = container.demux(stream)
            yield StoredFrames(file, packets, stream, accepted.name, interval_s, limits, is_cut)


def load_video_decoder() -> None:
    """Import PyAV, if it is installed, before the first video needs it."""
    with suppress(DecodeError):
        _load_av()


def _load_av() -> ModuleType:
    try:
        import av  # noqa: PLC0415  (an extra, and slow to load)
    except ImportError:
        message = "video needs PyAV: install hashmatch[video], the extra video"
        raise DecodeError(message, ErrorKind.UNSUPPORTED) from None
    return av


@contextmanager
def _open_container(
    file: VideoFile, accepted: Container, *, is_cut: bool
) -> Iterator[InputContainer]:
    options = {"format_whitelist": accepted.demuxer, "protocol_whitelist": "none"}
    if accepted.demuxer == "mov":
        options |= {"enable_drefs": "0", "use_absolute_path": "0"}
    try:
        # No `options`: before version 18, PyAV frees memory that it does not own where FFmpeg finds
        # streams late, as in MPEG-PS.
        container: Any = _load_av().open(
            file,
            format=accepted.demuxer,
            container_options=options,
            buffer_size=_BUFFER_BYTES,
            metadata_errors="replace",
        )
    # PyAV raises its own errors, and those of Python for what it makes of metadata.
    except Exception as error:
        if file.error is not None:
            raise file.error from error
        is_short = is_cut or isinstance(error, EOFError)
        kind = ErrorKind.TRUNCATED if is_short else ErrorKind.DAMAGED
        raise _describe(accepted.name, "", error, kind) from error
    with container:
        if file.error is not None:
            raise file.error
        yield container


def _choose_stream(container: InputContainer, accepted: Container) -> VideoStream:
    disposition = _load_av().stream.Disposition
    streams = container.streams.video
    moving = [stream for stream in streams if not stream.disposition & disposition.attached_pic]
    if not moving:
        detail = ": a cover picture only" if streams else ""
        raise DecodeError(f"no video in the {accepted.name}{detail}", ErrorKind.UNSUPPORTED)
    default = (stream for stream in moving if stream.disposition & disposition.default)
    return next(default, moving[0])


def _configure_decoder(
    stream: VideoStream, accepted: Container, limits: VideoLimits, *, keyframes_only: bool
) -> None:
    """Check the codec against the allow-list and set its options, before it is opened."""
    codec: Any = stream.codec_context
    reason = None
    if codec is None:
        reason = "this FFmpeg has no decoder for its video"
    elif (name := codec.codec.canonical_name) not in CODECS:
        reason = f"video of codec {name} is not accepted"
    if reason is not None:
        raise DecodeError(f"unsupported {accepted.name}: {reason}", ErrorKind.UNSUPPORTED)
    limits.check_pixels(codec.width, codec.height)
    # Decoders count rows padded to 64 px.
    codec.options = {"max_pixels": str(min(2 * limits.max_pixels + (1 << 20), (1 << 31) - 1))}
    codec.thread_count = 1
    if keyframes_only:
        codec.skip_frame = "NONKEY"


def _describe(
    name: str, place: str, cause: Exception | None = None, kind: ErrorKind = ErrorKind.DAMAGED
) -> DecodeError:
    """Return an error with FFmpeg's text, without the numbers and names that PyAV adds to it."""
    subject = f"{name}: {place}" if place else name
    if isinstance(cause, MemoryError):
        return make_memory_error(f" while decoding {subject}")
    if cause is not None:
        text = getattr(cause, "strerror", None) or type(cause).__name__
        subject += f": {' '.join(str(text).split()).lower()}"
    return DecodeError(f"{kind} {subject}", kind)
