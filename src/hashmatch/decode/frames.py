"""The pictures of a content after the first: frames of an animation, or pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from PIL import ImageFile

from hashmatch.decode.formats import TIFF, Format
from hashmatch.decode.limits import DecodeLimits
from hashmatch.decode.reasons import translate_errors
from hashmatch.decode.stored import DecodedPicture, load_picture
from hashmatch.errors import DecodeError, ErrorKind


def decode_further(
    image: ImageFile.ImageFile, accepted: Format, limits: DecodeLimits, *, alpha: bool
) -> Iterator[DecodedPicture]:
    """Yield the pictures after the one that an image is loaded with, in the order of the file.

    Raises
    ------
    DecodeError
        One cannot be decoded, or there are more than `limits` allows.
    """
    decode = _decode_pages if accepted.pages else _decode_frames
    return decode(image, accepted, limits, alpha=alpha)


def _decode_frames(
    image: ImageFile.ImageFile, accepted: Format, limits: DecodeLimits, *, alpha: bool
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
            limits.check_pixels(*image.size)
            if number % stride:
                image.load()
                continue
            picture = load_picture(image, accepted, alpha=alpha)
        yield replace(picture, timestamp_s=elapsed_ms / 1000)


def _decode_pages(
    image: ImageFile.ImageFile, accepted: Format, limits: DecodeLimits, *, alpha: bool
) -> Iterator[DecodedPicture]:
    all_pixels = image.width * image.height
    for n_seen, number in enumerate(_page_numbers(image, accepted), start=2):
        with translate_errors(f"{accepted.name} page {number + 1}"):
            try:
                image.seek(number)
            except EOFError:
                return
            if n_seen > limits.max_frames:
                raise DecodeError(
                    f"too many pages: more than {limits.max_frames}", ErrorKind.TOO_MANY_FRAMES
                )
            limits.check_pixels(*image.size)
            all_pixels += image.width * image.height
            limits.check_frame_pixels(all_pixels)
            picture = load_picture(image, accepted, alpha=alpha)
        yield replace(picture, page=number + 1)


def _page_numbers(image: ImageFile.ImageFile, accepted: Format) -> Iterator[int]:
    """Yield the numbers of all pages, from 0, except the current one.

    The pages of a TIFF are a chain that ends where seeking fails; counting them first would walk
    all of it.
    """
    first = image.tell()
    numbers = count() if accepted is TIFF else range(int(getattr(image, "n_frames", 1)))
    return (number for number in numbers if number != first)
