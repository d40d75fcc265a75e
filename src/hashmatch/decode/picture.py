"""Decode one content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from hashmatch.decode.formats import TIFF, Format, identify
from hashmatch.decode.jpeg import has_luma_plane, reduce_to_luma
from hashmatch.decode.limits import DEFAULT_LIMITS, DecodeLimits
from hashmatch.decode.modes import PLAIN_SAMPLES, packed_pixels, rgb_pixels
from hashmatch.decode.reasons import decode_errors
from hashmatch.decode.tiff import as_stored, orientation_of, samples_of

Decode = Literal["exact", "luma"]

DECODES = get_args(Decode)


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Decoded pixels, and how they were obtained.

    Parameters
    ----------
    array : ndarray of uint8
        Shape (height, width, 3), RGB, where `decode` is ``"exact"``; shape (height, width), the Y
        plane, where it is ``"luma"``.  Contiguous and read-only.
    decode : str
        ``"exact"`` or ``"luma"``: what was done, not what was asked for.
    format : str
        Name of the file format, such as ``"JPEG"``.
    """

    array: NDArray[np.uint8]
    decode: Decode
    format: str


def check_decode(decode: str) -> None:
    """Raise ValueError unless `decode` is the name of a way to decode."""
    if decode not in DECODES:
        raise ValueError(f"unknown decode {decode!r}: expected one of {', '.join(DECODES)}")


def decode_image(
    data: bytes, *, decode: str = "exact", limits: DecodeLimits = DEFAULT_LIMITS
) -> Pixels:
    """Decode the first picture of a content.

    Parameters
    ----------
    data : bytes
        The whole file; not copied.
    decode : {"exact", "luma"}
        ``"exact"`` gives RGB as the reference implementations see it; the hash to publish, to store
        or to compare for equality.  ``"luma"`` gives the Y plane of a JPEG that has one, in half
        the time, rounded to 8 bits: good for a search with a margin on the radius.  Any other
        content has nothing to save and is decoded the exact way.
    limits : DecodeLimits
        Checked before pixels are decoded.

    Returns
    -------
    Pixels
        The stored pixels; see the package for what that means mode by mode.

    Raises
    ------
    DecodeError
        Whatever is wrong with the content.
    ValueError
        Unknown `decode`.

    Notes
    -----
    Safe to call from several threads; Pillow releases the GIL while it decodes.  A truncated file
    is refused, unless the host process has set `PIL.ImageFile.LOAD_TRUNCATED_IMAGES`: then Pillow
    hands over what it could decode, the rest being grey or black, and so does this function.

    Two things are beyond reach from inside the process.  libtiff writes a line about a damaged
    compressed TIFF on the standard error of the process.  And a bounded file can still take seconds
    (Pillow decodes run-length coded BMP in Python): where that matters, decode in a worker process
    with a time limit.
    """
    check_decode(decode)
    limits.check_bytes(len(data))
    accepted = identify(data)
    with decode_errors(accepted.name):
        image = accepted.open(data)
        limits.check_pixels(*image.size)
        if decode == "luma" and has_luma_plane(image):
            reduce_to_luma(image)
            image.load()
            return Pixels(packed_pixels(image, "L"), "luma", accepted.name)
        return Pixels(_stored_rgb(image, accepted), "exact", accepted.name)


def _stored_rgb(image: ImageFile.ImageFile, accepted: Format) -> NDArray[np.uint8]:
    if accepted is not TIFF:
        image.load()
        return rgb_pixels(image, PLAIN_SAMPLES)
    samples, orientation = samples_of(image), orientation_of(image)
    image.load()
    return as_stored(rgb_pixels(image, samples), orientation)
