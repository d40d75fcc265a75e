from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hashmatch.errors import IndexFormatError
from hashmatch.index.manifest import (
    ListCounts,
    Manifest,
    Origin,
    Segment,
    StoredFile,
    contents_digest,
    decode_manifest,
    encode_manifest,
)

SHA = hashlib.sha256(b"x").hexdigest()
MANIFEST = Manifest(
    name="démo",
    generation=3,
    digest=SHA,
    hashmatch_version="1",
    n_entries=2,
    origins=(Origin("known", "1", "csam", None), Origin("known", "1", "csam", "A1")),
    lists=(ListCounts("known", "1", 4, 2, 1, 1, 0),),
    segments=(
        Segment("pdq", 2, StoredFile("pdq-1.hmi", 10, SHA), StoredFile("pdq-1.arrow", 20, SHA)),
    ),
)


def decode(raw: bytes) -> Manifest:
    return decode_manifest(raw, "the/manifest.json", "build again")


def sealed(body: dict[str, Any]) -> bytes:
    """A manifest that says what it likes, with a digest that holds."""
    tail = ('",\n' + json.dumps(body)[1:]).encode()
    return b'{\n "sha256": "' + hashlib.sha256(tail).hexdigest().encode() + tail


def test_what_is_written_is_read() -> None:
    raw = encode_manifest(MANIFEST)
    assert decode(raw) == MANIFEST
    body = json.loads(raw)
    assert list(body)[:2] == ["sha256", "format"]
    assert body["format"] == 3
    assert body["segments"][0]["codes"] == {"file": "pdq-1.hmi", "size_bytes": 10, "sha256": SHA}


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
def test_every_flipped_byte_is_noticed(flip: int) -> None:
    raw = encode_manifest(MANIFEST)
    for position in range(len(raw)):
        damaged = bytearray(raw)
        damaged[position] ^= flip
        with pytest.raises(IndexFormatError, match=r"^the/manifest\.json: damaged.*build again$"):
            decode(bytes(damaged))


def test_a_cut_or_foreign_file_is_refused() -> None:
    raw = encode_manifest(MANIFEST)
    for length in (0, 5, 20, 77, 78, 90, len(raw) - 1):
        with pytest.raises(IndexFormatError, match="damaged or not a manifest"):
            decode(raw[:length])
    with pytest.raises(IndexFormatError, match="damaged or not a manifest"):
        decode(raw + b"\n")


def test_a_newer_format_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        IndexFormatError,
        match=r"of format 4, this hashmatch reads formats up to 3; upgrade hashmatch, or",
    ):
        decode(sealed({"format": 4, "all": "new"}))


def without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda body: body.pop(key)


@pytest.mark.parametrize(
    "spoil",
    [
        without("name"),
        without("segments"),
        without("format"),
        lambda body: body.update(extra=1),
        lambda body: body.update(generation="3"),
        lambda body: body.update(generation=0),
        lambda body: body.update(origins=[[]]),
        lambda body: body["segments"][0]["codes"].update(file="../../etc/passwd"),
        lambda body: body["segments"][0]["codes"].update(sha256="x"),
        lambda body: body["segments"][0]["codes"].update(size_bytes=None),
        lambda body: body["origins"][0].update(harm=None),
    ],
)
def test_nonsense_under_a_sound_digest_is_refused(
    spoil: Callable[[dict[str, Any]], object],
) -> None:
    body = json.loads(encode_manifest(MANIFEST))
    del body["sha256"]
    assert decode(sealed(body)) == MANIFEST
    spoil(body)
    with pytest.raises(IndexFormatError, match="not a manifest of format 3; build again"):
        decode(sealed(body))


def test_the_digest_covers_files_origins_and_lists() -> None:
    origins, lists, segments = MANIFEST.origins, MANIFEST.lists, MANIFEST.segments
    (segment,) = segments
    (counts,) = lists
    variants = [
        (origins, lists, segments),
        (origins[::-1], lists, segments),
        (origins, (replace(counts, list_version="2"),), segments),
        (origins, lists, (replace(segment, entries=replace(segment.entries, sha256=SHA[::-1])),)),
        (origins, lists, (replace(segment, codes=replace(segment.codes, sha256=SHA[::-1])),)),
        (origins, lists, ()),
    ]
    digests = [contents_digest(*variant) for variant in variants]
    assert len(set(digests)) == len(variants)
    assert digests[0] == contents_digest(origins, lists, segments)


def test_a_manifest_of_format_1_is_one_without_live_changes() -> None:
    body = json.loads(encode_manifest(MANIFEST))
    del body["sha256"], body["ledger"]
    body["format"] = 1
    for one in body["lists"]:
        del one["removed"], one["came_by"]
    for one in body["segments"]:
        del one["removed"], one["disabled"]
    assert decode(sealed(body)) == MANIFEST
    body["segments"] *= 2  # there was one of each algorithm
    with pytest.raises(IndexFormatError, match="not a manifest"):
        decode(sealed(body))


def test_a_manifest_of_format_2_says_the_same() -> None:
    body = json.loads(encode_manifest(MANIFEST))
    del body["sha256"]
    body["format"] = 2
    assert decode(sealed(body)) == MANIFEST


def test_several_segments_with_tombstones_and_a_ledger_are_read_back() -> None:
    (segment,) = MANIFEST.segments
    rows = StoredFile("pdq-1.removed.rows", 4, SHA)
    other = replace(segment, removed=rows, disabled=replace(rows, file="pdq-1.disabled.rows"))
    ledger = StoredFile("names-1.ledger", 9, SHA)
    manifest = replace(MANIFEST, segments=(segment, other), ledger=ledger)
    assert decode(encode_manifest(manifest)) == manifest
    assert [one.file for one in manifest.files][4:] == [
        "pdq-1.removed.rows",
        "pdq-1.disabled.rows",
        "names-1.ledger",
    ]


def test_the_digest_covers_tombstones_and_ledger() -> None:
    origins, lists, (segment,) = MANIFEST.origins, MANIFEST.lists, MANIFEST.segments
    rows = StoredFile("x", 4, SHA)
    digests = {
        contents_digest(origins, lists, (segment,)),
        contents_digest(origins, lists, (replace(segment, removed=rows),)),
        contents_digest(origins, lists, (replace(segment, disabled=rows),)),
        contents_digest(origins, lists, (segment,), rows),
        contents_digest(origins, lists, (segment, segment)),
    }
    assert len(digests) == 5
