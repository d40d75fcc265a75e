"""Views before they are hashed: pictures, each with the name of its view."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from hashmatch.decode import (
    DEFAULT_LIMITS,
    DEFAULT_VIDEO_LIMITS,
    Crop,
    DecodeLimits,
    EmbeddedFile,
    Inside,
    Luma,
    VideoLimits,
    decode_pictures,
    decode_video,
    find_borders,
    find_embedded,
    flatten,
    read_content,
    read_embedded,
)
from hashmatch.errors import DecodeError, ErrorKind
from hashmatch.hashing import Pixels, grey_of
from hashmatch.values import Media
from hashmatch.views import (
    AS_STORED,
    FRAME,
    GROUNDS,
    PROFILED,
    TRIMMED,
    VIEW_KINDS,
    embedded,
    join,
    kinds,
    page,
)

_MADE_FROM_ANOTHER = frozenset(("flattened", "profiled"))  # kinds that follow their picture
_FIRST_CROP = 100  # number of a part that the file asks to crop to, beyond those inside borders
_ONLY_THE_FIRST = (
    "only the first frame of the video was examined: the policy's views leave out frames"
)


@dataclass(frozen=True, eq=False)
class View:
    """One picture to hash.

    `name` is ``"as_stored"`` for the first picture of a content as it is. `pixels`, uint8, are RGB
    (H, W, 3) or luma (H, W), perhaps a part of a larger array; `decode` says how they were
    obtained: ``"exact"``, ``"luma"``, or ``"video"`` for a frame of a video, whose time is
    `timestamp_s`. `is_first` is True for the first picture of the content and every view made from
    it; `is_complete` if no view is missing that the exactly decoded picture would give. `luma` is a
    video's frame as the decoder returns it; `pixels` are then its luma as shown. `missing` says
    which pixels could not be decoded.
    `file` is 0 for the content itself, otherwise the number of the stream or file inside it;
    `is_cropped` says that the picture was cropped as the file asks for. `picture` numbers the
    pictures of a content, `part` the parts of a picture that ``trimmed`` views show, from 1;
    `is_seen` is False for colours that transparency hides.
    """

    name: str
    pixels: Pixels
    decode: str
    timestamp_s: float | None
    is_first: bool
    is_complete: bool = True
    luma: Luma | None = None
    missing: DecodeError | None = None
    file: int = 0
    is_cropped: bool = False
    picture: int = 0
    part: int = 0
    is_seen: bool = True

    @cached_property
    def grey(self) -> Pixels:
        """The pixels, (H, W), for algorithms that hash grey pictures."""
        return grey_of(self.pixels)


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """The views to hash, and limits on what they may cost.

    `views` are the kinds of views in addition to ``"as_stored"``, from
    `hashmatch.views.VIEW_KINDS`; ValueError for others. `limits` bound a picture, `video_limits` a
    video. `video_interval_s` is the time between samples of a video, 0 for every frame, and
    `video_phase`, at least 0 and less than 1, the share of it at which the first is taken;
    `fingerprint_contents` sets it by the content's SHA-256, and `sampling_key` if there is one.
    """

    views: Collection[str] = VIEW_KINDS
    limits: DecodeLimits = DEFAULT_LIMITS
    video_limits: VideoLimits = DEFAULT_VIDEO_LIMITS
    video_interval_s: float = 1.0
    video_phase: float = 0.0
    sampling_key: str | None = field(default=None, repr=False)

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
        After the last view, the first reason why a part was not examined: one of those of
        `hashmatch.decode.decode_pictures` or `decode_video`; INCOMPLETE for a file inside the
        content, or if `views` lacks frames of a video.
    """
    picture = -1
    for rendered in _render_files(media, options, decode):
        is_derived = _MADE_FROM_ANOTHER.intersection(kinds(rendered.name)) or rendered.is_cropped
        picture += not is_derived
        view = replace(rendered, picture=picture)
        if "trimmed" in options.views and not view.is_cropped:
            yield from _with_trimmed(view)
        else:
            yield view
        del rendered, view  # their pixels are not needed while the next one is made


