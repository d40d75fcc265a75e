"""Where a picture ends among the bytes of a file, by the structure of its format.

Sources: ITU-T T.81, annex B (JPEG); the PNG and GIF89a specifications; Microsoft's BMP and RIFF.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hashmatch.decode.formats import BMP, GIF, JPEG, PNG, WEBP, Format

_MOST_SEGMENTS, _MOST_STEPS = 1000, 1_000_000
_BLOCK_BYTES = 256 << 10
_SCAN, _END, _FRAMES = 0xDA, 0xD9, frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_BARE = frozenset((0x01, *range(0xD0, 0xD9), 0xFF))  # without a length


def find_scan(data: bytes, start: int, end: int) -> int | None:
    """Return where the first scan of a JPEG begins; None if it has no frame before one."""
    at, has_frame = start + 2, False
    for _ in range(_MOST_SEGMENTS):
        at = data.find(b"\xff", at, end)
        if at < 0 or at + 4 > end:
            return None
        marker = data[at + 1]
        if marker == _END:
            return None
        if marker in _BARE:
            at += 1
            continue
        at += 2 + (data[at + 2] << 8 | data[at + 3])
        if marker == _SCAN:
            return at if has_frame else None
        has_frame = has_frame or marker in _FRAMES
    return at  # a chain of so many segments is a JPEG, whatever else it holds


def _end_of_jpeg(data: bytes, start: int, end: int) -> int:
    scan = find_scan(data, start, end)
    if scan is None:
        return start + 2
    stop = _find_start_or_end(data, scan, end)
    if data[stop : stop + 2] == b"\xff\xd9":
        stop += 2
    # Without an end marker, a video could follow that has those bytes.
    video = data.rfind(b"ftyp", scan, stop)
    return stop if video < 0 else max(scan, data.find(b"ftyp", scan, stop) - 4)


def _find_start_or_end(data: bytes, start: int, end: int) -> int:
    """Return where a JPEG starts or ends; in a scan, 0xFF comes before 0 or a restart marker."""
    for first in range(start, end, _BLOCK_BYTES):
        block = np.frombuffer(data, np.uint8, min(_BLOCK_BYTES + 1, end - first), first)
        marks = np.flatnonzero(block[:-1] == 0xFF)  # in half the time of a regular expression
        found = marks[block[marks + 1] & 0xFE == 0xD8]
        if found.size:
            return first + int(found[0])
    return end


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


ENDS: dict[Format | None, Callable[[bytes, int, int], int]] = {
    **{JPEG: _end_of_jpeg, PNG: _end_of_png, GIF: _end_of_gif},
    **{WEBP: _end_of_riff, BMP: _end_of_bmp},
}
"""Where files of a format end, between two positions; at a place in them if they are damaged."""
