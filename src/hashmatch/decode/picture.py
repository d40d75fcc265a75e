"""Decoding of the pictures in one file, as stored, with no orientation applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from hashmatch.decode.bmp import show_bmp
from hashmatch.decode.formats import BMP, GIF, HEIC, JPEG, JXL, PNG, TIFF, WEBP, Format, identify
from hashmatch.decode.gif_frames import show_gif
from hashmatch.decode.jpeg import load_jpeg
from hashmatch.decode.jxl import jxl_size
from hashmatch.decode.layers import Layer, Show
from hashmatch.decode.limits import DEFAULT_LIMITS, DecodeLimits
from hashmatch.decode.pages import show_heic, show_tiff
from hashmatch.decode.pillow_errors import translate_errors
from hashmatch.decode.pillow_frames import show_frames
from hashmatch.decode.pixels import PLAIN_SAMPLES, read_alpha, rgb_pixels
from hashmatch.decode.png_frames import show_png
from hashmatch.decode.tiff import read_orientation, read_samples, undo_orientation
from hashmatch.decode.video.containers import HEAD_BYTES, is_video
from hashmatch.decode.webp import show_webp
from hashmatch.errors import DecodeError, ErrorKind

Decode = Literal["exact", "luma"]

OPAQUE = 255

_SHOW: dict[Format, Show] = {
    PNG: show_png,
    GIF: show_gif,
    WEBP: show_webp,
    BMP: show_bmp,
    TIFF: show_tiff,
    HEIC: show_heic,
}
"""What reads the pictures of a format; for others, `show_frames`."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPicture:
    """The pixels of one picture, and how they were obtained.

    `array` is uint8, contiguous and read-only: RGB (H, W, 3) where `decode` is ``"exact"``, the Y
    plane (H, W) where it is ``"luma"``.  `decode` says what was done, not what was asked for, and
    `format` is the name of the file format.  `alpha` is uint8 (H, W), 0 is transparent; None if all
    is opaque or alpha was not requested.  `timestamp_s` is when this frame of an animation is
    shown, `page` the number of this page, from 2; None for the first, and for anything else.
    `missing` says which of the pixels could not be decoded, and how large a share could; None if
    all were.
    """

    array: NDArray[np.uint8]
    decode: Decode
    format: str
    alpha: NDArray[np.uint8] | None = None
    timestamp_s: float | None = None
    page: int | None = None
    missing: DecodeError | None = None


def check_decode(decode: str) -> None:
    """Raise ValueError unless `decode` names a way to decode."""
    names = get_args(Decode)
    if decode not in names:
        raise ValueError(f"unknown decode {decode!r}: expected one of {', '.join(names)}")


def decode_image(
    data: bytes, *, decode: str = "exact", limits: DecodeLimits = DEFAULT_LIMITS
) -> DecodedPicture:
    """Decode the first picture in a file.

    Parameters
    ----------
    data : bytes
        The whole file; not copied.
    decode : {"exact", "luma"}
        ``"exact"`` gives RGB as the reference implementations see it; use it for hashes that are
        published, stored or compared for equality.  ``"luma"`` gives the Y plane of a JPEG that has
        one, in less time, rounded to 8 bits: good for a search with a margin on the radius.  Other
        pictures are decoded exactly, as no time would be saved.
    limits : DecodeLimits
        Checked before pixels are decoded.

    Raises
    ------
    DecodeError
        The content cannot be decoded, or not all of its pixels: a hash that is published must be
        one of the whole picture.
    ValueError
        Unknown `decode`.

    Notes
    -----
    Thread-safe; decoders release the GIL.  A picture that lacks pixels is refused, unless the host
    program has set `PIL.ImageFile.LOAD_TRUNCATED_IMAGES`; `decode_pictures` yields it.  libtiff
    writes a
    line about a damaged compressed TIFF to stderr.  A file within the limits can still take seconds
    (Pillow decodes run-length coded BMP in Python): where that matters, decode in a worker process
    with a time limit (`hashmatch.workers.Isolation`).
    """
    picture = next(decode_pictures(data, decode=decode, limits=limits))
    if picture.missing is not None and not ImageFile.LOAD_TRUNCATED_IMAGES:
        raise picture.missing
    return picture


