"""The allow-list of video: which containers are opened, and which codecs are decoded.

Each container is told from its first bytes, and its demuxer is named to FFmpeg, which so never
guesses. None of them opens anything but the bytes it is given: no playlist, no list of files to be
joined, no network.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from hashmatch.decode.formats import identify
from hashmatch.errors import DecodeError

HEAD_BYTES = 3 * 192
"""How much of a file `identify_video` wants to see."""


@dataclass(frozen=True, slots=True)
class Container:
    """One accepted container: its name in reasons, and FFmpeg's name of its demuxer."""

    name: str
    demuxer: str


MP4 = Container("MP4", "mov")
MATROSKA = Container("Matroska", "matroska")
AVI = Container("AVI", "avi")
FLV = Container("FLV", "flv")
ASF = Container("ASF", "asf")
OGG = Container("Ogg", "ogg")
MPEG_TS = Container("MPEG-TS", "mpegts")
MPEG_PS = Container("MPEG-PS", "mpeg")

CONTAINERS = (MP4, MATROSKA, AVI, FLV, ASF, OGG, MPEG_TS, MPEG_PS)

CODECS = frozenset(
    (
        *("h264", "hevc", "av1", "vp8", "vp9", "vp6", "vp6f", "vp6a", "theora"),
        *("mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3"),
        *("wmv1", "wmv2", "wmv3", "vc1", "h261", "h263", "h263p", "h263i", "flv1", "svq1", "svq3"),
        *("mjpeg", "dvvideo", "prores", "dnxhd", "cinepak", "msvideo1", "msrle"),
        *(
            "indeo3",
            "indeo5",
            "rawvideo",
            "ffv1",
            "ffvhuff",
            "huffyuv",
            "utvideo",
            "qtrle",
            "rpza",
            "png",
        ),
    )
)
"""FFmpeg's names of the codecs, not of the decoders: AV1 is "av1", whatever decodes it."""

_SIGNATURES = (
    (b"\x1aE\xdf\xa3", MATROSKA),
    (b"FLV\x01", FLV),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\x00\xaa\x00b\xcel", ASF),
    (b"OggS", OGG),
    (b"\x00\x00\x01\xba", MPEG_PS),
)

_MP4_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof")
_PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
_TS_SYNC = 0x47
_TS_PACKETS_BYTES = ((188, 0), (192, 4))  # with an arrival time before each packet: Blu-ray


def identify_video(head: bytes) -> Container:
    """Return the container of a file by its first `HEAD_BYTES` bytes; DecodeError if none of them.

    A picture in the container of MP4 (AVIF, HEIC) is not a video.
    """
    for signature, container in _SIGNATURES:
        if head.startswith(signature):
            return container
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return AVI
    if head[4:8] in _MP4_FIRST_BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
            raise DecodeError("not a video: a picture in the container of MP4")
        return MP4
    if any(_has_packets(head, *packet) for packet in _TS_PACKETS_BYTES):
        return MPEG_TS
    names = ", ".join(container.name for container in CONTAINERS)
    raise DecodeError(f"not a video in an accepted container ({names})")


def is_video(head: bytes) -> bool:
    """Return whether a content is to be opened as a video, by its first `HEAD_BYTES` bytes.

    What is a picture by its first bytes is none.
    """
    for identified, answer in ((identify, False), (identify_video, True)):
        with suppress(DecodeError):
            identified(head)
            return answer
    return False


def _has_packets(head: bytes, packet_bytes: int, skipped_bytes: int) -> bool:
    return len(head) >= 3 * packet_bytes and all(
        head[skipped_bytes + k * packet_bytes] == _TS_SYNC for k in range(3)
    )
