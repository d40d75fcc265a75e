"""Decoding of the pictures in one file, as stored, with no orientation applied."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile

from hashmatch.decode.formats import JPEG, JXL, TIFF, Format, identify
from hashmatch.decode.jpeg import decode_plain, has_luma_plane, reduce_to_luma
from hashmatch.decode.jxl import jxl_size
from hashmatch.decode.limits import DEFAULT_LIMITS, DecodeLimits
from hashmatch.decode.pillow_errors import translate_errors
from hashmatch.decode.pixels import PLAIN_SAMPLES, packed_pixels, read_alpha, rgb_pixels
from hashmatch.decode.profile import Profile, read_profile
from hashmatch.decode.tiff import read_orientation, read_samples, undo_orientation
from hashmatch.decode.transparency import read_key
from hashmatch.decode.video.containers import HEAD_BYTES, is_video
from hashmatch.errors import DecodeError, ErrorKind

_LARGE_VALUES = 1 << 24

Decode = Literal["exact", "luma"]


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPicture:
    """The pixels of one picture, and how they were obtained.

    `array` is uint8, contiguous and read-only: RGB (H, W, 3) where `decode` is ``"exact"``, the Y
    plane (H, W) where it is ``"luma"``.  `decode` says what was done, not what was asked for, and
    `format` is the name of the file format.  `alpha` is uint8 (H, W), 0 is transparent; None if all
    is opaque or alpha was not requested.  `timestamp_s` is when this frame of an animation is
    shown, `page` the number of this page, from 2; None for the first, and for anything else.
    `profile` is set if it changes strongly what viewers show; `is_profiled` is True for the picture
    in these colours.
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
    profile: Profile | None = None
    is_profiled: bool = False


def accept_truncated() -> None:
    """Make Pillow decode truncated files as far as they go, in this whole process.

    The rest is grey or black.  For processes that only decode: `hashmatch.workers.Isolation`.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = True


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
        The content cannot be decoded.
    ValueError
        Unknown `decode`.

    Notes
    -----
    Thread-safe; decoders release the GIL.  A truncated file is refused, unless `accept_truncated`
    was called, or the host program has set `PIL.ImageFile.LOAD_TRUNCATED_IMAGES`.  libtiff writes a
    line about a damaged compressed TIFF to stderr.  A file within the limits can still take seconds
    (Pillow decodes run-length coded BMP in Python): where that matters, decode in a worker process
    with a time limit (`hashmatch.workers.Isolation`).
    """
    return next(decode_pictures(data, decode=decode, limits=limits))


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
        As for `decode_image`, and if a frame or page cannot be decoded: the message names it.
    """
    check_decode(decode)
    wanted = _Wanted(decode, alpha=alpha, frames=frames, profiled=profiled)
    for picture in _decode_stored(data, wanted, limits):
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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The arguments of `decode_pictures`."""

    decode: str
    alpha: bool
    frames: bool
    profiled: bool


def _decode_stored(data: bytes, wanted: _Wanted, limits: DecodeLimits) -> Iterator[DecodedPicture]:
    """Yield the pictures as stored."""
    limits.check_bytes(len(data))
    if is_video(data[:HEAD_BYTES]):
        message = "not an image but a video: use hash_video or hashmatch video hash"
        raise DecodeError(message, ErrorKind.UNSUPPORTED)
    accepted = identify(data)
    with translate_errors(accepted.name):
        if accepted is JXL:  # whose plug-in decodes on opening
            accepted.check_size(*jxl_size(data), limits)
        image = accepted.open(data)
        accepted.check_size(*image.size, limits)
        if accepted is JPEG:
            loaded = [_load_jpeg(data, image, wanted)]
        else:
            loaded = [_load_picture(image, accepted, wanted)]
        has_more = wanted.frames and accepted is not JPEG and getattr(image, "is_animated", False)
        if accepted.pages:
            _release_pixels(image, loaded[0])
        elif not has_more:
            del image
        if loaded[0].array.size > _LARGE_VALUES:
            _return_freed_memory()
    yield loaded.pop()  # so that it is not held here as well
    if has_more:
        decode_further = _decode_pages if accepted.pages else _decode_frames
        yield from decode_further(image, accepted, limits, wanted)


