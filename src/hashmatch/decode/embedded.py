"""Files inside a file: a video behind a photo, a picture behind a picture, a film beside a still.

Phones append the video of a motion photo and the gain map of an HDR picture to a JPEG, or put them
into a box of a HEIC; anyone can append anything.  The end of the outer file is found by its own
structure, and what follows is searched for the first bytes of pictures and videos.  What a JPEG has
before its first scan (the thumbnail of a camera) is not searched, nor are TIFF, bare JPEG XL and
containers of video other than MP4.

Source: Google's Motion Photo format 1.0 (``mpvd``).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

from hashmatch.decode.boxes import (
    BOX_HEADER_BYTES,
    Boxes,
    count_other_pictures,
    has_moving_track,
    has_several_formats,
    walk_boxes,
)
from hashmatch.decode.cropping import Crop, find_clean_apertures, find_pixel_crops
from hashmatch.decode.file_ends import ENDS, find_scan
from hashmatch.decode.formats import AVIF, JPEG, JXL, TIFF, find_format
from hashmatch.decode.read import open_content, unreadable
from hashmatch.decode.video.containers import HEAD_BYTES, MATROSKA, MP4, Container, is_video
from hashmatch.errors import DecodeError, ErrorKind

_MOST_FILES, _MOST_CROPS = 16, 4
_HEADER_BYTES = 1 << 20
_MOST_CANDIDATES = 1000
_MOST_READ_BYTES = 64 << 20

_MAGICS = (
    *((b"\xff\xd8\xff", 0), (b"\x89PNG\r\n\x1a\n", 0), (b"GIF87a", 0), (b"GIF89a", 0)),
    *((b"WEBP", 8), (b"ftyp", 4), (b"\x1aE\xdf\xa3", 0), (b"AVI ", 8), (b"FLV\x01", 0)),
    *((b"0&\xb2u\x8ef\xcf\x11\xa6\xd9", 0), (b"\0\0\1\xba", 0)),
)
"""Bytes near the start of a file, and how many come before them."""

_FTYP = re.compile(rb"\0\0..ftyp[ -~]{4}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A file inside another: from byte `start` up to, not including, byte `end`.

    `container` is given where the first bytes are those of a picture that is a video as well.
    """

    kind: Literal["picture", "video"]
    start: int
    end: int
    container: Container | None = None


@dataclass(frozen=True, slots=True)
class EmbeddedFiles:
    """All files inside a file, in order, and the reason why there may be more.

    `crops` are those that the file or one inside it asks for.
    """

    files: tuple[EmbeddedFile, ...] = ()
    crops: tuple[Crop, ...] = ()
    error: DecodeError | None = None


def find_embedded(source: bytes | str) -> EmbeddedFiles:
    """Find the files inside a picture or video, given its bytes or the path of a video.

    Looks at the bytes only; nothing is decoded. At most 16 files are found, and at most 64 MiB of a
    file on disk are searched; if there is more, or it cannot be read, `error` says so. Cost: about
    0.4 ms a megabyte of JPEG, less for others.
    """
    finder = _Finder()
    if isinstance(source, str):
        try:
            with open_content(source) as file:
                finder.search_file(file.fileno(), os.fstat(file.fileno()).st_size)
        except DecodeError as error:
            return EmbeddedFiles(error=error)
        except OSError as error:
            return EmbeddedFiles(error=unreadable(error))
    elif find_format(source[:HEAD_BYTES]) is not None or is_video(source[:HEAD_BYTES]):
        finder.search(source, finder.inside(source, 0, len(source)), len(source))
    crops = sorted(finder.crops, key=str)
    if len(crops) > _MOST_CROPS:
        finder.note(f"only {_MOST_CROPS} of {len(crops)} crops asked for were examined")
    return EmbeddedFiles(tuple(finder.files), tuple(crops[:_MOST_CROPS]), finder.error)


def read_embedded(source: bytes | str, file: EmbeddedFile) -> bytes:
    """Return the bytes of a file inside another; DecodeError if it cannot be read."""
    if isinstance(source, bytes):
        return source[file.start : file.end]
    with open_content(source) as outer:
        try:
            return os.pread(outer.fileno(), file.end - file.start, file.start)
        except OSError as error:
            raise unreadable(error) from error


