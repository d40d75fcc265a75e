"""The ways of looking at one content, before any hash: pictures, each with its name.

A name is made of up to three parts, joined by ``/``: which picture of the content (``frame``,
``page2``; the first has no word), how it was laid out (``on_white``, ``on_black``) and whether its
border was ``trimmed``.  An orientation or a segment comes last, and is the algorithm's affair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode import DecodeLimits, Pixels, decode_pictures
from hashmatch.fingerprint.border import Inside, find_border, possible_borders
from hashmatch.fingerprint.flatten import flatten
from hashmatch.values import AS_STORED, VIEW_KINDS

_GROUNDS = (("on_white", 255), ("on_black", 0))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One picture to hash.

    Parameters
    ----------
    name : str
        ``"as_stored"`` for the first picture of a content as it is.
    pixels : ndarray of uint8
        Shape (H, W, 3), RGB, or (H, W), luma.
    decode : str
        ``"exact"`` or ``"luma"``.
    timestamp_s : float or None
        Time of the frame.
    is_first : bool
        Whether this is the first picture of the content, or made from it.
    sure : bool
        Whether the views that exactly decoded pixels would give of this picture are all yielded.
    """

    name: str
    pixels: NDArray[np.uint8]
    decode: str
    timestamp_s: float | None
    is_first: bool
    sure: bool


def check_views(views: Collection[str]) -> None:
    """Raise ValueError unless all these are kinds of views."""
    for kind in views:
        if kind not in VIEW_KINDS:
            raise ValueError(f"unknown view {kind!r}: expected some of {', '.join(VIEW_KINDS)}")


def name_of(view: str, word: str) -> str:
    """Return the name of a view that is turned or mirrored, or of a segment of it."""
    if word == AS_STORED:
        return view
    return word if view == AS_STORED else f"{view}/{word}"


def views_of(
    data: bytes, kinds: Collection[str], *, decode: str, limits: DecodeLimits
) -> Iterator[View]:
    """Yield the views of a content but for orientations, the first as it is stored.

    One picture is held at a time.

    Raises
    ------
    DecodeError
        As `hashmatch.decode.decode_pictures`, whenever the picture concerned is due.
    """
    pictures = decode_pictures(
        data, decode=decode, limits=limits, alpha="flattened" in kinds, frames="frames" in kinds
    )
    for number, picture in enumerate(pictures):
        for words, pixels in _layouts(picture):
            yield from _with_trimmed(picture, words, pixels, kinds, is_first=number == 0)


def _layouts(picture: Pixels) -> Iterator[tuple[list[str], NDArray[np.uint8]]]:
    words = []
    if picture.timestamp_s is not None:
        words = ["frame"]
    elif picture.page is not None:
        words = [f"page{picture.page}"]
    yield words, picture.array
    if picture.alpha is not None:
        for name, ground in _GROUNDS:
            yield [*words, name], flatten(picture.array, picture.alpha, ground)


def _with_trimmed(
    picture: Pixels,
    words: list[str],
    pixels: NDArray[np.uint8],
    kinds: Collection[str],
    *,
    is_first: bool,
) -> Iterator[View]:
    # Of luma every border is looked behind that the exact pixels may turn out to have, so that a
    # match of theirs is met.
    if "trimmed" not in kinds:
        borders: Sequence[Inside | None] | None = ()
    elif picture.decode == "exact":
        borders = (find_border(pixels),)
    else:
        borders = possible_borders(pixels)
    facts = (picture.decode, picture.timestamp_s, is_first, borders is not None)
    yield View("/".join(words) or AS_STORED, pixels, *facts)
    for inside in borders or ():
        if inside is not None:
            trimmed = np.ascontiguousarray(pixels[inside])
            yield View("/".join([*words, "trimmed"]), trimmed, *facts)
