"""The allow-list of video: containers that are opened, and codecs that are decoded.

A container is recognised by its first bytes, and its demuxer is named to FFmpeg, so that FFmpeg
never guesses.  No demuxer on the list opens anything but the bytes it is given: no playlist, no
list of files to join, no network.

Demuxers stop quietly where a file ends, so a truncated video would pass for a complete one.
`ends_early` therefore compares the size of the file with the sizes that the file states for its
outermost chunks.  That finds every cut through an MP4, Matroska, AVI or ASF file whose writer
stated the sizes, and a cut through the last tag of an FLV file.  It does not find a cut between
chunks, as in a fragmented MP4.  Live recordings in Matroska state no size, and MPEG-TS, MPEG-PS and
Ogg are streams without a stated end: in these a cut looks like a normal end.

Sources: ISO/IEC 14496-12, section 4.2 (boxes); RFC 8794, section 4-6 and RFC 9559 (EBML, Matroska);
the RIFF and ASF specifications of Microsoft; Adobe's Video File Format Specification 10.1, annex E.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from hashmatch.decode.formats import find_format
from hashmatch.errors import DecodeError, ErrorKind

HEAD_BYTES = 3 * 192
"""Bytes from the start of a file that decide whether it is a video: three packets of MPEG-TS."""

CODECS = frozenset((
    "h264", "hevc", "av1", "vp8", "vp9", "vp6", "vp6f", "vp6a", "theora", "mpeg1video",
    "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "wmv3", "vc1",
    "h261", "h263", "h263p", "h263i", "flv1", "svq1", "svq3", "mjpeg", "dvvideo", "prores",
    "dnxhd", "cinepak", "msvideo1", "msrle", "indeo3", "indeo5", "rawvideo", "ffv1", "ffvhuff",
    "huffyuv", "utvideo", "qtrle", "rpza", "png",
))  # fmt: skip
"""FFmpeg's names of codecs, not of decoders: AV1 is "av1", whatever decodes it."""

_MOST_CHUNKS = 1_000_000
_CHUNK_HEADER_BYTES = 24
_FLV_HEADER_BYTES, _FLV_TAG_HEADER_BYTES = 13, 11
_FLV_TYPE_BITS, _FLV_TYPES = 0x1F, frozenset((8, 9, 18))
_EBML_ID, _SEGMENT_ID = b"\x1aE\xdf\xa3", b"\x18\x53\x80\x67"