def decode_pictures(
    data: bytes,
    *,
    decode: str = "exact",
    limits: DecodeLimits = DEFAULT_LIMITS,
    alpha: bool = False,
    frames: bool = False,
) -> Iterator[DecodedPicture]:
    """Yield the first picture in a file and, if `frames`, all the others, one at a time.

    A damaged picture is yielded as far as it can be decoded, with an error as its `missing`.

    Parameters
    ----------
    data, decode, limits
        As for `decode_image`; `limits` says how many frames are used.
    alpha : bool
        Return the alpha channel as well.
    frames : bool
        Continue with the frames of an animation (GIF, WebP, PNG, AVIF) or the pages of a document
        (TIFF, HEIC), in file order. Only the first picture of a multi-picture JPEG counts.

    Raises
    ------
    DecodeError
        Nothing of the first picture can be decoded, or nothing of a frame or page: the message
        names it.
    """
    check_decode(decode)
    limits.check_bytes(len(data))
    if is_video(data[:HEAD_BYTES]):
        message = "not an image but a video: use hash_video or hashmatch video hash"
        raise DecodeError(message, ErrorKind.UNSUPPORTED)
    accepted = identify(data)
    if accepted is JPEG:
        with translate_errors(accepted.name):
            picture = _load_jpeg(data, limits, decode)
        yield picture
        return
    if accepted is JXL:  # whose plug-in decodes on opening
        limits.check_pixels(*jxl_size(data))
    show = _SHOW.get(accepted, show_frames)
    for layer in show(data, _PillowLoader(accepted, limits), alpha=alpha, frames=frames):
        yield _keep(layer, accepted, alpha=alpha)


@dataclass(frozen=True, slots=True)
class _PillowLoader:
    """The `Loader` of a format."""

    accepted: Format
    limits: DecodeLimits

    @property
    def name(self) -> str:
        return self.accepted.name

    def open(self, data: bytes) -> ImageFile.ImageFile:
        image = self.accepted.open(data)
        self.limits.check_pixels(*image.size)
        return image

    def load(self, image: ImageFile.ImageFile, *, alpha: bool) -> Layer:
        picture = _load_picture(image, self.accepted, alpha=alpha)
        return Layer(picture.array, picture.alpha)

    def load_first(self, data: bytes, *, alpha: bool, profile: bytes | None = None) -> Layer:
        with translate_errors(self.name):
            image = self.open(data)
            if profile is not None:
                image.info["icc_profile"] = profile
            return self.load(image, alpha=alpha)


def _keep(layer: Layer, accepted: Format, *, alpha: bool) -> DecodedPicture:
    """Return a layer as a picture; copied if it can be written to, since it then may change."""
    rgb, plane = layer.rgb, layer.alpha if alpha else None
    if rgb.flags.writeable:
        rgb = rgb.copy()
        rgb.setflags(write=False)
    if plane is not None:
        plane = None if int(plane.min()) == OPAQUE else plane.copy()
    return DecodedPicture(
        rgb, "exact", accepted.name, plane, layer.timestamp_s, layer.page, layer.missing
    )


def _load_jpeg(data: bytes, limits: DecodeLimits, decode: str) -> DecodedPicture:
    found = load_jpeg(data, limits, luma=decode == "luma")
    done: Decode = "luma" if found.is_luma else "exact"
    return DecodedPicture(found.array, done, JPEG.name, missing=found.missing)


def _load_picture(image: ImageFile.ImageFile, accepted: Format, *, alpha: bool) -> DecodedPicture:
    """Load the picture at which an image is positioned; raises whatever Pillow raises."""
    samples, orientation = PLAIN_SAMPLES, 1
    if accepted is TIFF:  # as Pillow forgets the orientation once applied
        samples, orientation = read_samples(image), read_orientation(image)
    image.load()
    plane = read_alpha(image) if alpha else None
    pixels = rgb_pixels(image, samples)
    if accepted is TIFF:
        pixels = undo_orientation(pixels, orientation)
        plane = None if plane is None else undo_orientation(plane, orientation)
    return DecodedPicture(pixels, "exact", accepted.name, plane)
