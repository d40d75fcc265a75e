"""Hash pictures: one hash of a picture as it is, or the hashes of all its orientations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode import DEFAULT_LIMITS, DecodeLimits, check_decode, decode_image
from hashmatch.fingerprint.source import Source, pixels_of
from hashmatch.hashing import get_algorithm
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
        ``"exact"`` or ``"luma"``: how the pixels were obtained.
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
        Registered name.
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
        Unknown `algorithm` or `decode`, or an array of another dtype or shape.

    Notes
    -----
    Safe to call from several threads.  Decoding is most of the cost.
    """
    hasher = get_algorithm(algorithm)
    check_decode(decode)
    code, quality = hasher.hash_pixels(pixels_of(source, decode=decode, limits=limits))
    return Hash(algorithm=algorithm, code=code, quality=quality)


def fingerprint_image(
    data: bytes,
    *,
    algorithm: str = "pdq",
    decode: str = "exact",
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Fingerprint:
    """Hash one content in every orientation the algorithm knows, from one decode.

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

    Raises
    ------
    DecodeError
        The content cannot be decoded.
    ValueError
        Unknown `algorithm` or `decode`.

    Notes
    -----
    Safe to call from several threads.
    """
    hasher = get_algorithm(algorithm)
    pixels = decode_image(data, decode=decode, limits=limits)
    tolerance_bits = LUMA_TOLERANCE_BITS if pixels.decode == "luma" else 0
    codes, quality = hasher.hash_orientations(pixels.array, tolerance_bits=tolerance_bits)
    views = tuple(hasher.orientations)
    return Fingerprint(
        views=views,
        codes=codes,
        quality=quality,
        algorithm=algorithm,
        decode=pixels.decode,
        timestamps_s=(None,) * len(views),
    )


def fingerprint_each(
    data: bytes, decodes: Mapping[str, str], limits: DecodeLimits
) -> dict[str, Fingerprint]:
    """Hash one content by several algorithms: `decodes` says for each how pixels are obtained.

    Raises as `fingerprint_image`.
    """
    return {
        algorithm: fingerprint_image(data, algorithm=algorithm, decode=decode, limits=limits)
        for algorithm, decode in decodes.items()
    }
