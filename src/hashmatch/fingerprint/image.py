"""Hashes of single pictures: of the whole, or of each segment."""

from __future__ import annotations

from hashmatch.decode import DEFAULT_LIMITS, DecodeLimits, check_decode
from hashmatch.fingerprint.source import Source, pixels_of
from hashmatch.hashing import (
    PixelHash,
    Pixels,
    SegmentHash,
    get_algorithm,
    get_pixel_hash,
    grey_of,
)
from hashmatch.values import Hash


class Picture:
    """Decoded pixels in the form that each algorithm consumes; grey is computed once, on demand.

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
        A str is a path. An open file is read from its current position and stays open. An array
        is RGB (H, W, 3) or luma (H, W).
    algorithm : str
        Registered name of a hash of whole pictures: ``"pdq"``, ``"phash"``, ``"dhash"``,
        ``"ahash"``, ``"whash"``, or that of a plug-in.
    decode : {"exact", "luma"}
        ``"exact"``: RGB, then float luma, bit-equal to the reference implementations.
        ``"luma"``: from the Y plane of a JPEG, in less time and a few bits off. Other sources
        are decoded exactly.
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
        Unknown `algorithm` or `decode`, an algorithm that does not hash whole pictures, or an array
        of another dtype or shape.
    AlgorithmError
        A plug-in that cannot be used.

    Notes
    -----
    Safe to call from several threads. Decoding is most of the cost.
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
    """Hash the segments of one picture, so that a crop of it can be recognised.

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
