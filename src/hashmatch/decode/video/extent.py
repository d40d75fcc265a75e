"""Detection of a video file that was cut short, by the sizes that the file itself states.

Demuxers stop quietly where a file ends, so a truncated video would pass for a complete one.  The
outermost chunks of the file are walked without reading their contents.  That finds every cut
through an MP4, Matroska, AVI or ASF file whose writer stated the sizes, and a cut through the last
tag of an FLV file.  It does not find a cut between chunks, as in a fragmented MP4.  Live recordings
in Matroska state no size, and MPEG-TS, MPEG-PS and Ogg are streams without a stated end: there a
cut looks like a normal end.

Sources: ISO/IEC 14496-12, section 4.2 (boxes); RFC 8794, section 4-6 and RFC 9559 (EBML, Matroska);
the RIFF and ASF specifications of Microsoft; Adobe's Video File Format Specification 10.1, annex E.
"""

from __future__ import annotations

from collections.abc import Callable

from hashmatch.decode.video.containers import ASF, AVI, FLV, MATROSKA, MP4, Container

ReadAt = Callable[[int, int], bytes]
"""Reads at an offset at most so many bytes."""

_MOST_CHUNKS = 1_000_000
_CHUNK_HEADER_BYTES = 24
_FLV_HEADER_BYTES = 13
_FLV_TAG_HEADER_BYTES = 11
_SEGMENT_ID = b"\x18\x53\x80\x67"


def ends_early(container: Container, read_at: ReadAt, size_bytes: int) -> bool:
    """Return whether a file of `size_bytes` bytes should be longer by the sizes it states."""
    if container is FLV:
        return _is_last_tag_cut(read_at, size_bytes)
    read_chunk_bytes = _CHUNK_READERS.get(container)
    if read_chunk_bytes is None:
        return False
    at = 0
    for _ in range(_MOST_CHUNKS):
        if at >= size_bytes:
            return at > size_bytes
        chunk_bytes = read_chunk_bytes(read_at(at, _CHUNK_HEADER_BYTES))
        if chunk_bytes is None:
            return False
        at += chunk_bytes
    return False


def _box_bytes(head: bytes) -> int | None:
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
    """Return the size of an EBML header or Matroska segment; None if unknown or something else."""
    if not head.startswith((b"\x1aE\xdf\xa3", _SEGMENT_ID)):
        return None
    length = 9 - head[4].bit_length() if len(head) > 4 and head[4] else 0
    if not 1 <= length <= 8:
        return None
    value = int.from_bytes(head[4 : 4 + length], "big") & ((1 << 7 * length) - 1)
    if value == (1 << 7 * length) - 1:  # all ones: not known when it was written
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


_CHUNK_READERS: dict[Container, Callable[[bytes], int | None]] = {
    MP4: _box_bytes,
    MATROSKA: _element_bytes,
    AVI: _riff_bytes,
    ASF: _object_bytes,
}


def _is_last_tag_cut(read_at: ReadAt, size_bytes: int) -> bool:
    """Return whether the last four bytes of an FLV file are not the size of the tag before them."""
    if size_bytes <= _FLV_HEADER_BYTES:
        return False
    tag_bytes = int.from_bytes(read_at(size_bytes - 4, 4), "big")
    start = size_bytes - 4 - tag_bytes
    if tag_bytes < _FLV_TAG_HEADER_BYTES or start < _FLV_HEADER_BYTES:
        return True
    return int.from_bytes(read_at(start + 1, 3), "big") + _FLV_TAG_HEADER_BYTES != tag_bytes