ReadAt = Callable[[int, int], bytes]
"""Reads at an offset at most so many bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """One accepted container: FFmpeg's demuxer, and a regular expression of its first bytes.

    `chunk_bytes` returns the size that an outermost chunk states in its first 24 bytes, None if the
    chunk states no size. `streams_may_begin_late` means that no header lists the streams.
    """

    name: str
    demuxer: str
    signature: re.Pattern[bytes]
    chunk_bytes: Callable[[bytes], int | None] | None = None
    streams_may_begin_late: bool = False


def box_bytes(head: bytes) -> int | None:
    """Return the size of an MP4 box; None if it extends to the end of the file or is not a box."""
    if len(head) < 8:
        return 8
    if not (head[4:8].isascii() and head[4:8].decode("ascii").isprintable()):
        return None
    size_bytes = int.from_bytes(head[:4], "big")
    if size_bytes == 1:
        size_bytes = int.from_bytes(head[8:16], "big") if len(head) >= 16 else 16
    return size_bytes if size_bytes >= 8 else None


def _element_bytes(head: bytes) -> int | None:
    """Return the size of an EBML header or Matroska segment; None if unknown or neither."""
    if not head.startswith((_EBML_ID, _SEGMENT_ID)):
        return None
    length = 9 - head[4].bit_length() if len(head) > 4 and head[4] else 0
    if not 1 <= length <= 8:
        return None
    value = int.from_bytes(head[4 : 4 + length], "big") & ((1 << 7 * length) - 1)
    if value == (1 << 7 * length) - 1:  # all ones: unknown when written
        return None
    return 4 + length + value


def _riff_bytes(head: bytes) -> int | None:
    """Return the size of a RIFF chunk; None if it is not one or states no size."""
    if len(head) < 8 and b"RIFF".startswith(head[:4]):
        return 8
    size_bytes = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or size_bytes in (0, 0xFFFFFFFF):
        return None
    return 8 + size_bytes + size_bytes % 2


def _object_bytes(head: bytes) -> int | None:
    """Return the size of an ASF object; None if it states no size."""
    if len(head) < 24:
        return 24
    size_bytes = int.from_bytes(head[16:24], "little")
    return size_bytes if size_bytes >= 24 else None


_BOXES = re.compile(rb".{4}(?:ftyp|moov|mdat|free|skip|wide|pnot|styp|moof)", re.DOTALL)
_ASF_HEADER = re.compile(rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel")
# The second form, with the arrival time before each packet, is that of Blu-ray.
_TS_PACKETS = re.compile(rb"(?:G.{187}){3}|(?:.{4}G.{187}){3}", re.DOTALL)

MP4 = Container("MP4", "mov", _BOXES, box_bytes)
MATROSKA = Container("Matroska", "matroska", re.compile(_EBML_ID), _element_bytes)
AVI = Container("AVI", "avi", re.compile(rb"RIFF.{4}AVI ", re.DOTALL), _riff_bytes)
FLV = Container("FLV", "flv", re.compile(rb"FLV\x01"), streams_may_begin_late=True)
ASF = Container("ASF", "asf", _ASF_HEADER, _object_bytes)
OGG = Container("Ogg", "ogg", re.compile(rb"OggS"))
MPEG_TS = Container("MPEG-TS", "mpegts", _TS_PACKETS, streams_may_begin_late=True)
MPEG_PS = Container(
    "MPEG-PS", "mpeg", re.compile(rb"\x00\x00\x01\xba"), streams_may_begin_late=True
)

CONTAINERS = (MP4, MATROSKA, AVI, FLV, ASF, OGG, MPEG_TS, MPEG_PS)

_PICTURE_BRANDS = re.compile(rb".{4}ftyp(?:avif|avis|heic|heix|heim|heis|mif1|msf1)", re.DOTALL)


def is_video(head: bytes) -> bool:
    """Return whether the first `HEAD_BYTES` bytes are those of a video."""
    return find_format(head) is None and _find_container(head) is not None


def identify_video(head: bytes) -> Container:
    """Return the container of a file by its first `HEAD_BYTES` bytes.

    Raises DecodeError if the container is not on the list, or if the file is a picture, such as
    AVIF or HEIC in the container of MP4.
    """
    container = _find_container(head)
    if container is not None:
        return container
    if (picture := find_format(head)) is not None or _PICTURE_BRANDS.match(head):
        name = picture.name if picture else "a picture in the container of MP4"
        raise DecodeError(f"not a video but a picture: {name}", ErrorKind.UNSUPPORTED)
    names = ", ".join(known.name for known in CONTAINERS)
    raise DecodeError(f"not a video in an accepted container ({names})", ErrorKind.NOT_MEDIA)


def _find_container(head: bytes) -> Container | None:
    if _PICTURE_BRANDS.match(head):
        return None
    return next((known for known in CONTAINERS if known.signature.match(head)), None)


def ends_early(container: Container, read_at: ReadAt, size_bytes: int) -> bool:
    """Return whether a file of `size_bytes` bytes is shorter than the sizes it states."""
    if container is FLV:
        return _is_last_tag_cut(read_at, size_bytes)
    if container.chunk_bytes is None:
        return False
    at = 0
    for _ in range(_MOST_CHUNKS):
        if at >= size_bytes:
            return at > size_bytes
        chunk_bytes = container.chunk_bytes(read_at(at, _CHUNK_HEADER_BYTES))
        if chunk_bytes is None:
            return False
        at += chunk_bytes
    return False


def has_rest(container: Container, read_at: ReadAt, size_bytes: int) -> bool:
    """Return whether an FLV or ASF file goes on where its demuxer stops, or skips, in silence."""
    if container not in (FLV, ASF):
        return False
    at = _FLV_HEADER_BYTES if container is FLV else 0
    for _ in range(_MOST_CHUNKS):
        if at >= size_bytes:
            return False
        head = read_at(at, _CHUNK_HEADER_BYTES)
        if container is FLV:
            if head[0] & _FLV_TYPE_BITS not in _FLV_TYPES:
                return True
            at += _FLV_TAG_HEADER_BYTES + int.from_bytes(head[1:4], "big") + 4
        else:
            length = _object_bytes(head)
            if length is None or (at and ASF.signature.match(head)):
                return True
            at += length
    return False


def _is_last_tag_cut(read_at: ReadAt, size_bytes: int) -> bool:
    """Return whether the last four bytes of an FLV file are not the size of the tag before them."""
    if size_bytes <= _FLV_HEADER_BYTES:
        return False
    tag_bytes = int.from_bytes(read_at(size_bytes - 4, 4), "big")
    start = size_bytes - 4 - tag_bytes
    if tag_bytes < _FLV_TAG_HEADER_BYTES or start < _FLV_HEADER_BYTES:
        return True
    return int.from_bytes(read_at(start + 1, 3), "big") + _FLV_TAG_HEADER_BYTES != tag_bytes
