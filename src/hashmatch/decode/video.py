"""Decode the frames of a video with PyAV (extra ``video``), one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hashmatch.decode.limits import DEFAULT_VIDEO_LIMITS, VideoLimits
from hashmatch.decode.video_clock import FrameClock, Sampler, check_interval
from hashmatch.decode.video_extent import ends_early
from hashmatch.decode.video_file import VideoFile, VideoSource, open_video_file
from hashmatch.decode.video_formats import CODECS, HEAD_BYTES, Container, identify_video
from hashmatch.decode.video_luma import Luma, luma_of
from hashmatch.errors import DecodeError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_BUFFER_BYTES = 256 * 1024
_MICROSECOND = Fraction(1, 1_000_000)  # FFmpeg's own unit, where a stream has none


@dataclass(frozen=True, slots=True, eq=False)
class StoredFrame:
    """One frame as it is stored: neither turned nor scaled to the shape of its pixels.

    `number` counts the decoded frames from 0, `timestamp_s` the seconds since the first of them.
    """

    number: int
    timestamp_s: float
    luma: Luma


class StoredFrames:
    """The frames of an open video, decoded while they are iterated over, once.

    Afterwards `fault` says in one line what is wrong with the video, None where nothing is: it was
    then decoded to its end, and every packet of it. `n_decoded` is the number of frames decoded.
    """

    def __init__(
        self,
        file: VideoFile,
        packets: Iterator[Packet[VideoStream]],
        stream: VideoStream,
        *,
        name: str,
        interval_s: float,
        limits: VideoLimits,
        is_cut: bool,
    ) -> None:
        self._file = file
        self._packets = packets
        self._stream = stream
        self._name = name
        self._interval_s = interval_s
        self._limits = limits
        self._stopped: str | None = None
        self._first_damage: str | None = None
        self._is_cut = is_cut
        self.n_decoded = 0

    @property
    def fault(self) -> str | None:
        """What is wrong, gravest first."""
        cut = f"truncated {self._name}: the file should be longer" if self._is_cut else None
        return self._file.fault or self._stopped or cut or self._first_damage

    def __iter__(self) -> Iterator[StoredFrame]:
        """Yield the chosen frames in order; no exception but for those of the caller."""
        time_base = self._stream.time_base or _MICROSECOND
        clock = FrameClock(time_base, self._stream.average_rate)
        sampler = Sampler(self._interval_s, time_base)
        for frame in self._decoded():
            if self._file.is_late():
                return
            ticks = clock.tick(frame.pts)
            timestamp_s = float(ticks * time_base)
            self._stopped = self._exceeded(frame, timestamp_s)
            if self._stopped is not None:
                return
            number, self.n_decoded = self.n_decoded, self.n_decoded + 1
            if frame.is_corrupt:
                self._damaged(f"frame {number} is damaged")
            if sampler.is_due(ticks):
                luma = self._luma(frame, number)
                if luma is not None:
                    yield StoredFrame(number, timestamp_s, luma)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Yield every frame that can be decoded; what is damaged is noted and passed over."""
        errors = (_av().FFmpegError, MemoryError)
        n_packets = 0
        while True:
            try:
                packet = next(self._packets, None)
            except errors as error:
                self._damaged(f"after packet {n_packets}: {_words(error)}")
                return
            if packet is None:
                return
            n_packets += 1
            if packet.is_corrupt:
                self._damaged(f"packet {n_packets} is cut short or corrupt")
            try:
                frames = packet.decode()
            except EOFError:  # a decoder that was drained already
                continue
            except errors as error:
                self._damaged(f"packet {n_packets}: {_words(error)}")
                continue
            yield from frames

    def _luma(self, frame: av.VideoFrame, number: int) -> Luma | None:
        try:
            return luma_of(frame)
        except (_av().FFmpegError, MemoryError, ValueError) as error:
            self._damaged(f"frame {number} of {frame.format.name}: {_words(error)}")
            return None

    def _damaged(self, what: str) -> None:
        if self._first_damage is None:
            self._first_damage = f"damaged {self._name}: {what}"

    def _exceeded(self, frame: av.VideoFrame, timestamp_s: float) -> str | None:
        limits = self._limits
        if self.n_decoded >= limits.max_frames:
            return f"too many frames: more than {limits.max_frames}"
        if timestamp_s > limits.max_duration_s:
            return f"too long: more than {limits.max_duration_s:g} s"
        if frame.width * frame.height > limits.max_pixels:
            return _too_many_pixels(frame.width, frame.height, limits)
        return None


