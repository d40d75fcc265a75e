"""Opening of a video with PyAV (extra ``video``): its demuxer, its streams and their decoders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hashmatch.decode.limits import VideoLimits
from hashmatch.decode.video.containers import CODECS, Container
from hashmatch.decode.video.file import VideoFile
from hashmatch.errors import DecodeError, ErrorKind, make_memory_error

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

PROBE_BYTES = 64 << 20
"""Streams that begin later are not found, where the container does not list them."""

_BUFFER_BYTES = 256 * 1024
_PROBE_US = 86_400 * 10**6
_MOV_OPTIONS = {
    "enable_drefs": "0",
    "use_absolute_path": "0",
    # Edit lists hide frames, and chapters all but the first frame of a track: players differ.
    "ignore_editlist": "1",
    "ignore_chapters": "1",
}


def load_video_decoder() -> None:
    """Import PyAV, if it is installed, before the first video needs it."""
    with suppress(DecodeError):
        load_av()


def load_av() -> ModuleType:
    """Return the package PyAV; DecodeError if it is not installed."""
    try:
        import av  # noqa: PLC0415  (an extra, and slow to load)
    except ImportError:
        message = "video needs PyAV: install hashmatch[video], the extra video"
        raise DecodeError(message, ErrorKind.UNSUPPORTED) from None
    return av


@contextmanager
def open_container(
    file: VideoFile, accepted: Container, *, is_cut: bool
) -> Iterator[InputContainer]:
    """Open a file by the demuxer named; DecodeError if it is damaged."""
    options = {"format_whitelist": accepted.demuxer, "protocol_whitelist": "none"}
    if accepted.demuxer == "mov":
        options |= _MOV_OPTIONS
    elif accepted.streams_may_begin_late:
        options |= {"probesize": str(PROBE_BYTES), "analyzeduration": str(_PROBE_US)}
    try:
        # No `options`: before version 18, PyAV frees memory that it does not own where FFmpeg finds
        # streams late, as in MPEG-PS.
        container: Any = load_av().open(
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
        raise describe(accepted.name, "", error, kind) from error
    with container:
        if file.error is not None:
            raise file.error
        yield container


def list_streams(container: InputContainer) -> list[VideoStream]:
    """Return the moving streams, the default one first, then cover pictures."""
    default = load_av().stream.Disposition.default
    return sorted(
        container.streams.video,
        key=lambda stream: (is_cover(stream), not stream.disposition & default),
    )


def choose_stream(container: InputContainer, accepted: Container) -> VideoStream:
    """Return the moving stream marked as default, otherwise the first; DecodeError if none is."""
    streams = list_streams(container)
    if not streams or is_cover(streams[0]):
        detail = ": a cover picture only" if streams else ""
        raise DecodeError(f"no video in the {accepted.name}{detail}", ErrorKind.UNSUPPORTED)
    return streams[0]


def is_cover(stream: VideoStream) -> bool:
    """Return whether a stream is a single picture, such as the cover of an album."""
    return bool(stream.disposition & load_av().stream.Disposition.attached_pic)


def configure_decoder(
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


def describe(
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
