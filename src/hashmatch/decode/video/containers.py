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
    """One accepted container.

    Parameters
    ----------
    name : str
        As error messages have it.
    demuxer : str
        FFmpeg's name of its demuxer.
    signature : bytes
        Regular expression that matches the first bytes.
    """

    name: str
    demuxer: str
    signature: bytes


MP4 = Container("MP4", "mov", rb".{4}(?:ftyp|moov|mdat|free|skip|wide|pnot|styp|moof)")
MATROSKA = Container("Matroska", "matroska", rb"\x1aE\xdf\xa3")
AVI = Container("AVI", "avi", rb"RIFF.{4}AVI ")
FLV = Container("FLV", "flv", rb"FLV\x01")
ASF = Container("ASF", "asf", rb"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel")
OGG = Container("Ogg", "ogg", rb"OggS")
# The second form, with the arrival time before each packet, is that of Blu-ray.
MPEG_TS = Container("MPEG-TS", "mpegts", rb"(?:G.{187}){3}|(?:.{4}G.{187}){3}")
MPEG_PS = Container("MPEG-PS", "mpeg", rb"\x00\x00\x01\xba")

CONTAINERS = (MP4, MATROSKA, AVI, FLV, ASF, OGG, MPEG_TS, MPEG_PS)

CODECS = frozenset((
    "h264", "hevc", "av1", "vp8", "vp9", "vp6", "vp6f", "vp6a", "theora", "mpeg1video",
    "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "wmv3", "vc1",
    "h261", "h263", "h263p", "h263i", "flv1", "svq1", "svq3", "mjpeg", "dvvideo", "prores",
    "dnxhd", "cinepak", "msvideo1", "msrle", "indeo3", "indeo5", "rawvideo", "ffv1", "ffvhuff",
    "huffyuv", "utvideo", "qtrle", "rpza", "png",
))  # fmt: skip
"""FFmpeg's names of codecs, not of decoders: AV1 is "av1", whatever decodes it."""

_PICTURE_BRANDS = rb".{4}ftyp(?:avif|avis|heic|heix|heim|heis|mif1|msf1)"


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
    if (picture := find_format(head)) is not None or _matches(_PICTURE_BRANDS, head):
        name = picture.name if picture else "a picture in the container of MP4"
        raise DecodeError(f"not a video but a picture: {name}", ErrorKind.UNSUPPORTED)
    names = ", ".join(known.name for known in CONTAINERS)
    raise DecodeError(f"not a video in an accepted container ({names})", ErrorKind.NOT_MEDIA)


def is_video(head: bytes) -> bool:
    """Return whether a content is opened as a video, by its first `HEAD_BYTES` bytes."""
    return find_format(head) is None and _find_container(head) is not None


def _find_container(head: bytes) -> Container | None:
    if _matches(_PICTURE_BRANDS, head):
        return None
    return next((known for known in CONTAINERS if _matches(known.signature, head)), None)


def _matches(signature: bytes, head: bytes) -> bool:
    return re.match(signature, head, re.DOTALL) is not None
