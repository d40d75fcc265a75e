"""Files inside a file: a video behind a photo, a picture behind a picture, a film beside a still.

Phones append the video of a motion photo and the gain map of an HDR picture to a JPEG, or put them
into a box of a HEIC; anyone can append anything.  The end of the outer file is found by its own
structure, and what follows is searched for the first bytes of pictures and videos.  What a JPEG has
before its first scan (the thumbnail of a camera) is not searched, nor are TIFF, bare JPEG XL and
containers of video other than MP4.

Sources: ITU-T T.81, annex B (JPEG); ISO/IEC 14496-12, section 4.2 (boxes); the PNG and GIF89a
specifications; Google's Motion Photo format 1.0 (``mpvd``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hashmatch.decode.cropping import Crop, find_clean_apertures, find_pixel_crops
from hashmatch.decode.formats import AVIF, BMP, GIF, JPEG, JXL, PNG, TIFF, WEBP, Format, find_format
from hashmatch.decode.read import open_content
from hashmatch.decode.video.containers import (
    HEAD_BYTES,
    MATROSKA,
    MP4,
    Container,
    box_bytes,
    is_video,
)
from hashmatch.errors import DecodeError, ErrorKind

_MOST_FILES, _MOST_CROPS = 16, 4
_HEADER_BYTES = 1 << 20
_MOST_CANDIDATES = 1000
_MOST_STEPS = 1_000_000
_MOST_READ_BYTES = 64 << 20
_BOX_HEADER_BYTES = 16

_MAGICS = (
    *((b"\xff\xd8\xff", 0), (b"\x89PNG\r\n\x1a\n", 0), (b"GIF87a", 0), (b"GIF89a", 0)),
    *((b"WEBP", 8), (b"ftyp", 4), (b"\x1aE\xdf\xa3", 0)),
)
"""Bytes near the start of a file, and how many come before them."""

_START_OR_END = re.compile(rb"\xff[\xd8\xd9]")
_FTYP = re.compile(rb"\0\0..ftyp[ -~]{4}", re.DOTALL)
_MOVING = re.compile(rb"hdlr.{8}(?:vide|pict)", re.DOTALL)
_FORMATS = re.compile(rb"stsd\0{4}(.{4})", re.DOTALL)
_MOST_FORMATS = 100
_SCAN, _END, _FRAMES = 0xDA, 0xD9, frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))

_OWN_BOXES = frozenset(
    b"ftyp moov mdat moof mfra sidx ssix styp meta idat pdin prft emsg free skip wide pnot "
    b"jxlc jxlp jxli jbrd Exif".split()
) | {b"JXL ", b"xml "}
"""Boxes that no player takes for a file; all others are searched."""


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
    file on disk are searched; if there is more, `error` says so. DecodeError if it cannot be read.
    Cost: about a millisecond a megabyte of JPEG, less for others.
    """
    finder = _Finder()
    if isinstance(source, str):
        with open_content(source) as file:
            finder.search_file(file.fileno(), os.fstat(file.fileno()).st_size)
    elif find_format(source[:HEAD_BYTES]) is not None or is_video(source[:HEAD_BYTES]):
        finder.search(source, finder.inside(source, 0, len(source)), len(source))
    crops = sorted(finder.crops, key=str)
    if len(crops) > _MOST_CROPS:
        finder.note(
            f"only {_MOST_CROPS} of {len(crops)} crops that the file asks for were examined"
        )
    return EmbeddedFiles(tuple(finder.files), tuple(crops[:_MOST_CROPS]), finder.error)


def read_embedded(source: bytes | str, file: EmbeddedFile) -> bytes:
    """Return the bytes of a file inside another; DecodeError if it cannot be read."""
    if isinstance(source, bytes):
        return source[file.start : file.end]
    with open_content(source) as outer:
        return os.pread(outer.fileno(), file.end - file.start, file.start)


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
        boxes = _walk(lambda at: os.pread(descriptor, _BOX_HEADER_BYTES, at), size_bytes)
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
                stop = self.inside(data, at, end, base=base)
                self.files.insert(number, EmbeddedFile(kind, base + at, base + stop))
            at = stop

    def inside(self, data: bytes, start: int, end: int, *, base: int = 0) -> int:
        """Find the files inside the one that begins at a position, and return where it ends.

        That is before anything that is not part of it.
        """
        accepted = find_format(data[start : start + HEAD_BYTES])
        if accepted in _ENDS:
            return max(start + 1, min(end, _ENDS[accepted](data, start, end)))
        if accepted in (TIFF, JXL) and data[start + 4 : start + 8] != b"JXL ":
            return end
        if accepted is None and not MP4.signature.match(data, start):
            if MATROSKA.signature.match(data, start):
                self.crops |= find_pixel_crops(data[start : min(end, start + _HEADER_BYTES)])
            return end
        boxes = _walk(lambda at: data[start + at : start + at + _BOX_HEADER_BYTES], end - start)
        for first, last in boxes.movies:
            self._check_movie(data, start + first, start + last)
        for first, last in boxes.metas if accepted is AVIF else ():
            self.crops |= find_clean_apertures(data, start + first, start + last)
        if accepted is None:
            self._check_movies(boxes)
        elif any(_MOVING.search(data, start + first, start + last) for first, last in boxes.movies):
            self.files.append(EmbeddedFile("video", base + start, base + start + boxes.end, MP4))
        for first, last in boxes.unknown:
            self.search(data, start + first, start + last, base=base)
        return start + boxes.end

    def _check_movies(self, boxes: _Boxes) -> None:
        if len(boxes.movies) > 1:
            self.note(f"only the first of {len(boxes.movies)} movies in the MP4 was examined")

    def _check_movie(self, data: bytes, start: int, end: int) -> None:
        """Note a track whose samples have several formats: FFmpeg skips all but one."""
        self.crops |= find_clean_apertures(data, start, end)
        for table in _FORMATS.finditer(data, start, end):
            names, at = set(), table.end()
            for _ in range(min(int.from_bytes(table[1], "big"), _MOST_FORMATS)):
                names.add(data[at + 4 : at + 8])
                at += int.from_bytes(data[at : at + 4], "big")
            if len(names) > 1:
                self.note("only samples of one format of a track of the MP4 were examined")

    def note(self, reason: str) -> None:
        """Record why something may not have been found, unless something is recorded."""
        self.error = self.error or DecodeError(reason, ErrorKind.INCOMPLETE)


