"""`Content`, read but not yet decoded, and its fingerprints: the hashes of all its views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hashmatch.errors import Attempt, DecodeError
from hashmatch.values.hash import Hash

MediaKind = Literal["picture", "video"]


@dataclass(frozen=True, slots=True)
class Media:
    """The encoded bytes of a picture or video, or the path to them.

    `kind` says how to decode it: anything that does not begin like a video is a picture, or not
    media at all. `source` is the whole file, or the absolute path of one read during decoding.
    """

    kind: MediaKind
    source: bytes | str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """One thing that was uploaded.

    `content_id` is the caller's name for it. `sha256` is the hash of its bytes, in hex, and
    `digests` maps names to the requested digests; None and empty if the bytes are unreadable.
    `error` says why not all of it could be read. `media` is what can be decoded, or None.
    """

    content_id: str
    sha256: str | None = None
    digests: Mapping[str, Hash] = field(default_factory=dict)
    media: Media | None = None
    error: DecodeError | None = None


BEST_RANK = 101
"""Rank of a view without a quality, which passes every limit on quality."""


def quality_rank(quality: int | None, stretched_quality: int | None) -> int:
    """Return the quality that rules read of a view: the better of both, or `BEST_RANK`."""
    return BEST_RANK if quality is None else max(quality, stretched_quality or 0)


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """The hashes of every view of one content by one algorithm; ValueError if lengths do not fit.

    Parameters
    ----------
    algorithm : str
        Registered name, such as ``"pdq"``.
    decode : str
        How the pixels were obtained: ``"exact"`` or ``"luma"``; ``"video"``: from the luma of video
        frames; ``"bytes"``: a digest, which needs no pixels; ``"given"``: hashed elsewhere.
    views : tuple of str, length v
        Names of the views; the picture as stored comes first, unless it could not be hashed.
    codes : ndarray of uint8, shape (v, bits / 8)
        One code per view; read-only, in pickled and copied values, too.
    qualities : tuple of int or None, length v
        0..100; None if the algorithm has no such measure.
    timestamps_s : tuple of float or None, length v
        Time of the frame in seconds; None for a still picture, and for the first frame of an
        animation.
    is_complete : bool
        False if exact decoding may produce other views: the picture was decoded as luma and has a
        border, which may lie elsewhere in its exact pixels.
    error : DecodeError or None
        Why some views, frames or pages are missing; None if none are.
    stretched_qualities : tuple of int or None, length v
        `qualities` with the contrast stretched where the picture is faint; None where unknown, as
        all are if not given.
    pictures : tuple of int, length v
        Numbers of the pictures in the content that the views were made from; if not given, they
        were all made from one.
    parts : tuple of int, length v
        Numbers of the parts of a picture that ``trimmed`` views show, from 1; 0 for the whole. If
        not given, all show the whole.
    is_seen : tuple of bool, length v
        False where no person sees the view: colours hidden by transparency, a negative. If not
        given, none is known to be seen, so that no match is suppressed because of one.
    """

    algorithm: str
    decode: str
    views: tuple[str, ...]
    codes: NDArray[np.uint8] = field(repr=False)
    qualities: tuple[int | None, ...]
    timestamps_s: tuple[float | None, ...]
    is_complete: bool = True
    error: DecodeError | None = None
    stretched_qualities: tuple[int | None, ...] = ()
    pictures: tuple[int, ...] = ()
    parts: tuple[int, ...] = ()
    is_seen: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        codes = np.array(self.codes, dtype=np.uint8, order="C")
        unknown = {"stretched_qualities": None, "pictures": 0, "parts": 0, "is_seen": False}
        for name, value in unknown.items():
            if not getattr(self, name):
                object.__setattr__(self, name, (value,) * len(codes))
        per_view = ("views", "qualities", "timestamps_s", *unknown)
        lengths = {len(getattr(self, name)) for name in per_view}
        if codes.ndim != 2 or lengths != {len(codes)}:
            raise ValueError(f"codes {codes.shape} do not fit {len(self.views)} views")
        codes.setflags(write=False)
        object.__setattr__(self, "codes", codes)

    def __reduce__(self) -> tuple[type[Fingerprint], tuple[Any, ...]]:
        return Fingerprint, tuple(getattr(self, field.name) for field in fields(self))

    @property
    def quality(self) -> int | None:
        """Quality of the first view."""
        return self.qualities[0]


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The hashes of one item by every requested algorithm, or the reason why there are none.

    `content_id` and `sha256` are those of the content, None if only hashes were given. `attempts`
    maps each algorithm, digests included, to its fingerprint, in the order requested. `read_error`
    says why the content could not be read at all or to its end.
    """

    content_id: str
    sha256: str | None
    attempts: Mapping[str, Attempt[Fingerprint]]
    read_error: DecodeError | None = None

    def __iter__(self) -> Iterator[Fingerprint]:
        """Iterate over the fingerprints that could be made."""
        return (found.value for found in self.attempts.values() if found.value is not None)

    def get(self, algorithm: str) -> Fingerprint | None:
        """Return the fingerprint by an algorithm, None if there is none."""
        found = self.attempts.get(algorithm)
        return None if found is None else found.value

    @property
    def error(self) -> DecodeError | None:
        """The first reason why part of the content is missing; None if nothing is missing."""
        found = self.attempts.values()
        errors = (each.error or (each.value.error if each.value else None) for each in found)
        return self.read_error or next(filter(None, errors), None)
