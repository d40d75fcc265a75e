"""Hash pictures: one hash of a picture as it is, those of its segments, or all its views."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode import DEFAULT_LIMITS, DecodeLimits, attempt, check_decode, decode_image
from hashmatch.errors import DecodeError
from hashmatch.fingerprint.source import Source, pixels_of
from hashmatch.hashing import (
    OrientedHash,
    PixelHash,
    Pixels,
    SegmentHash,
    get_algorithm,
    get_pixel_hash,
    grey_of,
)
from hashmatch.values import Hash

LUMA_TOLERANCE_BITS = 8
"""What a fingerprint of luma may be off, beside what its pixels are: it is to find candidates, so
rounding is not settled where it concerns a few bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """The hashes of every view of one content.

    Parameters
    ----------
    views : tuple of str, length v
        What was looked at, the picture as stored first.
    codes : ndarray of uint8, shape (v, bits / 8)
        One code per view; read-only.
    quality : int or None
        0..100, the same for all views; None where the algorithm has no such measure.
    algorithm : str
        Registered name, such as ``"pdq"``.
    decode : str
        ``"exact"`` or ``"luma"``: how the pixels were obtained; ``"bytes"`` of a digest, which
        needs none.
    timestamps_s : tuple of float or None, length v
        Time of the frame in seconds; None for a still picture.
    """

    views: tuple[str, ...]
    codes: NDArray[np.uint8]
    quality: int | None
    algorithm: str
    decode: str
    timestamps_s: tuple[float | None, ...]

    def __post_init__(self) -> None:
        codes = np.array(self.codes, dtype=np.uint8, order="C")
        if codes.ndim != 2 or not len(codes) == len(self.views) == len(self.timestamps_s):
            raise ValueError(f"codes {codes.shape} do not fit {len(self.views)} views")
        codes.setflags(write=False)
        object.__setattr__(self, "codes", codes)