@dataclass(frozen=True, slots=True)
class _Boxes:
    """The outermost boxes of an MP4, HEIC or AVIF: where they end, which are unknown, its movies.

    Positions count from the start of the file.
    """

    end: int
    unknown: tuple[tuple[int, int], ...]
    movies: tuple[tuple[int, int], ...]
    metas: tuple[tuple[int, int], ...]


def _walk(read_header: Callable[[int], bytes], size_bytes: int) -> _Boxes:
    at = 0
    unknown: list[tuple[int, int]] = []
    named: dict[bytes, list[tuple[int, int]]] = {b"moov": [], b"meta": []}
    for _ in range(_MOST_STEPS):
        header = read_header(at)
        kind = header[4:8]
        length = box_bytes(header)
        if at >= size_bytes or (kind == b"ftyp" and at):  # another file begins
            break
        if length is None and kind not in _OWN_BOXES:
            break
        stop = size_bytes if length is None else min(at + length, size_bytes)
        if kind in named:
            named[kind].append((at, stop))
        elif kind not in _OWN_BOXES:
            unknown.append((at, stop))
        at = stop
    return _Boxes(at, tuple(unknown), tuple(named[b"moov"]), tuple(named[b"meta"]))


def _identify(data: bytes, start: int, end: int) -> Literal["picture", "video"] | None:
    """Return the kind of the file that begins at a position; None if none does."""
    head = data[start : min(end, start + HEAD_BYTES)]
    accepted = find_format(head)
    if head[4:8] == b"ftyp" and not _FTYP.match(head):
        return None
    if accepted is JPEG and _find_scan(data, start, end) is None:
        return None
    if accepted is not None:
        return "picture"
    return "video" if is_video(head) else None


def _find_scan(data: bytes, start: int, end: int) -> int | None:
    """Return where the first scan of a JPEG begins; None if it has no frame before one."""
    at, has_frame = start + 2, False
    for _ in range(_MOST_CANDIDATES):
        at = data.find(b"\xff", at, end)
        if at < 0 or at + 4 > end:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _BARE:
            at += 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN:
            return at if has_frame else None
        if marker == _END:
            return None
        has_frame = has_frame or marker in _FRAMES
    return None


def _end_of_jpeg(data: bytes, start: int, end: int) -> int:
    scan = _find_scan(data, start, end)
    if scan is None:
        return start + 2
    # In a scan, 0xFF is followed by 0 or a restart marker.
    found = _START_OR_END.search(data, scan, end)
    stop = end if found is None else found.end() if found[0] == b"\xff\xd9" else found.start()
    # Without an end marker, a video could follow that has those bytes.
    video = data.rfind(b"ftyp", scan, stop)
    return stop if video < 0 else max(scan, data.find(b"ftyp", scan, stop) - 4)


def _end_of_png(data: bytes, start: int, end: int) -> int:
    at = start + 8
    for _ in range(_MOST_STEPS):
        stop = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if stop > end:
            break
        if data[at + 4 : at + 8] == b"IEND":
            return stop
        at = stop
    return at


def _end_of_gif(data: bytes, start: int, end: int) -> int:
    at = start + 13 + _palette_bytes(data, start + 10)
    for _ in range(_MOST_STEPS):
        kind = data[at : at + 1]
        if kind == b";":
            return at + 1
        if kind == b"!":
            at += 2
        elif kind == b"," and at + 10 < end:
            at += 11 + _palette_bytes(data, at + 9)
        else:
            break
        while at < end and data[at]:
            at += 1 + data[at]
        at += 1
    return at


def _palette_bytes(data: bytes, at: int) -> int:
    flags = data[at] if at < len(data) else 0
    return 3 << (flags % 8 + 1) if flags & 0x80 else 0


def _end_of_riff(data: bytes, start: int, end: int) -> int:
    size_bytes = int.from_bytes(data[start + 4 : start + 8], "little")
    return min(end, start + 8 + size_bytes + size_bytes % 2)


def _end_of_bmp(data: bytes, start: int, _: int) -> int:
    return start + max(26, int.from_bytes(data[start + 2 : start + 6], "little"))


_ENDS: dict[Format | None, Callable[[bytes, int, int], int]] = {
    **{JPEG: _end_of_jpeg, PNG: _end_of_png, GIF: _end_of_gif},
    **{WEBP: _end_of_riff, BMP: _end_of_bmp},
}
"""Where files of a format end, between two positions; at a place in them if they are damaged."""
