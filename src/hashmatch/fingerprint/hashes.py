"""Hashes of a picture, its segments, a video or the bytes of a file, without further views."""

from __future__ import annotations

import os
from array import array
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import numpy as np

from hashmatch.decode import (
    DEFAULT_LIMITS,
    DEFAULT_VIDEO_LIMITS,
    DecodeLimits,
    VideoLimits,
    VideoSource,
    check_decode,
    open_video,
)
from hashmatch.errors import DecodeError
from hashmatch.fingerprint.source import ByteSource, Source, pixels_of, read_source_blocks
from hashmatch.hashing import (
    DIGESTS,
    Digest,
    PixelHash,
    Pixels,
    SegmentHash,
    digest_blocks,
    get_algorithm,
    get_pixel_hash,
    grey_of,
    pdq,
)
from hashmatch.values import Hash, VideoHash

_DIGEST_NAMES = tuple(digest.name for digest in DIGESTS)


def hash_image(
    source: Source,
    algorithm: str = "pdq",
    decode: str = "exact",
    *,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Hash:
    """Hash one picture as it is stored.

    Parameters
    ----------
    source : path, bytes-like, binary file, PIL.Image, or ndarray of uint8
        A str is a path. An open file is read from its current position and stays open. An array
        is RGB (H, W, 3) or luma (H, W).
    algorithm : str
        Registered name of a hash of whole pictures: ``"pdq"``, ``"phash"``, ``"dhash"``,
        ``"ahash"``, ``"whash"``, or that of a plug-in.
    decode : {"exact", "luma"}
        ``"exact"``: RGB, then float luma, bit-equal to the reference implementations.
        ``"luma"``: from the Y plane of a JPEG, faster, but with a few bits different; other sources
        are decoded exactly.
    limits : DecodeLimits
        Limits on encoded files.

    Raises
    ------
    DecodeError
        The content cannot be read or decoded; `hashmatch.decode` says what is accepted.
    TypeError
        `source` is of no accepted type.
    ValueError
        Unknown `algorithm` or `decode`, an algorithm that does not hash whole pictures, or an array
        of the wrong dtype or shape.
    AlgorithmError
        A plug-in that cannot be used.

    Notes
    -----
    Safe to call from several threads. Decoding is most of the cost.
    """
    with _naming(source):
        return compute_hash(source, algorithm, decode, limits=limits)


def hash_segments(
    source: Source,
    algorithm: str = "crop-resistant",
    decode: str = "exact",
    *,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> tuple[Hash, ...]:
    """Hash the segments of one picture, at least one, so that a crop of it can be recognised.

    In a list, each segment is a row, and all rows have the same entry id. `algorithm` is the
    registered name of a hash of segments; the other parameters and errors are those of
    `hash_image`, and AlgorithmError also means that the package that computes it is not installed.
    """
    with _naming(source):
        return compute_segments(source, algorithm, decode, limits=limits)


def compute_hash(source: Source, algorithm: str, decode: str, *, limits: DecodeLimits) -> Hash:
    """Return what `hash_image` does, for callers that name the source themselves in an error."""
    hasher = get_pixel_hash(algorithm)
    return Hash(algorithm, *hasher.hash_pixels(_pixels_for(hasher, source, decode, limits)))


def compute_segments(
    source: Source, algorithm: str, decode: str, *, limits: DecodeLimits
) -> tuple[Hash, ...]:
    """Return what `hash_segments` does, for callers that name the source themselves in an error."""
    hasher = get_algorithm(algorithm)
    if not isinstance(hasher, SegmentHash):
        raise ValueError(f"{algorithm} does not hash segments")
    codes = hasher.hash_segments(_pixels_for(hasher, source, decode, limits))
    return tuple(Hash(algorithm, code, None) for code in codes)


@contextmanager
def _naming(source: object) -> Iterator[None]:
    """Let a DecodeError in the ``with`` block name the file, if the source is a path."""
    try:
        yield
    except DecodeError as error:
        if not isinstance(source, str | os.PathLike):
            raise
        raise DecodeError(f"{os.fsdecode(source)}: {error}", error.kind) from None


def _pixels_for(
    hasher: PixelHash | SegmentHash, source: Source, decode: str, limits: DecodeLimits
) -> Pixels:
    check_decode(decode)
    pixels = pixels_of(source, decode=decode, limits=limits)
    return pixels if hasher.consumes == "rgb" else grey_of(pixels)


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
        Decode only keyframes, in a fraction of the time, and choose among them. Their number
        depends on the encoder: often one every few seconds, sometimes only one in total.
    limits : VideoLimits
        Bounds on the video.

    Returns
    -------
    VideoHash
        With `error` and `error_kind` set if the video is damaged or truncated or exceeds a limit:
        it then holds the frames that could be hashed, which says nothing about the rest.

    Raises
    ------
    DecodeError
        No frame can be decoded: not a video, empty, damaged or too large; or the extra ``video``
        (PyAV) is missing.
    ValueError
        `interval_s` is negative or not a number.

    Notes
    -----
    A frame is hashed from its luma plane as it comes from the decoder, as stored: not turned by the
    rotation the file may ask for, nor scaled to square pixels. vPDQ's reference converts to RGB
    first, which rounds: its hashes differ by a few bits, but its qualities hardly at all. Luma of
    16..235 is accounted for in the quality; the hash does not depend on it.

    Every frame is decoded, on one thread, to find those to hash, so the result is the same
    everywhere. Memory: 49 bytes per hashed frame, and what the decoder needs. Safe to call from
    several threads.
    """
    codes = bytearray()
    qualities, numbers, timestamps_s = array("B"), array("q"), array("d")
    with _naming(path):
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


def digests(source: ByteSource, algorithms: Collection[str] = _DIGEST_NAMES) -> dict[str, Hash]:
    """Compute digests of the bytes of a file of any type in one read; return them by name.

    Parameters
    ----------
    source : path, bytes-like or binary file
        A str is a path. A path must be that of a regular file, which is read in blocks. An open
        file is read from its current position and stays open.
    algorithms : collection of str
        Of ``"md5"``, ``"sha1"`` and ``"sha256"``, in the order wanted; all of them unless given.

    Raises
    ------
    DecodeError
        The file cannot be read.
    TypeError
        `source` is of no accepted type.
    ValueError
        One of `algorithms` is unknown or not a digest.

    Notes
    -----
    Safe to call from several threads; releases the GIL. Memory is bounded unless `source` is bytes.
    """
    with _naming(source):
        return compute_digests(source, algorithms)


def compute_digests(source: ByteSource, algorithms: Collection[str]) -> dict[str, Hash]:
    """Return what `digests` does, for callers that name the source themselves in an error."""
    chosen = [_get_digest(name) for name in algorithms]
    codes = digest_blocks(read_source_blocks(source), chosen)
    return {name: Hash(name, code, None) for name, code in codes.items()}


def _get_digest(name: str) -> Digest:
    algorithm = get_algorithm(name)
    if not isinstance(algorithm, Digest):
        raise ValueError(f"{name} is not a digest; digests are {', '.join(_DIGEST_NAMES)}")
    return algorithm
