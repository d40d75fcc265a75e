"""Fingerprint contents: every view of one, hashed by every algorithm asked for, from one decode."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode import (
    DEFAULT_LIMITS,
    DecodeLimits,
    check_decode,
    load_video_decoder,
)
from hashmatch.errors import DecodeError, attempt
from hashmatch.fingerprint.image import Picture
from hashmatch.fingerprint.views import Looking, View, name_of, views_of
from hashmatch.hashing import (
    get_algorithm,
    get_pixel_hash,
    is_luma_hash,
    is_oriented_hash,
    is_segment_hash,
    load_algorithms,
)
from hashmatch.values import AS_STORED, VIEW_KINDS, Hash

LUMA_TOLERANCE_BITS = 8
"""What a fingerprint of luma may be off, beside what its pixels are: it is to find candidates, so
rounding is not settled where it concerns a few bits."""

TRIMMED_TOLERANCE_BITS = 4
"""The same of what was trimmed, which may be a line off as well."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """The hashes of every view of one content.

    Parameters
    ----------
    views : tuple of str, length v
        What was looked at, the picture as stored first.
    codes : ndarray of uint8, shape (v, bits / 8)
        One code per view; read-only.
    qualities : tuple of int or None, length v
        0..100; None where the algorithm has no such measure.
    algorithm : str
        Registered name, such as ``"pdq"``.
    decode : str
        ``"exact"`` or ``"luma"``: how the pixels were obtained; ``"video"``: they are the luma of
        its frames; ``"bytes"`` of a digest, which needs none.
    timestamps_s : tuple of float or None, length v
        Time of the frame in seconds; None for a still picture, and for the first frame of an
        animation.
    sure : bool
        Whether the views that the exact decode gives are all among these, which has to be asked of
        luma only: a border that shows in the luma plane of a JPEG may not quite be one in its exact
        pixels, or the other way round.  Views of luma named ``trimmed`` are all it may have.
    error : str or None
        Why the frames or pages after those looked at could not be; None where nothing is missing.
    """

    views: tuple[str, ...]
    codes: NDArray[np.uint8]
    qualities: tuple[int | None, ...]
    algorithm: str
    decode: str
    timestamps_s: tuple[float | None, ...]
    sure: bool = True
    error: str | None = None

    def __post_init__(self) -> None:
        codes = np.array(self.codes, dtype=np.uint8, order="C")
        lengths = {len(self.views), len(self.qualities), len(self.timestamps_s)}
        if codes.ndim != 2 or lengths != {len(codes)}:
            raise ValueError(f"codes {codes.shape} do not fit {len(self.views)} views")
        codes.setflags(write=False)
        object.__setattr__(self, "codes", codes)

    @property
    def quality(self) -> int | None:
        """Quality of the picture as stored."""
        return self.qualities[0]


def fingerprint_image(
    data: bytes,
    *,
    algorithm: str = "pdq",
    decode: str = "exact",
    limits: DecodeLimits = DEFAULT_LIMITS,
    views: Collection[str] = VIEW_KINDS,
) -> Fingerprint:
    """Hash one content in every way of looking at it, from one decode.

    Parameters
    ----------
    data : bytes
        The whole file.
    algorithm : str
        Registered name of a hash of pixels.
    decode : {"exact", "luma"}
        See `hash_image`.
    limits : DecodeLimits
        Bounds on the content.
    views : collection of str
        Kinds of views beside ``"as_stored"``, any of `hashmatch.values.VIEW_KINDS`.

    Returns
    -------
    Fingerprint
        ``"as_stored"`` first.  A frame or page that looks the same as an earlier view is left out.

    Raises
    ------
    DecodeError
        The content cannot be decoded, to its last frame or page where ``"frames"`` are looked at.
    ValueError
        Unknown `algorithm`, `decode` or view.
    AlgorithmError
        An algorithm that cannot be used.

    Notes
    -----
    Safe to call from several threads.  Memory is that of one picture, whatever the number of
    frames.
    """
    made = fingerprint_each(data, (algorithm,), decode, Looking(views, limits))[algorithm]
    if isinstance(made, DecodeError):
        raise made
    if made.error is not None:
        raise DecodeError(made.error)
    return made


def fingerprint_each(
    source: bytes | str, algorithms: Iterable[str], decode: str, looking: Looking
) -> dict[str, Fingerprint | DecodeError]:
    """Hash one content as `fingerprint_image` does, by several algorithms and as far as it goes.

    `source` is the bytes, or the path of a video; memory is that of one picture or frame and some
    250 bytes a view. Where one of the algorithms cannot hash a view, its error stands beside what
    the others make of it. Of a content that is damaged after its first picture the views before
    that stand, with the `error`.

    Raises
    ------
    DecodeError
        The first picture cannot be decoded.
    ValueError, AlgorithmError
        As `fingerprint_image`.
    """
    check_decode(decode)
    collected = {name: _Collected(name) for name in algorithms}
    is_oriented = "orientations" in looking.views
    error: str | None = None
    n_views = 0
    try:
        for view in views_of(source, looking, decode=decode):
            picture = Picture(view.pixels, view.decode)
            for one in collected.values():
                one.add(view, picture, is_oriented=is_oriented)
            n_views += 1
    except (DecodeError, MemoryError) as found:
        if n_views == 0:
            raise
        error = str(found) if isinstance(found, DecodeError) else "out of memory"
    return {name: one.result(error) for name, one in collected.items()}


def prepare_to_fingerprint(algorithms: Iterable[str]) -> None:
    """Import what `fingerprint_each` will need; what cannot be had is told when it is needed."""
    load_algorithms(algorithms)
    load_video_decoder()


def fingerprint_digest(digest: Hash) -> Fingerprint:
    """Return a digest of a content as its one view."""
    return Fingerprint(
        views=(AS_STORED,),
        codes=digest.code[None, :],
        qualities=(None,),
        algorithm=digest.algorithm,
        decode="bytes",
        timestamps_s=(None,),
    )


class _Collected:
    """The hashes that one algorithm gives of the views so far."""

    def __init__(self, algorithm: str) -> None:
        self._algorithm = algorithm
        self._hasher = get_algorithm(algorithm)
        if not is_segment_hash(self._hasher):
            self._hasher = get_pixel_hash(algorithm)
        self._views: list[str] = []
        self._codes = bytearray()
        self._qualities: list[int | None] = []
        self._timestamps_s: list[float | None] = []
        self._seen: dict[bytes, int] = {}
        self._decode = ""
        self._sure = True
        self._failed: DecodeError | None = None

    def add(self, view: View, picture: Picture, *, is_oriented: bool) -> None:
        """Hash a view; what goes wrong is kept, and then no other is hashed."""
        if self._failed is not None:
            return
        made = attempt(self._hashed, view, picture, is_oriented)
        if made.error is not None:
            self._failed = made.error
            return
        words, codes, quality = made.unwrap()
        self._decode = self._decode or view.decode
        self._sure &= view.sure
        for word, code in zip(words, codes, strict=True):
            # Of two views with one code the earlier is what a match names, unless it is the poorer.
            key, grade = code.tobytes(), -1 if quality is None else quality
            if not view.is_first and self._seen.get(key, -2) >= grade:
                continue
            self._seen[key] = max(grade, self._seen.get(key, grade))
            self._views.append(name_of(view.name, word))
            self._codes += key
            self._qualities.append(quality)
            self._timestamps_s.append(view.timestamp_s)

    def _hashed(
        self, view: View, picture: Picture, is_oriented: bool
    ) -> tuple[Sequence[str], NDArray[np.uint8], int | None]:
        hasher = self._hasher
        if is_segment_hash(hasher):
            codes = hasher.hash_segments(picture.for_algorithm(hasher))
            return [f"segment_{number}" for number in range(1, len(codes) + 1)], codes, None
        if view.luma is not None and is_luma_hash(hasher):
            codes, quality = hasher.hash_luma(
                view.luma.pixels, view.luma.gain, is_oriented=is_oriented
            )
            return hasher.orientations[: len(codes)], codes, quality
        if is_oriented and is_oriented_hash(hasher):
            tolerance_bits = 0
            if picture.decode == "luma":
                is_whole = view.name == AS_STORED
                tolerance_bits = LUMA_TOLERANCE_BITS if is_whole else TRIMMED_TOLERANCE_BITS
            codes, quality = hasher.hash_orientations(
                picture.for_algorithm(hasher), tolerance_bits=tolerance_bits
            )
            return hasher.orientations, codes, quality
        whole = get_pixel_hash(self._algorithm)
        code, quality = whole.hash_pixels(picture.for_algorithm(whole))
        return (AS_STORED,), code[None, :], quality

    def result(self, error: str | None) -> Fingerprint | DecodeError:
        """Return the fingerprint, or what made it impossible."""
        if self._failed is not None:
            return self._failed
        return Fingerprint(
            views=tuple(self._views),
            codes=np.frombuffer(self._codes, np.uint8).reshape(len(self._views), -1),
            qualities=tuple(self._qualities),
            algorithm=self._algorithm,
            decode=self._decode,
            timestamps_s=tuple(self._timestamps_s),
            sure=self._sure,
            error=error,
        )
