"""Fingerprints: the hashes of all views of a content, by every algorithm asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch.errors import Attempt, DecodeError


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """The hashes of every view of one content by one algorithm.

    Parameters
    ----------
    algorithm : str
        Registered name, such as ``"pdq"``.
    decode : str
        How the pixels were obtained: ``"exact"`` or ``"luma"``; ``"video"``: from the luma of its
        frames; ``"bytes"``: a digest, which needs none; ``"given"``: elsewhere.
    views : tuple of str, length v
        Names of the views, the picture as stored first.
    codes : ndarray of uint8, shape (v, bits / 8)
        One code per view; read-only, in pickled and copied values, too.
    qualities : tuple of int or None, length v
        0..100; None if the algorithm has no such measure.
    timestamps_s : tuple of float or None, length v
        Time of the frame in seconds; None for a still picture, and for the first frame of an
        animation.
    is_complete : bool
        True if no view that exact decoding would produce is missing; only luma decoding can miss
        one: a border in the luma plane of a JPEG may not quite be one in its exact pixels, or the
        other way round. Views of luma named ``trimmed`` are all those that may exist.
    error : DecodeError or None
        Why frames or pages after those hashed are missing; None if none are.

    Raises
    ------
    ValueError
        Lengths that do not fit.
    """

    algorithm: str
    decode: str
    views: tuple[str, ...]
    codes: NDArray[np.uint8]
    qualities: tuple[int | None, ...]
    timestamps_s: tuple[float | None, ...]
    is_complete: bool = True
    error: DecodeError | None = None

    def __post_init__(self) -> None:
        codes = np.array(self.codes, dtype=np.uint8, order="C")
        lengths = {len(self.views), len(self.qualities), len(self.timestamps_s)}
        if codes.ndim != 2 or lengths != {len(codes)}:
            raise ValueError(f"codes {codes.shape} do not fit {len(self.views)} views")
        codes.setflags(write=False)
        object.__setattr__(self, "codes", codes)

    def __reduce__(self) -> tuple[type[Fingerprint], tuple[Any, ...]]:
        return Fingerprint, tuple(getattr(self, field.name) for field in fields(self))

    @property
    def quality(self) -> int | None:
        """Quality of the picture as stored."""
        return self.qualities[0]


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The hashes of one content by every algorithm asked for, or why there are none.

    Parameters
    ----------
    content_id : str
        What the caller calls the content.
    sha256 : str or None
        SHA-256 of its bytes in hex; None if they could not be read, or only hashes were given.
    attempts : mapping of str to Attempt of Fingerprint
        By algorithm, in the order in which they were asked for; digests included.
    read_error : DecodeError or None
        Why the content could not be read.
    """

    content_id: str
    sha256: str | None
    attempts: Mapping[str, Attempt[Fingerprint]]
    read_error: DecodeError | None = None

    def __iter__(self) -> Iterator[Fingerprint]:
        """Iterate over the fingerprints that there are."""
        return (found.value for found in self.attempts.values() if found.value is not None)

    def get(self, algorithm: str) -> Fingerprint | None:
        """Return the fingerprint by an algorithm, None if there is none."""
        found = self.attempts.get(algorithm)
        return None if found is None else found.value

    @property
    def error(self) -> DecodeError | None:
        """Why something of the content is missing: the first reason, None if nothing is."""
        if self.read_error is not None:
            return self.read_error
        for attempt in self.attempts.values():
            error = attempt.error or (attempt.value.error if attempt.value else None)
            if error is not None:
                return error
        return None
