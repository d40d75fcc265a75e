from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hashmatch.errors import IndexFormatError
from hashmatch.index.manifest import (
    Change,
    ListAttributes,
    ListCounts,
    Manifest,
    Origin,
    Pointer,
    Segment,
    StoredFile,
    contents_digest,
    decode_sealed,
    encode_sealed,
    seal_of,
)

SHA = hashlib.sha256(b"x").hexdigest()
ROWS = StoredFile("pdq-1.removed.rows", 8, SHA)
SEGMENT = Segment("pdq", 2, StoredFile("pdq-1.hmi", 10, SHA), StoredFile("pdq-1.arrow", 20, SHA))
MANIFEST = Manifest(
    name="démo",
    generation=3,
    digest=SHA,
    hashmatch_version="1",
    change=Change(kind="add", list="known", n_added=2),
    n_entries=2,
    origins=(Origin("known", "1", "csam", None), Origin("known", "1", "csam", "A1")),
    lists=(ListCounts("known", "1", 4, 2, 1, 1, 0),),
    segments=(SEGMENT,),
    attributes={"known": ListAttributes(role="allow", radius=10, enabled=False, priority=-1)},
)
POINTER = Pointer(generation=3, next_generation=4, manifest=SHA)


def decode(raw: bytes) -> Manifest:
    return decode_sealed(raw, Manifest, Path("the/manifest"), "build again")


def sealed(fields: dict[str, Any]) -> bytes:
    """Return a file that says what it likes, with a digest that holds."""
    tail = ('",' + json.dumps(fields)[1:]).encode()
    return b'{"sha256":"' + hashlib.sha256(tail).hexdigest().encode() + tail


def test_decode_inverts_encode() -> None:
    raw = encode_sealed(MANIFEST)
    assert decode(raw) == MANIFEST
    fields = json.loads(raw)
    assert list(fields) == ["sha256", "format", "body"]
    assert (fields["format"], fields["sha256"]) == (1, seal_of(raw))
    assert fields["body"]["segments"][0]["codes"] == {
        "file": "pdq-1.hmi",
        "size_bytes": 10,
        "sha256": SHA,
    }
    raw = encode_sealed(POINTER)
    assert decode_sealed(raw, Pointer, Path(), "") == POINTER
    assert len(raw) < 300


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80, 0xFF])
def test_every_flipped_byte_is_noticed(flip: int) -> None:
    raw = encode_sealed(MANIFEST)
    for position in range(len(raw)):
        damaged = bytearray(raw)
        damaged[position] ^= flip
        with pytest.raises(IndexFormatError, match=r"^the/manifest: damaged.*build again$"):
            decode(bytes(damaged))


def test_a_cut_or_foreign_file_is_refused() -> None:
    raw = encode_sealed(MANIFEST)
    for length in (0, 5, 20, 74, 75, 90, len(raw) - 1):
        with pytest.raises(IndexFormatError, match="damaged, or not part of an index"):
            decode(raw[:length])
    with pytest.raises(IndexFormatError, match="damaged, or not part of an index"):
        decode(raw + b"\n")


def test_a_newer_format_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        IndexFormatError,
        match=r"of format 2, this hashmatch reads format 1; upgrade hashmatch, or build again",
    ):
        decode(sealed({"format": 2, "body": "new"}))


def without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda body: body.pop(key)


@pytest.mark.parametrize(
    "spoil",
    [
        without("name"),
        without("change"),
        lambda body: body.update(extra=1),
        lambda body: body.update(generation="3"),
        lambda body: body.update(generation=0),
        lambda body: body.update(origins=[[]]),
        lambda body: body["segments"][0]["codes"].update(file="../../etc/passwd"),
        lambda body: body["segments"][0]["codes"].update(sha256="x"),
        lambda body: body["segments"][0]["codes"].update(size_bytes=None),
        lambda body: body["origins"][0].update(harm=None),
        lambda body: body["attributes"]["known"].update(role="block"),
        lambda body: body["change"].update(kind="magic"),
    ],
)
def test_nonsense_under_a_sound_digest_is_refused(
    spoil: Callable[[dict[str, Any]], object],
) -> None:
    body = json.loads(encode_sealed(MANIFEST))["body"]
    assert decode(sealed({"format": 1, "body": body})) == MANIFEST
    spoil(body)
    with pytest.raises(IndexFormatError, match="not of format 1; build again"):
        decode(sealed({"format": 1, "body": body}))
    with pytest.raises(IndexFormatError, match="not of format 1; build again"):
        decode(sealed({"format": "1", "body": body}))


def test_the_digest_covers_what_decisions_depend_on() -> None:
    (segment,), (counts,) = MANIFEST.segments, MANIFEST.lists
    other = replace(segment.codes, sha256=SHA[::-1])
    variants = [
        MANIFEST,
        replace(MANIFEST, name="other"),
        replace(MANIFEST, origins=MANIFEST.origins[::-1]),
        replace(MANIFEST, lists=(replace(counts, list_version="2"),)),
        replace(MANIFEST, segments=(replace(segment, entries=other),)),
        replace(MANIFEST, segments=(replace(segment, codes=other),)),
        replace(MANIFEST, segments=(replace(segment, removed=ROWS),)),
        replace(MANIFEST, segments=(replace(segment, disabled=ROWS),)),
        replace(MANIFEST, segments=()),
        replace(MANIFEST, segments=(segment, segment)),
        replace(MANIFEST, attributes={}),
        replace(MANIFEST, overrides=ROWS),
    ]
    digests = {contents_digest(variant) for variant in variants}
    assert len(digests) == len(variants)
    same = replace(
        MANIFEST,
        generation=7,
        digest=SHA[::-1],
        hashmatch_version="2",
        change=Change(kind="rollback", restored=1),
        n_purged=3,
    )
    assert contents_digest(same) == contents_digest(MANIFEST)


def test_files_and_rows_are_summed_up() -> None:
    vectors = replace(SEGMENT, removed=replace(ROWS, size_bytes=4), disabled=ROWS)
    names = replace(ROWS, file="names-1.overrides")
    manifest = replace(MANIFEST, segments=(SEGMENT, vectors), overrides=names)
    assert decode(encode_sealed(manifest)) == manifest
    assert [stored.file for stored in manifest.files] == [
        *("pdq-1.hmi", "pdq-1.arrow"),
        *("pdq-1.hmi", "pdq-1.arrow", "pdq-1.removed.rows", "pdq-1.removed.rows"),
        "names-1.overrides",
    ]
    assert manifest.n_rows == 3
