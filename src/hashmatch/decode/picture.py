"""Decoding of one content: its first picture, and on demand all others."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import ImageFile

from hashmatch.decode.formats import JPEG, JXL, identify
from hashmatch.decode.frames import decode_further
from hashmatch.decode.jpeg import has_luma_plane, reduce_to_luma
from hashmatch.decode.jxl import jxl_size
from hashmatch.decode.limits import DEFAULT_LIMITS, DecodeLimits
from hashmatch.decode.modes import packed_pixels
from hashmatch.decode.plain_jpeg import plain_pixels
from hashmatch.decode.reasons import translate_errors
from hashmatch.decode.stored import DECODES, DecodedPicture, load_picture
from hashmatch.decode.video.containers import HEAD_BYTES, is_video
from hashmatch.errors import DecodeError, ErrorKind


def accept_truncated() -> None:
    """Make Pillow decode what there is of a truncated file, in this whole process.

    The rest is grey or black.  For processes that only decode: `hashmatch.workers.Isolation`.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = True


def check_decode(decode: str) -> None:
    """Raise ValueError unless `decode` names a way to decode."""
    if decode not in DECODES:
        raise ValueError(f"unknown decode {decode!r}: expected one of {', '.join(DECODES)}")


def decode_image(
    data: bytes, *, decode: str = "exact", limits: DecodeLimits = DEFAULT_LIMITS
) -> DecodedPicture:
    """Decode the first picture of a content.

    Parameters
    ----------
    data : bytes
        The whole file; not copied.
    decode : {"exact", "luma"}
        ``"exact"`` gives RGB as the reference implementations see it; use it for hashes that are
        published, stored or compared for equality.  ``"luma"`` gives the Y plane of a JPEG that
        has one, in less time, rounded to 8 bits: good for a search with a margin on the radius.
        Any other content saves nothing and is decoded exactly.
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
    Safe to call from several threads; decoders release the GIL while they decode.  A truncated file
    is refused, unless asked for (`hashmatch.workers.Isolation`), or the host has itself set
    `PIL.ImageFile.LOAD_TRUNCATED_IMAGES`.

    libtiff writes a line about a damaged compressed TIFF to stderr.  A file within the limits can
    still take seconds (Pillow decodes run-length coded BMP in Python): where that matters, decode
    in a worker process with a time limit.
    """
    return next(decode_pictures(data, decode=decode, limits=limits))


def decode_pictures(
    data: bytes,
    *,
    decode: str = "exact",
    limits: DecodeLimits = DEFAULT_LIMITS,
    alpha: bool = False,
    frames: bool = False,
) -> Iterator[DecodedPicture]:
    """Yield the first picture of a content, and if `frames` all others, one at a time.

    Parameters
    ----------
    data, decode, limits
        As for `decode_image`; `limits` says how many frames are looked at.
    alpha : bool
        Whether to return the alpha as well.
    frames : bool
        Whether to continue with the frames of an animation (GIF, WebP, PNG, AVIF) or the pages of a
        content (TIFF, HEIC), in the order of the file.  Of a multi-picture JPEG only the first
        picture counts.

    Raises
    ------
    DecodeError
        As for `decode_image`, and if a frame or page cannot be decoded: the message names it.
    """
    check_decode(decode)
    limits.check_bytes(len(data))
    if is_video(data[:HEAD_BYTES]):
        raise DecodeError(
            "not an image but a video: hash_video and hashmatch video hash take it",
            ErrorKind.UNSUPPORTED,
        )
    accepted = identify(data)
    with translate_errors(accepted.name):
        if accepted is JXL:  # whose plug-in decodes when it opens
            limits.check_pixels(*jxl_size(data))
        image = accepted.open(data)
        limits.check_pixels(*image.size)
        if accepted is JPEG:
            first = _load_jpeg(data, image, decode)
        else:
            first = load_picture(image, accepted, alpha=alpha)
    yield first
    if frames and accepted is not JPEG:
        yield from decode_further(image, accepted, limits, alpha=alpha)


def _load_jpeg(data: bytes, image: ImageFile.ImageFile, decode: str) -> DecodedPicture:
    is_luma = decode == "luma" and has_luma_plane(image)
    pixels = plain_pixels(data, image, luma=is_luma)
    if pixels is None and not is_luma:
        return load_picture(image, JPEG, alpha=False)
    if pixels is None:
        reduce_to_luma(image)
        image.load()
        pixels = packed_pixels(image, "L")
    return DecodedPicture(pixels, "luma" if is_luma else "exact", JPEG.name)