def _return_freed_memory() -> None:
    """Give memory that Pillow has freed back to the system.

    Pillow keeps a picture in pieces of up to 16 MiB, which the C library would reuse for pieces of
    other pictures, but not for our arrays, which are in one piece.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim is not None:
        trim(0)


def _release_pixels(image: ImageFile.ImageFile, picture: DecodedPicture) -> None:
    """Free Pillow's copy of the pixels of a page, on which no other builds."""
    if picture.profile is None or picture.profile.inks is None:
        image._im = None


def _load_jpeg(data: bytes, image: ImageFile.ImageFile, wanted: _Wanted) -> DecodedPicture:
    profile = read_profile(image) if wanted.profiled else None
    is_luma = wanted.decode == "luma" and profile is None and has_luma_plane(image)
    pixels = decode_plain(data, image, luma=is_luma)
    if pixels is None:
        if not is_luma:
            return _load_picture(image, JPEG, wanted)
        reduce_to_luma(image)
        image.load()
        pixels = packed_pixels(image, "L")
    return DecodedPicture(pixels, "luma" if is_luma else "exact", JPEG.name, profile=profile)


def _load_picture(image: ImageFile.ImageFile, accepted: Format, wanted: _Wanted) -> DecodedPicture:
    """Load the picture at which an image is positioned; raises whatever Pillow raises."""
    samples, orientation = PLAIN_SAMPLES, 1
    if accepted is TIFF:  # as Pillow forgets the orientation once applied
        samples, orientation = read_samples(image), read_orientation(image)
    key = read_key(image, accepted) if wanted.alpha else None
    image.load()
    profile = read_profile(image) if wanted.profiled else None
    plane = read_alpha(image, key) if wanted.alpha else None
    pixels = rgb_pixels(image, samples)
    if accepted is TIFF:
        pixels = undo_orientation(pixels, orientation)
        plane = None if plane is None else undo_orientation(plane, orientation)
    return DecodedPicture(pixels, "exact", accepted.name, plane, profile=profile)


def _decode_frames(
    image: ImageFile.ImageFile, accepted: Format, limits: DecodeLimits, wanted: _Wanted
) -> Iterator[DecodedPicture]:
    with translate_errors(accepted.name):
        n_frames = int(getattr(image, "n_frames", 1))
    limits.check_frame_pixels(n_frames * image.width * image.height)
    stride = -(-n_frames // limits.max_frames)
    elapsed_ms = 0.0
    for number in range(1, n_frames):
        with translate_errors(f"{accepted.name} frame {number + 1}"):
            elapsed_ms += float(image.info.get("duration") or 0)
            image.seek(number)
            accepted.check_size(*image.size, limits, is_animated=True)
            if number % stride:
                image.load()
                continue
            picture = _load_picture(image, accepted, wanted)
            loaded = [replace(picture, timestamp_s=elapsed_ms / 1000)]
            del picture
        yield loaded.pop()


def _decode_pages(
    image: ImageFile.ImageFile, accepted: Format, limits: DecodeLimits, wanted: _Wanted
) -> Iterator[DecodedPicture]:
    # The pages of a TIFF are a chain that ends where seeking fails; counting them first would walk
    # all of it.
    numbers = count() if accepted is TIFF else range(int(getattr(image, "n_frames", 1)))
    first = image.tell()
    all_pixels = image.width * image.height
    for n_seen, number in enumerate((number for number in numbers if number != first), start=2):
        with translate_errors(f"{accepted.name} page {number + 1}"):
            try:
                image.seek(number)
            except EOFError:
                return
            if n_seen > limits.max_frames:
                message = f"too many pages: more than {limits.max_frames}"
                raise DecodeError(message, ErrorKind.TOO_MANY_FRAMES)
            accepted.check_size(*image.size, limits)
            all_pixels += image.width * image.height
            limits.check_frame_pixels(all_pixels)
            picture = _load_picture(image, accepted, wanted)
            loaded = [replace(picture, page=number + 1)]
            _release_pixels(image, picture)
            del picture
        yield loaded.pop()