def _render_files(media: Media, options: ViewOptions, decode: str) -> Iterator[View]:
    """Yield the views of a file, then of the files inside it, and raise the first error."""
    is_video = media.kind == "video"
    source = media.source
    if isinstance(source, str) and not is_video:
        source = read_content(source, limits=options.limits)
    if isinstance(source, bytes) and not is_video:
        options.limits.check_bytes(len(source))
    error: DecodeError | None = None
    found = find_embedded(source)
    n_files = 0
    render = _render_video if is_video else _render_pictures
    try:
        for view in render(source, options, decode):
            n_files = view.file
            yield from _with_crops(_within(view, 0), found.crops)
            del view
    except DecodeError as failure:
        error = failure.with_traceback(None)
    n_pixels = 0
    for file in found.files:
        first = n_files + 1
        try:
            for view in _render_embedded(source, file, options):
                if file.kind == "picture":
                    n_pixels += view.pixels.shape[0] * view.pixels.shape[1]
                    options.limits.check_frame_pixels(n_pixels)
                n_files = first + view.file
                yield from _with_crops(_within(view, first), found.crops)
                del view
        except DecodeError as failure:
            error = error or _not_examined(file, failure)
        n_files = max(first, n_files)
    error = error or found.error
    if error is not None:
        raise error


def _within(view: View, first: int) -> View:
    """Return a view of a file inside the content, whose streams are counted from `first`."""
    number = first + view.file
    if not number:
        return view
    name = join(embedded(number), view.name)
    return replace(view, name=name, file=number, is_first=False)


def _not_examined(file: EmbeddedFile, cause: DecodeError) -> DecodeError:
    place = f"{file.kind} inside the file, at byte {file.start}"
    return DecodeError(f"{place}: {cause}", ErrorKind.INCOMPLETE)


def _render_embedded(
    source: bytes | str, file: EmbeddedFile, options: ViewOptions
) -> Iterator[View]:
    if file.kind == "video":
        return _render_video(source, options, file=file)
    return _render_pictures(read_embedded(source, file), options, "exact")


def _render_pictures(source: bytes | str, options: ViewOptions, decode: str) -> Iterator[View]:
    assert isinstance(source, bytes)
    pictures = decode_pictures(
        source,
        decode=decode,
        limits=options.limits,
        alpha=True,
        frames="frames" in options.views,
        profiled=PROFILED in options.views,
    )
    n_stored = 0
    for picture in pictures:
        name = AS_STORED
        if picture.timestamp_s is not None:
            name = FRAME
        elif picture.page is not None:
            name = page(picture.page)
        if picture.is_profiled:
            name = join(name, PROFILED)
        else:
            n_stored += 1
        view = View(
            name,
            picture.array,
            picture.decode,
            picture.timestamp_s,
            is_first=n_stored == 1,
            missing=picture.missing,
            is_seen=picture.profile is None,
        )
        yield replace(view, is_seen=view.is_seen and picture.alpha is None)
        if picture.alpha is not None and "flattened" in options.views:
            for ground, level in GROUNDS.items():
                flat = flatten(picture.array, picture.alpha, level)
                yield replace(view, name=join(name, ground), pixels=flat)
                del flat  # before the next one is made
        del picture, view  # no more than one is held


def _render_video(
    source: bytes | str, options: ViewOptions, _: str = "", *, file: EmbeddedFile | None = None
) -> Iterator[View]:
    frames = decode_video(
        source,
        interval_s=options.video_interval_s,
        phase=options.video_phase,
        frames="frames" in options.views,
        limits=options.video_limits,
        part=file,
    )
    stream = -1
    for frame in frames:
        is_next, stream = frame.stream != stream, frame.stream
        name = AS_STORED if is_next else FRAME
        yield View(
            name,
            frame.luma.as_shown(),
            "video",
            frame.timestamp_s,
            is_first=is_next,
            luma=frame.luma,
            file=stream,
        )
    if "frames" not in options.views:
        raise DecodeError(_ONLY_THE_FIRST, ErrorKind.INCOMPLETE)


def _with_crops(view: View, crops: Sequence[Crop]) -> Iterator[View]:
    """Yield a view, and the parts of it that players show if they crop as the file asks for."""
    yield view
    for number, crop in enumerate(crops, start=_FIRST_CROP):
        inside = crop.inside(*view.pixels.shape[:2])
        if inside is not None:
            yield replace(_cut_out(view, inside, number), is_cropped=True)


def _cut_out(view: View, inside: Inside, number: int) -> View:
    luma = view.luma
    return replace(
        view,
        part=number,
        name=join(view.name, TRIMMED),
        pixels=view.pixels[inside],
        luma=luma and replace(luma, pixels=luma.pixels[inside]),
    )


def _with_trimmed(view: View) -> Iterator[View]:
    """Yield a view, then everything that may be the picture inside its border.

    The exact pixels may have other borders than the luma plane, if it has any.
    """
    insides = find_borders(view.pixels)
    view = replace(view, is_complete=not insides or view.decode != "luma")
    yield view
    for number, inside in enumerate(insides, start=1):
        yield _cut_out(view, inside, number)
