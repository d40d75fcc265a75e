"""Fingerprinting: every view hashed by every algorithm requested, from one decode."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode import HEAD_BYTES, check_decode, is_video, load_decoders
from hashmatch.errors import Attempt, DecodeError, attempt, make_memory_error
from hashmatch.fingerprint.rendering import View, ViewOptions, render_views
from hashmatch.hashing import (
    OrientedHash,
    SegmentHash,
    get_algorithm,
    get_pixel_hash,
    load_algorithms,
)
from hashmatch.values import Content, Fingerprint, Fingerprints, Media, MediaKind
from hashmatch.views import AS_STORED, join, segment
from hashmatch.workers import Executor, InlineExecutor, attempted, spread

DEFAULT_VIEWS = ViewOptions()

PixelAttempts = Mapping[str, Attempt[Fingerprint]]
"""Fingerprints of the pixels of one content, by algorithm."""

MediaExecutor = Executor[Attempt[tuple[Any, ...]], Attempt[PixelAttempts]]
"""Runs `fingerprint_media` over its arguments."""


def fingerprint_content(
    content: Content,
    algorithms: Iterable[str],
    *,
    decode: str = "exact",
    options: ViewOptions = DEFAULT_VIEWS,
) -> Fingerprints:
    """Hash every view of some content by several algorithms, from one decode.

    Errors are part of the result: if one algorithm fails, the others still give fingerprints, and
    content that is damaged after its first picture keeps the views that could be hashed.

    Parameters
    ----------
    content : Content
        A picture or video. Its digests are among the fingerprints.
    algorithms : iterable of str
        Registered names of hashes of pixels; if empty, nothing is decoded.
    decode, options
        As for `hash_image`; the views to hash, and limits on the content.

    Raises
    ------
    ValueError
        Unknown algorithm or `decode`.
    AlgorithmError
        An algorithm that cannot be used.

    Notes
    -----
    Safe to call from several threads. Memory: one picture or frame, about 250 bytes per view.
    """
    executor = InlineExecutor(attempted(spread(fingerprint_media)))
    (fingerprints,) = fingerprint_contents(
        [content], algorithms, decode=decode, options=options, executor=executor
    )
    return fingerprints


def fingerprint_contents(
    contents: Sequence[Content],
    algorithms: Iterable[str],
    *,
    decode: str,
    options: ViewOptions,
    executor: MediaExecutor,
) -> Iterator[Fingerprints]:
    """Yield what `fingerprint_content` returns for each content, in order.

    `executor` runs `fingerprint_media`, either in the calling thread or in child processes.
    """
    check_decode(decode)
    names = tuple(algorithms)

    def arguments_of(content: Content) -> Attempt[tuple[Any, ...]]:
        if content.media is None:
            return Attempt(error=content.error)
        phase = _sampling_phase(content.sha256, options.sampling_key)
        own = replace(options, sampling_key=None, video_phase=phase)
        return Attempt((content.media.source, content.media.kind, names, decode, own))

    hashed: Iterable[Attempt[PixelAttempts]] = repeat(Attempt({}), len(contents))
    if names:
        hashed = executor.map(map(arguments_of, contents))
    for content, pixels in zip(contents, hashed, strict=True):
        attempts: dict[str, Attempt[Fingerprint]] = {
            name: Attempt(
                Fingerprint(name, "bytes", (AS_STORED,), digest.code[None], (None,), (None,))
            )
            for name, digest in content.digests.items()
        }
        failed: PixelAttempts = dict.fromkeys(names, Attempt(error=pixels.error))
        attempts |= failed if pixels.value is None else pixels.value
        yield Fingerprints(content.content_id, content.sha256, attempts, content.error)


def _sampling_phase(sha256: str | None, key: str | None) -> float:
    """Return when the samples of a video begin, in shares of the interval, by its digest."""
    content = bytes.fromhex(sha256 or "")
    digest = hmac.digest(key.encode("utf-8"), content, "sha256") if key else content
    return int.from_bytes(digest[:4], "big") / 2**32


def identify_media(data: bytes) -> Media:
    """Return bytes as media: a video if they begin like one, else a picture."""
    return Media("video" if is_video(data[:HEAD_BYTES]) else "picture", data)


def fingerprint_media(
    source: bytes | str,
    kind: MediaKind,
    algorithms: Sequence[str],
    decode: str,
    options: ViewOptions,
) -> PixelAttempts:
    """Hash the pixels of `Media` by several algorithms; the task of a decoding process.

    DecodeError if nothing of the first picture can be decoded; other errors as in
    `fingerprint_content`. Pixels that are missing are an error next to the hashes of the rest.
    """
    is_oriented = "orientations" in options.views
    hashers = [_ViewHasher(name, is_oriented=is_oriented) for name in algorithms]
    error: DecodeError | None = None
    n_views = 0
    try:
        for view in render_views(Media(kind, source), options, decode=decode):
            for hasher in hashers:
                hasher.add(view)
            n_views += 1
            error = error or view.missing
            del view  # its pixels are not needed while the next one is made
    except DecodeError as failure:
        # Copied without the frames of its traceback.
        error = error or DecodeError(str(failure), failure.kind)
    except MemoryError:
        error = error or make_memory_error()
    if error is not None and n_views == 0:
        raise error
    return {hasher.algorithm: hasher.result(error) for hasher in hashers}


def prepare_to_fingerprint(algorithms: Iterable[str]) -> None:
    """Import everything `fingerprint_media` needs; missing packages are reported on first use."""
    load_algorithms(algorithms)
    load_decoders()


class _ViewHasher:
    """Collects the hashes of the views of one content by one algorithm."""

    def __init__(self, algorithm: str, *, is_oriented: bool) -> None:
        hasher = get_algorithm(algorithm)
        self.algorithm = algorithm
        self._hasher = hasher if isinstance(hasher, SegmentHash) else get_pixel_hash(algorithm)
        self._is_oriented = is_oriented
        self._views: list[str] = []
        self._codes = bytearray()
        self._qualities: list[int | None] = []
        self._timestamps_s: list[float | None] = []
        self._best_quality: dict[bytes, int] = {}
        self._decode = ""
        self._is_complete = True
        self._error: DecodeError | None = None

    def add(self, view: View) -> None:
        """Hash a view and add the result; only the first error is kept."""
        hashed = attempt(self._hash, view)
        if hashed.error is not None:
            self._error = self._error or hashed.error
            return
        words, codes, quality = hashed.unwrap()
        self._decode = self._decode or view.decode
        self._is_complete &= view.is_complete
        rank = -1 if quality is None else quality
        for word, code in zip(words, codes, strict=True):
            # If two views share a code, a match names the earlier, unless its quality is lower.
            key = code.tobytes()
            best = self._best_quality.get(key, -2)
            if not view.is_first and best >= rank:
                continue
            self._best_quality[key] = max(rank, best)
            self._views.append(join(view.name, word))
            self._codes += key
            self._qualities.append(quality)
            self._timestamps_s.append(view.timestamp_s)

    def _hash(self, view: View) -> tuple[Sequence[str], NDArray[np.uint8], int | None]:
        """Return the last part of each name, the codes, and the quality that they share."""
        hasher = self._hasher
        if isinstance(hasher, OrientedHash) and view.luma is not None:
            codes, quality = hasher.hash_luma(
                view.luma.pixels, view.luma.gain, is_oriented=self._is_oriented
            )
            return hasher.orientations[: len(codes)], codes, quality
        pixels = view.pixels if hasher.consumes == "rgb" else view.grey
        if not isinstance(hasher, OrientedHash):  # which takes parts of pictures as they are
            pixels = np.ascontiguousarray(pixels)
        if isinstance(hasher, SegmentHash):
            codes = hasher.hash_segments(pixels)
            return [segment(number) for number in range(1, len(codes) + 1)], codes, None
        if isinstance(hasher, OrientedHash) and self._is_oriented:
            tolerance_bits = 0
            if view.decode == "luma" and (drift := hasher.luma_drift):
                is_whole = view.name == AS_STORED
                tolerance_bits = drift.tolerance_bits if is_whole else drift.trimmed_tolerance_bits
            codes, quality = hasher.hash_orientations(pixels, tolerance_bits=tolerance_bits)
            return hasher.orientations, codes, quality
        code, quality = hasher.hash_pixels(pixels)
        return (AS_STORED,), code[None], quality

    def result(self, error: DecodeError | None) -> Attempt[Fingerprint]:
        """Return the fingerprint, with the first error of a view, if any, else with `error`."""
        error = self._error or error
        if not self._views:
            return Attempt(error=error)
        fingerprint = Fingerprint(
            algorithm=self.algorithm,
            decode=self._decode,
            views=tuple(self._views),
            codes=np.frombuffer(self._codes, np.uint8).reshape(len(self._views), -1),
            qualities=tuple(self._qualities),
            timestamps_s=tuple(self._timestamps_s),
            is_complete=self._is_complete and self._error is None,
            error=error,
        )
        return Attempt(fingerprint)
