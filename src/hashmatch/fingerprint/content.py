"""Fingerprinting: every view hashed by every algorithm requested, from one decode."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from hashmatch.decode import HEAD_BYTES, check_decode, is_video, load_decoders
from hashmatch.errors import Attempt, DecodeError, attempt, make_memory_error
from hashmatch.fingerprint.contrast import stretch_contrast
from hashmatch.fingerprint.rendering import View, ViewOptions, render_views
from hashmatch.hashing import (
    OrientedCodes,
    OrientedHash,
    SegmentHash,
    get_algorithm,
    get_pixel_hash,
    load_algorithms,
)
from hashmatch.values import (
    Content,
    Fingerprint,
    Fingerprints,
    Media,
    MediaKind,
    quality_rank,
)
from hashmatch.views import AS_STORED, NEGATIVE, STRETCHED, join, region, segment
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
                Fingerprint(
                    *(name, "bytes", (AS_STORED,), digest.code[None], (None,), (None,)),
                    is_seen=(True,),
                )
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
    hashers = [_ViewHasher(name, options.views) for name in algorithms]
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

    def __init__(self, algorithm: str, kinds: Collection[str]) -> None:
        hasher = get_algorithm(algorithm)
        self.algorithm = algorithm
        self._hasher = hasher if isinstance(hasher, SegmentHash) else get_pixel_hash(algorithm)
        self._is_oriented = "orientations" in kinds
        self._is_stretched = "stretched" in kinds
        # An OrientedHash has a second quality instead.
        self._has_stretched_views = self._is_stretched and not isinstance(hasher, OrientedHash)
        self._has_negatives = "negative" in kinds and hasher.complements_negatives
        self._found: list[_HashedView] = []
        self._best_rank: dict[tuple[bytes, str, int, bool], int] = {}
        self._decode = ""
        self._is_complete = True
        self._error: DecodeError | None = None

    def add(self, view: View) -> None:
        """Hash a view, stretched as well if it is faint; only the first error is kept."""
        self._add(view)
        if self._has_stretched_views and self._hasher.consumes == "grey":
            pixels = stretch_contrast(view.grey)
            if pixels is not None:
                name = join(view.name, STRETCHED)
                self._add(replace(view, name=name, pixels=pixels, luma=None, is_seen=False))

    def _add(self, view: View) -> None:
        hashed = attempt(self._hash, view)
        if hashed.error is not None:
            self._error = self._error or hashed.error
            return
        words, found = hashed.unwrap()
        self._decode = self._decode or view.decode
        self._is_complete &= view.is_complete
        for word, code in zip(words, found.codes, strict=True):
            self._keep(view, found, code.tobytes(), join(view.name, word), is_seen=view.is_seen)
        for word, code in zip(words, ~found.codes, strict=True) if self._has_negatives else ():
            self._keep(view, found, code.tobytes(), join(view.name, NEGATIVE, word), is_seen=False)

    def _keep(
        self, view: View, found: OrientedCodes, code: bytes, name: str, *, is_seen: bool
    ) -> None:
        """Keep a view, unless an earlier one shares its code and every fact that rules ask about.

        A match then names the earlier view. A clearer one is kept, and one that is seen where the
        earlier is not, or is another part of its picture.
        """
        stretched = found.stretched_quality if self._is_stretched else None
        rank = quality_rank(found.quality, stretched)
        key = code, region(name), view.part, is_seen
        best = self._best_rank.get(key, -1)
        if view.is_first or rank > best:
            self._best_rank[key] = max(rank, best)
            place = view.timestamp_s, view.picture, view.part
            kept = _HashedView(name, code, found.quality, stretched, *place, is_seen)
            self._found.append(kept)

    def _hash(self, view: View) -> tuple[Sequence[str], OrientedCodes]:
        """Return the last part of each name, the codes, and the qualities that they share."""
        hasher = self._hasher
        if isinstance(hasher, OrientedHash) and view.luma is not None:
            found = hasher.hash_luma(
                view.luma.pixels, view.luma.gain, is_oriented=self._is_oriented
            )
            return hasher.orientations[: len(found.codes)], found
        pixels = view.pixels if hasher.consumes == "rgb" else view.grey
        if not isinstance(hasher, OrientedHash):  # which takes parts of pictures as they are
            pixels = np.ascontiguousarray(pixels)
        if isinstance(hasher, SegmentHash):
            codes = hasher.hash_segments(pixels)
            words = [segment(number) for number in range(1, len(codes) + 1)]
            return words, OrientedCodes(codes, None, None)
        if isinstance(hasher, OrientedHash):
            if not self._is_oriented:
                return (AS_STORED,), hasher.hash_luma(pixels, 1.0, is_oriented=False)
            tolerance_bits = 0
            if view.decode == "luma" and (drift := hasher.luma_drift):
                is_whole = view.name == AS_STORED
                tolerance_bits = drift.tolerance_bits if is_whole else drift.trimmed_tolerance_bits
            found = hasher.hash_orientations(pixels, tolerance_bits=tolerance_bits)
            return hasher.orientations, found
        code, quality = hasher.hash_pixels(pixels)
        return (AS_STORED,), OrientedCodes(code[None], quality, None)

    def result(self, error: DecodeError | None) -> Attempt[Fingerprint]:
        """Return the fingerprint, with the first error of a view, if any, else with `error`."""
        error = self._error or error
        if not self._found:
            return Attempt(error=error)
        views, codes, qualities, stretched, timestamps_s, pictures, parts, is_seen = zip(
            *self._found, strict=True
        )
        fingerprint = Fingerprint(
            algorithm=self.algorithm,
            decode=self._decode,
            views=views,
            codes=np.frombuffer(b"".join(codes), np.uint8).reshape(len(codes), -1),
            qualities=qualities,
            timestamps_s=timestamps_s,
            is_complete=self._is_complete and self._error is None,
            error=error,
            stretched_qualities=stretched,
            pictures=pictures,
            parts=parts,
            is_seen=is_seen,
        )
        return Attempt(fingerprint)


class _HashedView(NamedTuple):
    """The values of one view in a `Fingerprint`."""

    name: str
    code: bytes
    quality: int | None
    stretched_quality: int | None
    timestamp_s: float | None
    picture: int
    part: int
    is_seen: bool
