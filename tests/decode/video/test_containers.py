"""Truncated video files are detected by the sizes they state."""

import pytest

from hashmatch.decode.video.containers import (
    ASF,
    AVI,
    FLV,
    MATROSKA,
    MP4,
    MPEG_TS,
    Container,
    ends_early,
    identify_video,
)


def box(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return (8 + len(content) if size is None else size).to_bytes(4, "big") + kind + content


def large_box(kind: bytes, content: bytes) -> bytes:
    return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8, "big") + content


def riff(content: bytes, kind: bytes = b"AVI ") -> bytes:
    return b"RIFF" + (4 + len(content)).to_bytes(4, "little") + kind + content


def matroska(content: bytes, size: int | None = None, length: int = 8) -> bytes:
    size = len(content) if size is None else size
    marker = 1 << 7 * length
    stated = (marker + size).to_bytes(length, "big")
    return b"\x1aE\xdf\xa3\x84" + bytes(4) + b"\x18S\x80g" + stated + content


def asf(*contents: bytes) -> bytes:
    return b"".join(
        bytes(range(16)) + (24 + len(content)).to_bytes(8, "little") + content
        for content in contents
    )


def flv(*contents: bytes) -> bytes:
    data = b"FLV\x01\x01\0\0\0\t\0\0\0\0"
    for content in contents:
        tag = b"\t" + len(content).to_bytes(3, "big") + bytes(7) + content
        data += tag + len(tag).to_bytes(4, "big")
    return data


def is_cut(container: Container, data: bytes) -> bool:
    return ends_early(container, lambda at, size: data[at : at + size], len(data))


INTACT = [
    (MP4, box(b"ftyp", b"isom") + box(b"moov", bytes(50)) + large_box(b"mdat", bytes(99))),
    (AVI, riff(bytes(50)) + riff(bytes(20), b"AVIX")),
    (MATROSKA, matroska(bytes(60))),
    (MATROSKA, matroska(bytes(60), length=1)),
    (ASF, asf(bytes(40), bytes(100), bytes(3))),
    (FLV, flv(bytes(20), bytes(30))),
]


def silent_cuts(container: Container) -> set[int]:
    """Return where a cut leaves a file that states no missing bytes."""
    if container is MP4:
        return {12, 12 + 58}
    if container is AVI:
        return {62}
    if container is ASF:
        return {64, 64 + 124}
    if container is MATROSKA:
        return {9}
    return {13, 13 + 35}


@pytest.mark.parametrize(("container", "data"), INTACT)
def test_every_cut_except_between_chunks_is_found(container: Container, data: bytes) -> None:
    assert not is_cut(container, data)
    silent = {cut for cut in range(25, len(data)) if not is_cut(container, data[:cut])}
    assert silent == {cut for cut in silent_cuts(container) if cut >= 25}


@pytest.mark.parametrize(
    ("container", "data"),
    [
        (MP4, box(b"ftyp", b"isom") + box(b"mdat", bytes(50), size=0)),
        (MP4, box(b"ftyp", b"isom") + b"\xff\xff\xff\xff\0\1\2\3 not a box"),
        (MATROSKA, matroska(bytes(60), size=(1 << 56) - 1)),
        (MATROSKA, b"\x1aE\xdf\xa3\x84" + bytes(4) + b"\x18S\x80g\0"),
        (AVI, b"RIFF\0\0\0\0AVI " + bytes(50)),
        (AVI, riff(bytes(50)) + b"rubbish"),
        (ASF, bytes(24)),
        (MPEG_TS, b"G" + bytes(400)),
    ],
)
def test_a_file_without_stated_sizes_does_not_end_early(container: Container, data: bytes) -> None:
    assert not is_cut(container, data)


def test_the_walk_over_tiny_boxes_is_bounded() -> None:
    reads: list[int] = []

    def read_at(at: int, _size: int) -> bytes:
        reads.append(at)
        return b"\0\0\0\x08free" * 3

    assert not ends_early(MP4, read_at, 1 << 40)
    assert len(reads) == 1_000_000


@pytest.mark.parametrize("packet", [b"G" + bytes(187), bytes(4) + b"G" + bytes(187)])
def test_transport_streams_need_three_packets(packet: bytes) -> None:
    assert identify_video(3 * packet) is MPEG_TS