@contextmanager
def open_video(
    source: VideoSource,
    *,
    interval_s: float = 1.0,
    keyframes_only: bool = False,
    limits: VideoLimits = DEFAULT_VIDEO_LIMITS,
) -> Iterator[StoredFrames]:
    """Open a video and give its frames.

    Parameters
    ----------
    source : path or bytes-like
        A str is a path. The file is read as it goes.
    interval_s : float
        For each k = 0, 1, 2, ... the first frame at or after k times this is given; 0 gives all.
    keyframes_only : bool
        Decode keyframes alone, and choose among them.
    limits : VideoLimits
        Bounds on the video.

    Raises
    ------
    DecodeError
        PyAV is not installed; the file cannot be read; or it holds no video that is accepted. What
        goes wrong later is told by the frames' `fault`.
    ValueError
        `interval_s` is negative or not a number.
    TypeError
        `source` is of no accepted type.

    Notes
    -----
    Of several video streams the one is taken that the file marks as its default, else the first;
    cover pictures do not count. Decoding takes one thread: what a decoder makes of damaged frames
    may depend on how many it has. Safe to call from several threads; PyAV releases the GIL while it
    decodes.
    """
    check_interval(interval_s)
    _av()
    with open_video_file(source, limits) as file:
        head = file.read_at(0, HEAD_BYTES)
        file.raise_fault()
        accepted = identify_video(head)
        is_cut = ends_early(accepted, file.read_at, file.size_bytes)
        file.raise_fault()
        file.seek(0)
        with _opened(file, accepted, limits, is_cut=is_cut) as container:
            stream = _video_stream(container, accepted)
            _prepare(stream, accepted, limits, keyframes_only=keyframes_only)
            yield StoredFrames(
                file,
                container.demux(stream),
                stream,
                name=accepted.name,
                interval_s=interval_s,
                limits=limits,
                is_cut=is_cut,
            )


def load_video_decoder() -> None:
    """Load PyAV, where it is installed, before the first video asks for it."""
    with suppress(DecodeError):
        _av()


def _av() -> ModuleType:
    try:
        import av  # noqa: PLC0415  (an extra, and slow to load)
    except ImportError:
        raise DecodeError("video needs PyAV: install hashmatch[video], the extra video") from None
    return av


@contextmanager
def _opened(
    file: VideoFile, accepted: Container, limits: VideoLimits, *, is_cut: bool
) -> Iterator[InputContainer]:
    options = {"format_whitelist": accepted.demuxer, "protocol_whitelist": "none"}
    if accepted.demuxer == "mov":
        options |= {"enable_drefs": "0", "use_absolute_path": "0"}
    try:
        # No `options`: before version 18, PyAV frees memory that it does not own where FFmpeg finds
        # streams late, as in MPEG-PS.
        container: Any = _av().open(
            file,
            format=accepted.demuxer,
            container_options=options,
            buffer_size=_BUFFER_BYTES,
            metadata_errors="replace",
        )
    # PyAV raises its own errors, and those of Python for what it makes of metadata.
    except Exception as error:
        word = "truncated" if is_cut or isinstance(error, EOFError) else "damaged"
        reason = file.fault or f"{word} {accepted.name}: {_words(error)}"
        raise DecodeError(reason) from error
    with container:
        file.raise_fault()
        yield container


def _video_stream(container: InputContainer, accepted: Container) -> VideoStream:
    disposition = _av().stream.Disposition
    streams = container.streams.video
    moving = [one for one in streams if not one.disposition & disposition.attached_pic]
    if not moving:
        but = ": a cover picture only" if streams else ""
        raise DecodeError(f"no video in the {accepted.name}{but}")
    return next((one for one in moving if one.disposition & disposition.default), moving[0])


def _prepare(
    stream: VideoStream, accepted: Container, limits: VideoLimits, *, keyframes_only: bool
) -> None:
    """Check the codec against the allow-list and tell it what to do, before it is opened."""
    codec: Any = stream.codec_context
    if codec is None:
        raise DecodeError(f"unsupported {accepted.name}: this FFmpeg has no decoder for its video")
    name = codec.codec.canonical_name
    if name not in CODECS:
        raise DecodeError(f"unsupported {accepted.name}: video of codec {name} is not accepted")
    if codec.width * codec.height > limits.max_pixels:
        raise DecodeError(_too_many_pixels(codec.width, codec.height, limits))
    codec.options = {"max_pixels": str(_decoder_pixels(limits))}
    codec.thread_count = 1
    if keyframes_only:
        codec.skip_frame = "NONKEY"


def _decoder_pixels(limits: VideoLimits) -> int:
    """Return what decoders are to refuse; they count rows filled up to 64 px."""
    return min(2 * limits.max_pixels + (1 << 20), (1 << 31) - 1)


def _too_many_pixels(width_px: int, height_px: int, limits: VideoLimits) -> str:
    return f"too many pixels: frames of {width_px} x {height_px}, limit {limits.max_pixels}"


def _words(error: BaseException) -> str:
    """Return what FFmpeg calls it, without the numbers and names that PyAV puts around that."""
    if isinstance(error, MemoryError):
        return "out of memory"
    words = getattr(error, "strerror", None) or type(error).__name__
    return " ".join(str(words).split()).lower()
