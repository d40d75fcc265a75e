"""One decoded picture, and how it is loaded from a Pillow image: as stored, never turned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from hashmatch.decode.alpha import read_alpha
from hashmatch.decode.formats import TIFF, Format
from hashmatch.decode.modes import PLAIN_SAMPLES, rgb_pixels
from hashmatch.decode.tiff import read_orientation, read_samples, undo_orientation

Decode = Literal["exact", "luma"]

DECODES = get_args(Decode)


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPicture:
    """Pixels of one picture of a content, and how they were obtained.

    Parameters
    ----------
    array : ndarray of uint8
        Shape (height, width, 3), RGB, where `decode` is ``"exact"``; shape (height, width), the Y
        plane, where it is ``"luma"``.  Contiguous and read-only.
    decode : str
        ``"exact"`` or ``"luma"``: what was done, not what was asked for.
    format : str
        Name of the file format, such as ``"JPEG"``.
    alpha : ndarray of uint8 or None
        Shape (height, width); 0 is transparent.  None where all is opaque, or if not asked for.
    timestamp_s : float or None
        When this frame of an animation is shown; None for the first frame, and for a picture that
        is not a frame.
    page : int or None
        Number of this page, from 2; None for the first page, and for a picture that is not a page.
    """

    array: NDArray[np.uint8]
    decode: Decode
    format: str
    alpha: NDArray[np.uint8] | None = None
    timestamp_s: float | None = None
    page: int | None = None


def load_picture(image: ImageFile.ImageFile, accepted: Format, *, alpha: bool) -> DecodedPicture:
    """Load the picture that an image is positioned at; raises whatever Pillow raises."""
    samples, orientation = PLAIN_SAMPLES, 1
    if accepted is TIFF:  # whose orientation Pillow forgets when it has applied it
        samples, orientation = read_samples(image), read_orientation(image)
    image.load()
    plane = read_alpha(image) if alpha else None
    pixels = rgb_pixels(image, samples)
    if accepted is TIFF:
        pixels = undo_orientation(pixels, orientation)
        plane = None if plane is None else undo_orientation(plane, orientation)
    return DecodedPicture(pixels, "exact", accepted.name, plane)
