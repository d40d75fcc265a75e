"""WebP that is cut short or damaged: what libwebp makes of the data that is there."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hashmatch.decode.animation import MOST_FRAMES
from hashmatch.decode.damage import IRREPARABLE, make_missing_error, mark_lines, show_known
from hashmatch.decode.layers import Layer, Loader
from hashmatch.decode.pillow_frames import show_frames
from hashmatch.errors import DecodeError, ErrorKind

_HEAD_BYTES = 12
_CHUNK = struct.Struct("<4sI")
_PIXELS = (b"VP8 ", b"VP8L")
_MOST_CHUNKS = 1_000_000
_PROBE_BYTES = 16
_LEAST_BYTES, _MOST_BYTES = 1 << 22, 1 << 28
_BLOCK_PX, _FILTER_PX = 16, 8
_N_ATTEMPTS = 8


@dataclass(slots=True)
class WebP:
    """The chunks of a WebP: the ends of its whole frames, and the pixels of a still picture."""

    frame_ends: list[int]
    n_frames: int = 0
    pixels: tuple[int, int] | None = None
    is_cut: bool = False


def read_webp(data: bytes) -> WebP:
    """Read the chunks of a WebP, up to where the file ends."""
    webp = WebP([])
    at = _HEAD_BYTES
    for _ in range(_MOST_CHUNKS):
        if at + _CHUNK.size > len(data) or webp.n_frames == MOST_FRAMES:
            break
        name, size = _CHUNK.unpack_from(data, at)
        start = at + _CHUNK.size
        at = start + size + (size & 1)
        if name == b"ANMF":
            webp.n_frames += 1
            if at <= len(data):
                webp.frame_ends.append(at)
        elif name in _PIXELS and webp.pixels is None:
            webp.pixels = (start, start + size)
        webp.is_cut = start + size > len(data)
    stated = int.from_bytes(data[4:8], "little") + 8
    webp.is_cut |= stated > len(data)
    return webp


def show_webp(data: bytes, loader: Loader, *, alpha: bool, frames: bool) -> Iterator[Layer]:
    """Yield the first picture and, if `frames`, the other frames; damaged files as far as they go.

    DecodeError after the last of them also for frames that libwebp passes over.
    """
    webp = read_webp(data)
    n_seen = 0
    try:
        for layer in show_frames(data, loader, alpha=alpha, frames=frames):
            n_seen += 1
            yield layer
    except DecodeError as error:
        if n_seen or error.kind in IRREPARABLE:
            raise
        failure = error
    else:
        if webp.n_frames > n_seen:
            message = f"damaged WebP: {webp.n_frames} frames, {n_seen} are shown"
            raise DecodeError(message, ErrorKind.DAMAGED)
        return
    shorter = _cut_to_whole_frames(data, webp)
    if shorter is None or shorter == data:
        yield _rescue(data, webp, loader, failure)
        return
    yield from show_frames(shorter, loader, alpha=alpha, frames=frames)
    found = f"{len(webp.frame_ends)} frames are whole"
    raise DecodeError(f"truncated WebP: {found}", ErrorKind.TRUNCATED)


def _cut_to_whole_frames(data: bytes, webp: WebP) -> bytes | None:
    """Return an animation that ends with its last whole frame; None if there is none."""
    if not webp.frame_ends:
        return None
    end = webp.frame_ends[-1]
    return data[:4] + (end - 8).to_bytes(4, "little") + data[8:end]


def _rescue(data: bytes, webp: WebP, loader: Loader, error: DecodeError) -> Layer:
    """Decode a still picture as far as its data goes; raise `error` if that is nowhere.

    The rest of the data is replaced by zeros, which libwebp decodes to pixels of no meaning.  To
    find the line from which on it does, a little less of the data is decoded for comparison.
    """
    if webp.pixels is None:
        raise error
    start, end = webp.pixels
    kind = ErrorKind.TRUNCATED if end > len(data) else ErrorKind.DAMAGED
    low, high = start, min(end, len(data))
    found = None
    attempt_end = high
    # Cut data decodes as a whole; damaged data up to a point that bisection finds.
    for _ in range(_N_ATTEMPTS):
        picture = _load_start(data, start, end, attempt_end, loader)
        if picture is None:
            high = attempt_end
        else:
            found, low = picture, attempt_end
        if high - low <= _PROBE_BYTES or low == min(end, len(data)):
            break
        attempt_end = (low + high) // 2
    if found is None:
        raise error
    less = _load_start(data, start, end, max(start, low - _PROBE_BYTES), loader)
    n_lines = 0 if less is None else _count_equal_lines(found, less)
    if data[start - 8 : start - 4] == b"VP8 ":  # lossy: blocks from left to right, then filtered
        n_lines = max(0, n_lines // _BLOCK_PX * _BLOCK_PX - _FILTER_PX)
    if n_lines == 0:
        raise error
    height, width = found.rgb.shape[:2]
    missing = make_missing_error("WebP", kind, n_lines / height)
    return show_known(found.rgb, found.alpha, mark_lines(width, height, slice(n_lines)), missing)


def _load_start(data: bytes, start: int, end: int, stop: int, loader: Loader) -> Layer | None:
    """Decode a picture of whose pixels the data up to `stop` is kept."""
    # A picture can state any size; zeros far beyond its pixels are never read.
    size = min(end - start, max(_LEAST_BYTES, 4 * len(data)), _MOST_BYTES)
    size += size & 1
    head = data[: start - 4] + size.to_bytes(4, "little")
    body = data[start:stop].ljust(size, b"\0")
    whole = head + body
    try:
        return loader.load_first(
            whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:], alpha=True
        )
    except DecodeError:
        return None


def _count_equal_lines(one: Layer, other: Layer) -> int:
    equal = (one.rgb == other.rgb).all(axis=(1, 2))
    if one.alpha is not None and other.alpha is not None:
        equal &= (one.alpha == other.alpha).all(axis=1)
    return len(equal) if equal.all() else int(np.argmin(equal))
