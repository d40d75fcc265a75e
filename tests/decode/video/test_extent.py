"""Cuts are found by the sizes that files state, and only these."""

import pytest

from hashmatch.decode.video.containers import (
    ASF,
    AVI,
    FLV,
    MATROSKA,
    MP4,
    MPEG_TS,
    identify_video,
)
from hashmatch.decode.video.extent import ends_early


def box(kind, content, size=None):
    return (8 + len(content) if size is None else size).to_bytes(4, "big") + kind + content


def large_box(kind, content):
    return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8, "big") + content


def riff(content, kind=b"AVI "):
    return b"RIFF" + (4 + len(content)).to_bytes(4, "little") + kind + content


def matroska(content, size=None, length=8):
    size = len(content) if size is None else size
    marker = 1 << 7 * length
    stated = (marker + size).to_bytes(length, "big")
    return b"\x1aE\xdf\xa3\x84" + bytes(4) + b"\x18S\x80g" + stated + content


def asf(*contents):
    return b"".join(
        bytes(range(16)) + (24 + len(one)).to_bytes(8, "little") + one for one in contents
    )


def flv(*contents):
    data = b"FLV\x01\x01\0\0\0\t\0\0\0\0"
    for one in contents:
        tag = b"\t" + len(one).to_bytes(3, "big") + bytes(7) + one
        data += tag + len(tag).to_bytes(4, "big")
    return data


def is_cut(container, data):
    return ends_early(container, lambda at, size: data[at : at + size], len(data))


SOUND = [
    (MP4, box(b"ftyp", b"isom") + box(b"moov", bytes(50)) + large_box(b"mdat", bytes(99))),
    (AVI, riff(bytes(50)) + riff(bytes(20), b"AVIX")),
    (MATROSKA, matroska(bytes(60))),
    (MATROSKA, matroska(bytes(60), length=1)),
    (ASF, asf(bytes(40), bytes(100), bytes(3))),
    (FLV, flv(bytes(20), bytes(30))),
]


def boundaries(container, data):
    """Where a cut leaves a file that is whole by its own account."""
    if container is MP4:
        return {12, 12 + 58}
    if container is AVI:
        return {62}
    if container is ASF:
        return {64, 64 + 124}
    if container is MATROSKA:
        return {9}
    return {13, 13 + 35}


@pytest.mark.parametrize(("container", "data"), SOUND)
def test_every_cut_but_between_chunks(container, data):
    assert not is_cut(container, data)
    silent = {cut for cut in range(25, len(data)) if not is_cut(container, data[:cut])}
    assert silent == {cut for cut in boundaries(container, data) if cut >= 25}


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
def test_what_states_no_size_is_not_cut(container, data):
    assert not is_cut(container, data)


def test_a_file_of_tiny_boxes_is_not_walked_for_ever():
    reads = []

    def read_at(at, size):
        reads.append(at)
        return b"\0\0\0\x08free" * 3

    assert not ends_early(MP4, read_at, 1 << 40)
    assert len(reads) == 1_000_000


@pytest.mark.parametrize("packet", [b"G" + bytes(187), bytes(4) + b"G" + bytes(187)])
def test_transport_streams_need_three_packets(packet):
    assert identify_video(3 * packet) is MPEG_TS
