"""The pictures of a content after the first: frames of an animation, or pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from PIL import ImageFile

from hashmatch.decode.formats import TIFF, Format
from hashmatch.decode.limits import DecodeLimits
from hashmatch.decode.reasons import decode_errors
from hashmatch.decode.stored import Pixels, stored_pixels
from hashmatch.errors import DecodeError


def further_pictures(
    image: ImageFile.ImageFile, accepted: Format, limits: DecodeLimits, *, alpha: bool
) -> Iterator[Pixels]:
    """Yield the pictures after the one an image is loaded with, in the order of the file.

    Raises
    ------
    DecodeError
        Where one cannot be decoded, or there are more than `limits` allows.
    """
    walk = _pages if accepted.pages else _frames
    return walk(image, accepted, limits, alpha=alpha)


def _frames(
    image: ImageFile.ImageFile, accepted: Format, limits: DecodeLimits, *, alpha: bool
) -> Iterator[Pixels]:
    with decode_errors(accepted.name):
        n_frames = int(getattr(image, "n_frames", 1))
    limits.check_frame_pixels(n_frames * image.width * image.height)
    stride = -(-n_frames // limits.max_frames)
    elapsed_ms = 0.0
    for number in range(1, n_frames):
        with decode_errors(f"{accepted.name} frame {number + 1}"):
            elapsed_ms += float(image.info.get("duration") or 0)
            image.seek(number)
            limits.check_pixels(*image.size)
            if number % stride:
                image.load()
                continue
            pixels = stored_pixels(image, accepted, alpha=alpha)
        yield replace(pixels, timestamp_s=elapsed_ms / 1000)


def _pages(
    image: ImageFile.ImageFile, accepted: Format, limits: DecodeLimits, *, alpha: bool
) -> Iterator[Pixels]:
    all_pixels = image.width * image.height
    for n_seen, number in enumerate(_page_numbers(image, accepted), start=2):
        with decode_errors(f"{accepted.name} page {number + 1}"):
            try:
                image.seek(number)
            except EOFError:
                return
            if n_seen > limits.max_frames:
                raise DecodeError(f"too many pages: more than {limits.max_frames}")
            limits.check_pixels(*image.size)
            all_pixels += image.width * image.height
            limits.check_frame_pixels(all_pixels)
            pixels = stored_pixels(image, accepted, alpha=alpha)
        yield replace(pixels, page=number + 1)


def _page_numbers(image: ImageFile.ImageFile, accepted: Format) -> Iterator[int]:
    """Yield the numbers of pages, from 0, but for the one at hand.

    The pages of a TIFF are a chain that ends where seeking does; counting them first would walk all
    of it.
    """
    first = image.tell()
    n_pages = None if accepted is TIFF else int(getattr(image, "n_frames", 1))
    number = 0
    while n_pages is None or number < n_pages:
        if number != first:
            yield number
        number += 1