class _Finder:
    """Collects the files found; positions in `data` are relative to `base`."""

    def __init__(self) -> None:
        self.files: list[EmbeddedFile] = []
        self.crops: set[Crop] = set()
        self.error: DecodeError | None = None
        self._n_candidates = 0

    def search_file(self, descriptor: int, size_bytes: int) -> None:
        """Search a video on disk, of which only unknown boxes and what follows them are read."""
        head = os.pread(descriptor, _HEADER_BYTES, 0)
        self.crops |= find_pixel_crops(head) if MATROSKA.signature.match(head) else set()
        if not MP4.signature.match(head):
            return
        boxes = walk_boxes(lambda at: os.pread(descriptor, BOX_HEADER_BYTES, at), size_bytes)
        for first, last in boxes.movies:
            length = min(last - first, _MOST_READ_BYTES)
            self._check_movie(os.pread(descriptor, length, first), 0, length)
        self._check_movies(boxes)
        left_bytes = _MOST_READ_BYTES
        for start, stop in [*boxes.unknown, (boxes.end, size_bytes)]:
            left_bytes -= stop - start
            if left_bytes < 0:
                self.note(f"more than {_MOST_READ_BYTES} bytes that are not part of the video")
                return
            self.search(os.pread(descriptor, stop - start, start), 0, stop - start, base=start)

    def search(self, data: bytes, at: int, end: int, *, base: int = 0) -> None:
        """Find the files between two positions."""
        found = dict.fromkeys(_MAGICS, at - 1)
        while at < end:
            for magic, before in _MAGICS:
                if found[magic, before] < at:
                    place = data.find(magic, at + before, end)
                    found[magic, before] = end if place < 0 else place - before
            at = min(found.values())
            if at >= end:
                return
            self._n_candidates += 1
            if len(self.files) >= _MOST_FILES or self._n_candidates > _MOST_CANDIDATES:
                self.note("too many files inside this one")
                return
            kind = _identify(data, at, end)
            stop = at + 1
            if kind is not None:
                number = len(self.files)
                self.files.append(EmbeddedFile(kind, base + at, base + end))
                stop = self.inside(data, at, end, base=base)
                self.files[number] = EmbeddedFile(kind, base + at, base + stop)
            at = stop

    def inside(self, data: bytes, start: int, end: int, *, base: int = 0) -> int:
        """Find the files inside the one that begins at a position, and return where it ends.

        That is before anything that is not part of it.
        """
        accepted = find_format(data[start : start + HEAD_BYTES])
        if accepted in ENDS:
            return max(start + 1, min(end, ENDS[accepted](data, start, end)))
        if accepted in (TIFF, JXL) and data[start + 4 : start + 8] != b"JXL ":
            return end
        if accepted is None and not MP4.signature.match(data, start):
            if MATROSKA.signature.match(data, start):
                self.crops |= find_pixel_crops(data[start : min(end, start + _HEADER_BYTES)])
            return end
        boxes = walk_boxes(lambda at: data[start + at : start + at + BOX_HEADER_BYTES], end - start)
        for first, last in boxes.movies:
            self._check_movie(data, start + first, start + last)
        for first, last in boxes.metas if accepted is AVIF else ():
            self.crops |= find_clean_apertures(data, start + first, start + last)
            if n_others := count_other_pictures(data[start + first : start + last]):
                self.note(f"{n_others} further pictures of the AVIF were not examined")
        if accepted is None:
            self._check_movies(boxes)
        elif any(
            has_moving_track(data, start + first, start + last) for first, last in boxes.movies
        ):
            self.files.append(EmbeddedFile("video", base + start, base + start + boxes.end, MP4))
        for first, last in boxes.unknown:
            self.search(data, start + first, start + last, base=base)
        return start + boxes.end

    def _check_movies(self, boxes: Boxes) -> None:
        if len(boxes.movies) > 1:
            self.note(f"only the first of {len(boxes.movies)} movies in the MP4 was examined")

    def _check_movie(self, data: bytes, start: int, end: int) -> None:
        """Note a track whose samples have several formats: FFmpeg skips all but one."""
        self.crops |= find_clean_apertures(data, start, end)
        if has_several_formats(data, start, end):
            self.note("only samples of one format of a track of the MP4 were examined")

    def note(self, reason: str) -> None:
        """Record why something may not have been found, unless something is recorded."""
        self.error = self.error or DecodeError(reason, ErrorKind.INCOMPLETE)


def _identify(data: bytes, start: int, end: int) -> Literal["picture", "video"] | None:
    """Return the kind of the file that begins at a position; None if none does."""
    head = data[start : min(end, start + HEAD_BYTES)]
    accepted = find_format(head)
    if head[4:8] == b"ftyp" and not _FTYP.match(head):
        return None
    if accepted is JPEG and find_scan(data, start, end) is None:
        return None
    if accepted is not None:
        return "picture"
    return "video" if is_video(head) else None
