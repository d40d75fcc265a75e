"""Decode one content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import ImageFile

from hashmatch.decode.formats import JPEG, JXL, identify
from hashmatch.decode.frames import further_pictures
from hashmatch.decode.jpeg import has_luma_plane, reduce_to_luma
from hashmatch.decode.jxl import jxl_size
from hashmatch.decode.limits import DEFAULT_LIMITS, DecodeLimits
from hashmatch.decode.modes import packed_pixels
from hashmatch.decode.plain_jpeg import plain_pixels
from hashmatch.decode.reasons import decode_errors
from hashmatch.decode.stored import DECODES, Pixels, stored_pixels
from hashmatch.decode.video_formats import HEAD_BYTES, is_video
from hashmatch.errors import DecodeError


def check_decode(decode: str, known: Sequence[str] = DECODES) -> None:
    """Raise ValueError unless `decode` is the name of a known way to decode."""
    if decode not in known:
        raise ValueError(f"unknown decode {decode!r}: expected one of {', '.join(known)}")


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
        or to compare for equality.  ``"luma"`` gives the Y plane of a JPEG that has one, in less
        time, rounded to 8 bits: good for a search with a margin on the radius.  Any other
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
    Safe to call from several threads; decoders release the GIL while they decode.  A truncated file
    is refused, unless asked for (`hashmatch.workers.Isolation`), or the host has itself set
    `PIL.ImageFile.LOAD_TRUNCATED_IMAGES`.

    Two things are beyond reach from inside the process.  libtiff writes a line about a damaged
    compressed TIFF on the standard error of the process.  And a bounded file can still take seconds
    (Pillow decodes run-length coded BMP in Python): where that matters, decode in a worker process
    with a time limit.
    """
    return next(decode_pictures(data, decode=decode, limits=limits))


def decode_pictures(
    data: bytes,
    *,
    decode: str = "exact",
    limits: DecodeLimits = DEFAULT_LIMITS,
    alpha: bool = False,
    frames: bool = False,
) -> Iterator[Pixels]:
    """Yield the first picture of a content, and where `frames` all others, one at a time.

    Parameters
    ----------
    data, decode, limits
        As for `decode_image`; `limits` says how many frames are looked at.
    alpha : bool
        Whether to hand over what is transparent.
    frames : bool
        Whether to go on with the frames of an animation (GIF, WebP, PNG, AVIF) or the pages of a
        content (TIFF, HEIC), in the order of the file.  Of a multi-picture JPEG nothing but the
        first is a picture of its own.

    Raises
    ------
    DecodeError
        As `decode_image`, and where a frame or page cannot be decoded: the reason names it.
    """
    check_decode(decode)
    limits.check_bytes(len(data))
    if is_video(data[:HEAD_BYTES]):
        raise DecodeError("not an image but a video: hash_video and hashmatch video hash take it")
    accepted = identify(data)
    with decode_errors(accepted.name):
        if accepted is JXL:  # whose plug-in decodes when it opens
            limits.check_pixels(*jxl_size(data))
        image = accepted.open(data)
        limits.check_pixels(*image.size)
        if accepted is JPEG:
            first = _jpeg_pixels(data, image, decode)
        else:
            first = stored_pixels(image, accepted, alpha=alpha)
    yield first
    if frames and accepted is not JPEG:
        yield from further_pictures(image, accepted, limits, alpha=alpha)


def _jpeg_pixels(data: bytes, image: ImageFile.ImageFile, decode: str) -> Pixels:
    is_luma = decode == "luma" and has_luma_plane(image)
    plain = plain_pixels(data, image, luma=is_luma)
    if plain is not None:
        return Pixels(plain, "luma" if is_luma else "exact", JPEG.name)
    if not is_luma:
        return stored_pixels(image, JPEG, alpha=False)
    reduce_to_luma(image)
    image.load()
    return Pixels(packed_pixels(image, "L"), "luma", JPEG.name)
