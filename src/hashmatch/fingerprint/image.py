"""Hash pictures: one hash of a picture as it is, or the hashes of all its views."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode import DEFAULT_LIMITS, DecodeLimits, check_decode
from hashmatch.fingerprint.source import Source, pixels_of
from hashmatch.fingerprint.views import View, check_views, oriented, views_of
from hashmatch.hashing import get_algorithm
from hashmatch.values import AS_STORED, VIEW_KINDS, Code, Hash


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
        ``"exact"`` or ``"luma"``: how the pixels were obtained.
    timestamps_s : tuple of float or None, length v
        Time of the frame in seconds; None for a still picture, and for the first frame.
    sure : bool
        Whether the views that the exact decode gives are all among these, which has to be asked of
        luma only: a border that shows in the luma plane of a JPEG may not quite be one in its exact
        pixels, or the other way round.  Views of luma named ``trimmed`` are all it may have.
    """

    views: tuple[str, ...]
    codes: NDArray[np.uint8]
    qualities: tuple[int | None, ...]
    algorithm: str
    decode: str
    timestamps_s: tuple[float | None, ...]
    sure: bool = True

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


def hash_image(source: Source, algorithm: str = "pdq", decode: str = "exact") -> Hash:
    """Hash one picture as it is stored.

    Parameters
    ----------
    source : path, bytes-like, binary file, PIL.Image, or ndarray of uint8
        A str is a path.  A file is read from where it stands and left open.  An array is RGB
        (H, W, 3) or luma (H, W).
    algorithm : str
        Registered name.
    decode : {"exact", "luma"}
        ``"exact"``: RGB, then float luma, as the reference implementations do; bit-equal to them.
        ``"luma"``: from the Y plane of a JPEG, in half the time and a few bits off.  Other sources
        are hashed the exact way.

    Returns
    -------
    Hash

    Raises
    ------
    DecodeError
        The content cannot be read or decoded; `hashmatch.decode` says what is accepted.
    TypeError
        `source` is of no accepted type.
    ValueError
        Unknown `algorithm` or `decode`, or an array of another dtype or shape.

    Notes
    -----
    Safe to call from several threads.  Decoding is most of the cost.
    """
    hasher = get_algorithm(algorithm)
    check_decode(decode)
    code, quality = hasher.hash_pixels(pixels_of(source, decode=decode))
    return Hash(algorithm=algorithm, code=code, quality=quality)


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
        Registered name.
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

    Notes
    -----
    Safe to call from several threads.  Memory is that of one picture, whatever the number of
    frames.
    """
    hasher = get_algorithm(algorithm)
    check_decode(decode)
    check_views(views)
    collected = _Collected()
    for view in views_of(data, views, decode=decode, limits=limits):
        if "orientations" in views:
            codes, quality = hasher.hash_orientations(view.pixels)
            collected.add(view, hasher.orientations, codes, quality)
        else:
            code, quality = hasher.hash_pixels(view.pixels)
            collected.add(view, (AS_STORED,), code[None], quality)
    return collected.fingerprint(algorithm)


class _Collected:
    """The hashes of the views so far."""

    def __init__(self) -> None:
        self._views: list[str] = []
        self._codes: list[Code] = []
        self._qualities: list[int | None] = []
        self._timestamps_s: list[float | None] = []
        self._seen: dict[bytes, int] = {}
        self._decode = ""
        self._sure = True

    def add(
        self, view: View, orientations: Sequence[str], codes: NDArray[np.uint8], quality: int | None
    ) -> None:
        self._decode = self._decode or view.decode
        self._sure &= view.sure
        for orientation, code in zip(orientations, codes, strict=True):
            # Of two views with one code the earlier is what a match names, unless it is the poorer.
            key, grade = code.tobytes(), -1 if quality is None else quality
            if not view.is_first and self._seen.get(key, -2) >= grade:
                continue
            self._seen[key] = max(grade, self._seen.get(key, grade))
            self._views.append(oriented(view.name, orientation))
            self._codes.append(code)
            self._qualities.append(quality)
            self._timestamps_s.append(view.timestamp_s)

    def fingerprint(self, algorithm: str) -> Fingerprint:
        return Fingerprint(
            views=tuple(self._views),
            codes=np.stack(self._codes),
            qualities=tuple(self._qualities),
            algorithm=algorithm,
            decode=self._decode,
            timestamps_s=tuple(self._timestamps_s),
            sure=self._sure,
        )
