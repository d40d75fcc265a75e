"""Views before they are hashed: pictures, each with the name of its view."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from hashmatch.decode import (
    DEFAULT_LIMITS,
    DEFAULT_VIDEO_LIMITS,
    DecodeLimits,
    Inside,
    Luma,
    VideoLimits,
    decode_pictures,
    find_border,
    flatten,
    open_video,
    possible_borders,
    read_content,
)
from hashmatch.errors import DecodeError, ErrorKind
from hashmatch.hashing import Pixels, grey_of
from hashmatch.values import Media
from hashmatch.views import AS_STORED, FRAME, GROUNDS, PROFILED, TRIMMED, VIEW_KINDS, join, page

_ONLY_THE_FIRST = (
    "only the first frame of the video was examined: the policy's views leave out frames"
)


@dataclass(frozen=True, eq=False)
class View:
    """One picture to hash.

    `name` is ``"as_stored"`` for the first picture of a content as it is. `pixels`, uint8, are RGB
    (H, W, 3) or luma (H, W), perhaps a part of a larger array; `decode` says how they were
    obtained: ``"exact"``, ``"luma"``, or ``"video"`` for a frame of a video, whose time is
    `timestamp_s`. `is_first` is True for the
    first picture of the content and every view made from it; `is_complete` if no view is missing
    that the exactly decoded picture would give. `luma` is a video's frame as the decoder returns
    it; `pixels` are then its luma as shown.
    """

    name: str
    pixels: Pixels
    decode: str
    timestamp_s: float | None
    is_first: bool
    is_complete: bool = True
    luma: Luma | None = None

    @cached_property
    def grey(self) -> Pixels:
        """The pixels, (H, W), for algorithms that hash grey pictures."""
        return grey_of(self.pixels)


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """The views to hash, and limits on what they may cost.

    `views` are the kinds of views in addition to ``"as_stored"``, from
    `hashmatch.views.VIEW_KINDS`; ValueError for others. `limits` bound a picture, `video_limits` a
    video. `video_interval_s` is the time between hashed frames of a video; 0: every frame.
    """

    views: Collection[str] = VIEW_KINDS
    limits: DecodeLimits = DEFAULT_LIMITS
    video_limits: VideoLimits = DEFAULT_VIDEO_LIMITS
    video_interval_s: float = 1.0

    def __post_init__(self) -> None:
        for kind in self.views:
            if kind not in VIEW_KINDS:
                raise ValueError(f"unknown view {kind!r}: expected some of {', '.join(VIEW_KINDS)}")


def render_views(media: Media, options: ViewOptions, *, decode: str) -> Iterator[View]:
    """Yield the views of some content, except for orientations; the first is the picture as stored.

    One picture is held at a time.

    Raises
    ------
    DecodeError
        As `hashmatch.decode.decode_pictures`, when the picture concerned is due; for a video as
        `open_video`, and after the last frame if the video could not be decoded to its end, or if
        `views` lacks frames, since part of it was then not examined.
    """
    render = _render_video if media.kind == "video" else _render_pictures
    for view in render(media.source, options, decode):
        if "trimmed" in options.views:
            yield from _with_trimmed(view)
        else:
            yield view
        del view  # its pixels are not needed while the next one is made


def _render_pictures(source: bytes | str, options: ViewOptions, decode: str) -> Iterator[View]:
    pictures = decode_pictures(
        read_content(source, limits=options.limits) if isinstance(source, str) else source,
        decode=decode,
        limits=options.limits,
        alpha="flattened" in options.views,
        frames="frames" in options.views,
        profiled=PROFILED in options.views,
    )
    for picture in pictures:
        name = AS_STORED
        if picture.timestamp_s is not None:
            name = FRAME
        elif picture.page is not None:
            name = page(picture.page)
        is_first = name == AS_STORED
        if picture.is_profiled:
            name = join(name, PROFILED)
        yield View(name, picture.array, picture.decode, picture.timestamp_s, is_first)
        if picture.alpha is not None:
            for ground, level in GROUNDS.items():
                yield View(
                    join(name, ground),
                    flatten(picture.array, picture.alpha, level),
                    picture.decode,
                    picture.timestamp_s,
                    is_first,
                )
        del picture  # no more than one is held


def _render_video(source: bytes | str, options: ViewOptions, _: str) -> Iterator[View]:
    name = AS_STORED
    with open_video(
        source, interval_s=options.video_interval_s, limits=options.video_limits
    ) as frames:
        for frame in frames:
            is_first = name == AS_STORED
            pixels = frame.luma.as_shown()
            yield View(name, pixels, "video", frame.timestamp_s, is_first, luma=frame.luma)
            if "frames" not in options.views:
                raise DecodeError(_ONLY_THE_FIRST, ErrorKind.INCOMPLETE)
            name = FRAME
    if frames.error is not None:
        raise frames.error


def _with_trimmed(view: View) -> Iterator[View]:
    """Yield a view and, if it has a border, the picture inside it.

    Luma only nominates candidates, so every border that the exact pixels may have is trimmed.
    """
    pixels, luma = view.pixels, view.luma
    borders: Sequence[Inside | None] | None = (
        possible_borders(pixels) if view.decode == "luma" else (find_border(pixels),)
    )
    view = replace(view, is_complete=borders is not None)
    yield view
    for inside in borders or ():
        if inside is not None:
            yield replace(
                view,
                name=join(view.name, TRIMMED),
                pixels=pixels[inside],
                luma=luma and replace(luma, pixels=luma.pixels[inside]),
            )
