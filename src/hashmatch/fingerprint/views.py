"""The ways of looking at one content, before any hash: pictures, each with its name.

A name is made of up to three parts, joined by ``/``: which picture of the content (``frame``,
``page2``; the first has no word), how it was laid out (``on_white``, ``on_black``) and whether its
border was ``trimmed``.  An orientation or a segment comes last, and is the algorithm's affair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode import (
    DEFAULT_LIMITS,
    DEFAULT_VIDEO_LIMITS,
    HEAD_BYTES,
    DecodedPicture,
    DecodeLimits,
    Inside,
    Luma,
    VideoLimits,
    decode_pictures,
    find_border,
    flatten,
    is_video,
    open_video,
    possible_borders,
)
from hashmatch.errors import DecodeError, ErrorKind
from hashmatch.values import AS_STORED, VIEW_KINDS

_GROUNDS = (("on_white", 255), ("on_black", 0))
_ONLY_THE_FIRST = (
    "of the video the first frame alone was looked at: the policy's views are without frames"
)


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
        ``"exact"`` or ``"luma"``; ``"video"`` of a frame of a video.
    timestamp_s : float or None
        Time of the frame.
    is_first : bool
        Whether this is the first picture of the content, or made from it.
    sure : bool
        Whether the views that exactly decoded pixels would give of this picture are all yielded.
    luma : Luma or None
        The same of a frame of a video as the decoder has it; `pixels` are then its luma as shown.
    """

    name: str
    pixels: NDArray[np.uint8]
    decode: str
    timestamp_s: float | None
    is_first: bool
    sure: bool
    luma: Luma | None = None


@dataclass(frozen=True, slots=True)
class Looking:
    """How contents are looked at, and how much one may cost.

    Parameters
    ----------
    views : collection of str
        Kinds of views beside ``"as_stored"``.
    limits : DecodeLimits
        Bounds on a picture.
    video_limits : VideoLimits
        Bounds on a video.
    video_interval_s : float
        Seconds from one frame of a video that is looked at to the next; 0: every frame.

    Raises
    ------
    ValueError
        For an unknown kind of view.
    """

    views: Collection[str] = VIEW_KINDS
    limits: DecodeLimits = DEFAULT_LIMITS
    video_limits: VideoLimits = DEFAULT_VIDEO_LIMITS
    video_interval_s: float = 1.0

    def __post_init__(self) -> None:
        for kind in self.views:
            if kind not in VIEW_KINDS:
                raise ValueError(f"unknown view {kind!r}: expected some of {', '.join(VIEW_KINDS)}")


@lru_cache(maxsize=4096)  # a long video has many views of few names
def name_of(view: str, word: str) -> str:
    """Return the name of a view that is turned or mirrored, or of a segment of it."""
    if word == AS_STORED:
        return view
    return word if view == AS_STORED else f"{view}/{word}"


def views_of(source: bytes | str, looking: Looking, *, decode: str) -> Iterator[View]:
    """Yield the views of a content but for orientations, the first as it is stored.

    `source` is the bytes, or the path of a video. One picture is held at a time.

    Raises
    ------
    DecodeError
        As `hashmatch.decode.decode_pictures`, whenever the picture concerned is due; of a video as
        `open_video`, and behind the last frame where it could not be decoded whole, or where frames
        are not among the views: it is then more than was looked at.
    """
    if isinstance(source, str) or is_video(source[:HEAD_BYTES]):
        yield from _views_of_video(source, looking)
        return
    kinds = looking.views
    pictures = decode_pictures(
        source,
        decode=decode,
        limits=looking.limits,
        alpha="flattened" in kinds,
        frames="frames" in kinds,
    )
    for number, picture in enumerate(pictures):
        for words, pixels in _layouts(picture):
            yield from _with_trimmed(picture, words, pixels, kinds, is_first=number == 0)


def _views_of_video(source: bytes | str, looking: Looking) -> Iterator[View]:
    is_first = True
    with open_video(
        source, interval_s=looking.video_interval_s, limits=looking.video_limits
    ) as frames:
        for frame in frames:
            name = AS_STORED if is_first else "frame"
            pixels = frame.luma.as_shown()
            whole = View(name, pixels, "video", frame.timestamp_s, is_first, True, frame.luma)
            yield whole
            inside = find_border(pixels) if "trimmed" in looking.views else None
            if inside is not None:
                yield replace(
                    whole,
                    name=name_of(name, "trimmed"),
                    pixels=np.ascontiguousarray(pixels[inside]),
                    luma=replace(frame.luma, pixels=frame.luma.pixels[inside]),
                )
            if "frames" not in looking.views:
                raise DecodeError(_ONLY_THE_FIRST, ErrorKind.INCOMPLETE)
            is_first = False
    if frames.error is not None:
        raise frames.error


def _layouts(picture: DecodedPicture) -> Iterator[tuple[list[str], NDArray[np.uint8]]]:
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
    picture: DecodedPicture,
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
