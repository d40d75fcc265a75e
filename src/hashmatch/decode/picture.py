"""Decoding of the pictures in one file, as stored, with no orientation applied."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from hashmatch.decode.bmp import show_bmp
from hashmatch.decode.formats import BMP, GIF, HEIC, JPEG, JXL, PNG, TIFF, WEBP, Format, identify
from hashmatch.decode.gif_frames import show_gif
from hashmatch.decode.jpeg import StoredJpeg, load_jpeg
from hashmatch.decode.jxl import jxl_size
from hashmatch.decode.layers import Layer, Show
from hashmatch.decode.limits import DEFAULT_LIMITS, DecodeLimits
from hashmatch.decode.pages import show_heic, show_tiff
from hashmatch.decode.pillow_errors import translate_errors
from hashmatch.decode.pillow_frames import show_frames
from hashmatch.decode.pixels import PLAIN_SAMPLES, read_alpha, rgb_pixels
from hashmatch.decode.png_frames import show_png
from hashmatch.decode.profile import Profile, read_profile
from hashmatch.decode.tiff import read_orientation, read_samples, undo_orientation
from hashmatch.decode.transparency import read_key
from hashmatch.decode.video.containers import HEAD_BYTES, is_video
from hashmatch.decode.webp import show_webp
from hashmatch.errors import DecodeError, ErrorKind

Decode = Literal["exact", "luma"]

OPAQUE = 255

_LARGE_VALUES = 1 << 24
_JPEG_PROFILE = b"ICC_PROFILE\0"

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
    all were.  `profile` is set if it changes strongly what viewers show; `is_profiled` is True for
    the picture in these colours.
    """

    array: NDArray[np.uint8]
    decode: Decode
    format: str
    alpha: NDArray[np.uint8] | None = None
    timestamp_s: float | None = None
    page: int | None = None
    missing: DecodeError | None = None
    profile: Profile | None = None
    is_profiled: bool = False


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
    writes a line about a damaged compressed TIFF to stderr.  A file within the limits can still
    take seconds (Pillow decodes run-length coded BMP in Python): where that matters, decode in a
    worker process with a time limit (`hashmatch.workers.Isolation`).
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
    profiled: bool = False,
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
    profiled : bool
        If a colour profile, or a gamma in a PNG, changes a picture strongly, yield it a second time
        in sRGB, as a colour-managed viewer shows it. Such a picture is always decoded exactly.

    Raises
    ------
    DecodeError
        Nothing of the first picture can be decoded, or nothing of a frame or page: the message
        names it.
    """
    check_decode(decode)
    for picture in _decode_stored(data, decode, limits, _Wanted(alpha, frames, profiled)):
        if picture.array.size > _LARGE_VALUES:
            _return_freed_memory()
        profile = picture.profile
        yield picture
        if profile is not None:
            with translate_errors(f"{picture.format} in the colours of its profile"):
                shown = profile.apply(picture.array)
            second = replace(picture, array=shown, profile=None, is_profiled=True)
            del picture, shown
            yield second
            del second
        else:
            del picture  # and its pixels, before the next one is decoded


class _Wanted(NamedTuple):
    """The arguments of `decode_pictures` of the same names."""

    alpha: bool
    frames: bool
    profiled: bool


def _decode_stored(
    data: bytes, decode: str, limits: DecodeLimits, wanted: _Wanted
) -> Iterator[DecodedPicture]:
    """Yield the pictures as stored."""
    limits.check_bytes(len(data))
    if is_video(data[:HEAD_BYTES]):
        message = "not an image but a video: use hash_video or hashmatch video hash"
        raise DecodeError(message, ErrorKind.UNSUPPORTED)
    accepted = identify(data)
    if accepted is JPEG:
        with translate_errors(accepted.name):
            picture = _load_jpeg(data, limits, decode, profiled=wanted.profiled)
        yield picture
        return
    if accepted is JXL:  # whose plug-in decodes on opening
        accepted.check_size(*jxl_size(data), limits)
    show = _SHOW.get(accepted, show_frames)
    loader = _PillowLoader(accepted, limits, profiled=wanted.profiled)
    for layer in show(data, loader, alpha=wanted.alpha, frames=wanted.frames):
        kept = [_keep(layer, accepted, alpha=wanted.alpha, profile=loader.profile)]
        del layer  # so that its pixels are held by those who use them alone
        yield kept.pop()


def _return_freed_memory() -> None:
    """Give memory that Pillow has freed back to the system.

    Pillow keeps a picture in pieces of up to 16 MiB, which the C library would reuse for pieces of
    other pictures, but not for our arrays, which are in one piece.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim is not None:
        trim(0)


