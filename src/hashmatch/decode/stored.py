"""The pixels of a loaded picture as they are stored, and what is transparent of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from hashmatch.decode.formats import TIFF, Format
from hashmatch.decode.modes import PLAIN_SAMPLES, packed_pixels, rgb_pixels
from hashmatch.decode.tiff import as_stored, orientation_of, samples_of

Decode = Literal["exact", "luma"]

DECODES = get_args(Decode)


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Decoded pixels of one picture, and how they were obtained.

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
        Shape (height, width); 0 is transparent.  None where nothing is, or where it was not asked
        for.
    timestamp_s : float or None
        When this frame of an animation is shown; None for its first, and for what is no frame.
    page : int or None
        Number of this page, from 2; None for the first, and for what is no page.
    """

    array: NDArray[np.uint8]
    decode: Decode
    format: str
    alpha: NDArray[np.uint8] | None = None
    timestamp_s: float | None = None
    page: int | None = None


_ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")
_OPAQUE = 255


def stored_pixels(image: ImageFile.ImageFile, accepted: Format, *, alpha: bool) -> Pixels:
    """Load the picture an image stands at; raises whatever Pillow raises."""
    if accepted is not TIFF:
        image.load()
        array = rgb_pixels(image, PLAIN_SAMPLES)
        return Pixels(array, "exact", accepted.name, _alpha(image) if alpha else None)
    samples, orientation = samples_of(image), orientation_of(image)
    image.load()
    plane = _alpha(image) if alpha else None
    return Pixels(
        as_stored(rgb_pixels(image, samples), orientation),
        "exact",
        accepted.name,
        None if plane is None else as_stored(plane, orientation),
    )


def _alpha(image: Image.Image) -> NDArray[np.uint8] | None:
    """Return the alpha of a loaded image, None where all of it is opaque."""
    if image.mode in _ALPHA_MODES:
        plane = packed_pixels(image.getchannel("A"), "L")
    elif "transparency" not in image.info:
        return None
    elif image.mode == "I" or image.mode.startswith("I;16"):
        transparent = np.asarray(image) == image.info["transparency"]
        plane = np.where(transparent, 0, _OPAQUE).astype(np.uint8)
    else:
        image = image.copy()
        colour = image.info["transparency"]
        if isinstance(colour, tuple) and max(colour) > _OPAQUE:  # of 16 bits, as the pixels were
            image.info["transparency"] = tuple(value >> 8 for value in colour)
        plane = packed_pixels(image.convert("RGBA").getchannel("A"), "L")
    return None if int(plane.min()) == _OPAQUE else plane