class Picture:
    """Decoded pixels, as each algorithm wants them; grey is made once, when it is first wanted.

    Parameters
    ----------
    pixels : ndarray of uint8
        Shape (height, width, 3), or grey (height, width).
    decode : str
        ``"exact"`` or ``"luma"``: how they were obtained.
    """

    def __init__(self, pixels: Pixels, decode: str) -> None:
        self.decode = decode
        self.pixels = pixels
        self._grey: Pixels | None = None

    @classmethod
    def decoded(
        cls, data: bytes, *, decode: str = "exact", limits: DecodeLimits = DEFAULT_LIMITS
    ) -> Picture:
        """Decode a content; DecodeError as `hashmatch.decode.decode_image`."""
        pixels = decode_image(data, decode=decode, limits=limits)
        return cls(pixels.array, pixels.decode)

    def for_algorithm(self, algorithm: PixelHash | SegmentHash) -> Pixels:
        """Return what the algorithm consumes."""
        if algorithm.consumes == "rgb":
            return self.pixels
        if self._grey is None:
            self._grey = grey_of(self.pixels)
        return self._grey


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
        A str is a path.  A file is read from where it stands and left open.  An array is RGB
        (H, W, 3) or luma (H, W).
    algorithm : str
        Registered name of a hash of whole pictures: ``"pdq"``, ``"phash"``, ``"dhash"``,
        ``"ahash"``, ``"whash"``, or that of a plug-in.
    decode : {"exact", "luma"}
        ``"exact"``: RGB, then float luma, as the reference implementations do; bit-equal to them.
        ``"luma"``: from the Y plane of a JPEG, in half the time and a few bits off.  Other sources
        are hashed the exact way.
    limits : DecodeLimits
        Bounds on encoded contents.

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
        Unknown `algorithm` or `decode`, an algorithm that hashes no whole pictures, or an array of
        another dtype or shape.
    AlgorithmError
        A plug-in that is no good.

    Notes
    -----
    Safe to call from several threads.  Decoding is most of the cost.
    """
    hasher = get_pixel_hash(algorithm)
    check_decode(decode)
    picture = Picture(pixels_of(source, decode=decode, limits=limits), decode)
    code, quality = hasher.hash_pixels(picture.for_algorithm(hasher))
    return Hash(algorithm=algorithm, code=code, quality=quality)


def hash_segments(
    source: Source,
    algorithm: str = "crop-resistant",
    decode: str = "exact",
    *,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> tuple[Hash, ...]:
    """Hash the parts of one picture, so that a crop of it can be recognised.

    Parameters
    ----------
    source, decode, limits
        As for `hash_image`.
    algorithm : str
        Registered name of a hash of segments.

    Returns
    -------
    tuple of Hash
        At least one; on a list each is a row, all with the same entry id.

    Raises
    ------
    DecodeError, TypeError, ValueError
        As `hash_image`.
    AlgorithmError
        The package that computes it is not installed.
    """
    hasher = get_algorithm(algorithm)
    if not isinstance(hasher, SegmentHash):
        raise ValueError(f"{algorithm} does not hash segments")
    check_decode(decode)
    picture = Picture(pixels_of(source, decode=decode, limits=limits), decode)
    codes = hasher.hash_segments(picture.for_algorithm(hasher))
    return tuple(Hash(algorithm=algorithm, code=code, quality=None) for code in codes)


def fingerprint_image(
    data: bytes,
    *,
    algorithm: str = "pdq",
    decode: str = "exact",
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Fingerprint:
    """Hash one content in every view the algorithm has of it, from one decode.

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

    Raises
    ------
    DecodeError
        The content cannot be decoded.
    ValueError
        Unknown `algorithm` or `decode`.
    AlgorithmError
        An algorithm that cannot be used.

    Notes
    -----
    Safe to call from several threads.
    """
    get_algorithm(algorithm)
    return fingerprint_picture(
        Picture.decoded(data, decode=decode, limits=limits), algorithm=algorithm
    )


def fingerprint_picture(picture: Picture, *, algorithm: str) -> Fingerprint:
    """Hash a decoded picture in every view the algorithm has of it; as `fingerprint_image`."""
    hasher = get_algorithm(algorithm)
    if isinstance(hasher, SegmentHash):
        codes, quality = hasher.hash_segments(picture.for_algorithm(hasher)), None
        views = tuple(f"segment_{number}" for number in range(1, len(codes) + 1))
    elif isinstance(hasher, OrientedHash):
        codes, quality = hasher.hash_orientations(
            picture.for_algorithm(hasher),
            tolerance_bits=LUMA_TOLERANCE_BITS if picture.decode == "luma" else 0,
        )
        views = tuple(hasher.orientations)
    else:
        hasher = get_pixel_hash(algorithm)
        code, quality = hasher.hash_pixels(picture.for_algorithm(hasher))
        codes, views = code[None, :], ("as_stored",)
    return Fingerprint(
        views=views,
        codes=codes,
        quality=quality,
        algorithm=algorithm,
        decode=picture.decode,
        timestamps_s=(None,) * len(views),
    )


def fingerprint_each(
    data: bytes, algorithms: Iterable[str], decode: str, limits: DecodeLimits
) -> dict[str, Fingerprint | DecodeError]:
    """Hash one content by several algorithms of pixels, from one decode.

    Where one of them cannot hash the picture, its error stands beside what the others make of it.
    Raises as `fingerprint_image` where nothing can be decoded.
    """
    picture = Picture.decoded(data, decode=decode, limits=limits)
    return {
        algorithm: attempt(partial(fingerprint_picture, algorithm=algorithm), (picture,))
        for algorithm in algorithms
    }


def fingerprint_digest(digest: Hash) -> Fingerprint:
    """Return a digest of a content as its one view."""
    return Fingerprint(
        views=("as_stored",),
        codes=digest.code[None, :],
        quality=None,
        algorithm=digest.algorithm,
        decode="bytes",
        timestamps_s=(None,),
    )