class _PillowLoader:
    """The `Loader` of a format.

    `profile` is that of the page loaded last, or of the file: frames have none of their own.
    """

    def __init__(self, accepted: Format, limits: DecodeLimits, *, profiled: bool) -> None:
        self.accepted = accepted
        self.limits = limits
        self.profile: Profile | None = None
        self._profiled = profiled

    @property
    def name(self) -> str:
        return self.accepted.name

    def open(self, data: bytes) -> ImageFile.ImageFile:
        image = self.accepted.open(data)
        self.accepted.check_size(*image.size, self.limits)
        return image

    def load(self, image: ImageFile.ImageFile, *, alpha: bool) -> Layer:
        layer = _load_picture(image, self.accepted, alpha=alpha)
        has_pages = self.accepted in (TIFF, HEIC)
        if self._profiled and (has_pages or self.profile is None):
            self.profile = read_profile(image)
        if has_pages and (self.profile is None or self.profile.inks is None):
            image._im = None  # Pillow's copy of the pixels, on which no other page builds
        return layer

    def load_first(self, data: bytes, *, alpha: bool, profile: bytes | None = None) -> Layer:
        with translate_errors(self.name):
            image = self.open(data)
            if profile is not None:
                image.info["icc_profile"] = profile
            return self.load(image, alpha=alpha)


def _keep(
    layer: Layer, accepted: Format, *, alpha: bool, profile: Profile | None
) -> DecodedPicture:
    """Return a layer as a picture; copied if it can be written to, since it then may change."""
    rgb, plane = layer.rgb, layer.alpha if alpha else None
    if rgb.flags.writeable:
        rgb = rgb.copy()
        rgb.setflags(write=False)
    if plane is not None:
        is_opaque = int(plane.min()) == OPAQUE
        plane = None if is_opaque else plane.copy() if plane.flags.writeable else plane
    return DecodedPicture(
        rgb, "exact", accepted.name, plane, layer.timestamp_s, layer.page, layer.missing, profile
    )


def _load_jpeg(data: bytes, limits: DecodeLimits, decode: str, *, profiled: bool) -> DecodedPicture:
    profile = None
    if profiled and _JPEG_PROFILE in data:
        with suppress(DecodeError), translate_errors(JPEG.name):
            profile = read_profile(StoredJpeg(BytesIO(data)))
    found = load_jpeg(data, limits, luma=decode == "luma" and profile is None)
    done: Decode = "luma" if found.is_luma else "exact"
    return DecodedPicture(found.array, done, JPEG.name, missing=found.missing, profile=profile)


def _load_picture(image: ImageFile.ImageFile, accepted: Format, *, alpha: bool) -> Layer:
    """Load the picture at which an image is positioned; raises whatever Pillow raises."""
    samples, orientation = PLAIN_SAMPLES, 1
    if accepted is TIFF:  # as Pillow forgets the orientation once applied
        samples, orientation = read_samples(image), read_orientation(image)
    key = read_key(image, accepted) if alpha else None
    image.load()
    plane = read_alpha(image, key) if alpha else None
    pixels = rgb_pixels(image, samples)
    if accepted is TIFF:
        pixels = undo_orientation(pixels, orientation)
        plane = None if plane is None else undo_orientation(plane, orientation)
    return Layer(pixels, plane)
