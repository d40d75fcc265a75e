"""The allow-list of video: containers that are opened, and codecs that are decoded.

A container is recognised by its first bytes, and its demuxer is named to FFmpeg, so that FFmpeg
never guesses.  None of them opens anything but the bytes it is given: no playlist, no list of files
to join, no network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hashmatch.decode.formats import find_format
from hashmatch.errors import DecodeError, ErrorKind

HEAD_BYTES = 3 * 192
"""Bytes from the start of a file that decide whether it is a video: three packets of MPEG-TS."""


@dataclass(frozen=True, slots=True)
class Container:
    """One accepted container: FFmpeg's demuxer, and a regular expression of its first bytes."""

    name: str
    demuxer: str
    signature: re.Pattern[bytes]


MP4 = Container(
    "MP4", "mov", re.compile(rb".{4}(?:ftyp|moov|mdat|free|skip|wide|pnot|styp|moof)", re.DOTALL)
)
MATROSKA = Container("Matroska", "matroska", re.compile(rb"\x1aE\xdf\xa3"))
AVI = Container("AVI", "avi", re.compile(rb"RIFF.{4}AVI ", re.DOTALL))
FLV = Container("FLV", "flv", re.compile(rb"FLV\x01"))
ASF = Container("ASF", "asf", re.compile(rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel"))
OGG = Container("Ogg", "ogg", re.compile(rb"OggS"))
# The second form, with the arrival time before each packet, is that of Blu-ray.
MPEG_TS = Container(
    "MPEG-TS", "mpegts", re.compile(rb"(?:G.{187}){3}|(?:.{4}G.{187}){3}", re.DOTALL)
)
MPEG_PS = Container("MPEG-PS", "mpeg", re.compile(rb"\x00\x00\x01\xba"))

CONTAINERS = (MP4, MATROSKA, AVI, FLV, ASF, OGG, MPEG_TS, MPEG_PS)

CODECS = frozenset((
    "h264", "hevc", "av1", "vp8", "vp9", "vp6", "vp6f", "vp6a", "theora", "mpeg1video",
    "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "wmv3", "vc1",
    "h261", "h263", "h263p", "h263i", "flv1", "svq1", "svq3", "mjpeg", "dvvideo", "prores",
    "dnxhd", "cinepak", "msvideo1", "msrle", "indeo3", "indeo5", "rawvideo", "ffv1", "ffvhuff",
    "huffyuv", "utvideo", "qtrle", "rpza", "png",
))  # fmt: skip
"""FFmpeg's names of codecs, not of decoders: AV1 is "av1", whatever decodes it."""

_PICTURE_BRANDS = re.compile(rb".{4}ftyp(?:avif|avis|heic|heix|heim|heis|mif1|msf1)", re.DOTALL)


def identify_video(head: bytes) -> Container:
    """Return the container of a file by its first `HEAD_BYTES` bytes.

    Raises
    ------
    DecodeError
        It is not on the list, or a picture, such as AVIF or HEIC in the container of MP4.
    """
    container = _find_container(head)
    if container is not None:
        return container
    if (picture := find_format(head)) is not None or _PICTURE_BRANDS.match(head):
        name = picture.name if picture else "a picture in the container of MP4"
        raise DecodeError(f"not a video but a picture: {name}", ErrorKind.UNSUPPORTED)
    names = ", ".join(known.name for known in CONTAINERS)
    raise DecodeError(f"not a video in an accepted container ({names})", ErrorKind.NOT_MEDIA)


def is_video(head: bytes) -> bool:
    """Return whether a content is opened as a video, by its first `HEAD_BYTES` bytes."""
    return find_format(head) is None and _find_container(head) is not None


def _find_container(head: bytes) -> Container | None:
    if _PICTURE_BRANDS.match(head):
        return None
    return next((known for known in CONTAINERS if known.signature.match(head)), None)
