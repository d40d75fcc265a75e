"""The manifest: the one file that says what a generation is made of.

JSON, in UTF-8. Its first member is the SHA-256 of every byte behind that digest, so that no byte
of the file can change unnoticed::

    {
     "sha256": "<64 hex digits>",
     "format": 1,
     ...

`segments` is a list, of one segment an algorithm in this format; `tombstones` does not occur.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from hashmatch.errors import IndexFormatError

MANIFEST_FILE = "manifest.json"
FORMAT = 1

_HEAD = b'{\n "sha256": "'
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a rule may ask about an entry."""

    list: str
    list_version: str
    harm: str
    classification: str | None


@dataclass(frozen=True, slots=True)
class ListCounts:
    """Where the rows of one list went.

    `rows` is the sum of the others: in the index, withdrawn by their source, of an algorithm to be
    ignored, or exact repetitions (same entry, algorithm, hash and origin).
    """

    list: str
    list_version: str
    rows: int
    indexed: int
    withdrawn: int
    ignored: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a generation; its name holds the start of its digest."""

    file: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Codes of one algorithm and the entries they stand for, row by row."""

    algorithm: str
    n_codes: int
    codes: StoredFile
    entries: StoredFile


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation of a catalog.

    Parameters
    ----------
    name : str
        Of the index, from its recipe.
    generation : int
        From 1; one more with every change of contents.
    digest : str
        `contents_digest` of origins, lists and segments.
    hashmatch_version : str
        What wrote it.
    n_entries : int
        Distinct entries: ordinals in the entry tables are below it.
    origins, lists, segments
        In the order that ids, the recipe and the algorithms' names give.
    """

    name: str
    generation: int
    digest: str
    hashmatch_version: str
    n_entries: int
    origins: tuple[Origin, ...]
    lists: tuple[ListCounts, ...]
    segments: tuple[Segment, ...]

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """Every file but the manifest itself."""
        return tuple(file for one in self.segments for file in (one.codes, one.entries))


def contents_digest(
    origins: tuple[Origin, ...], lists: tuple[ListCounts, ...], segments: tuple[Segment, ...]
) -> str:
    """Return the SHA-256, in hex, of what a generation holds.

    It covers the digest of every file in order, and origins and lists, on which decisions depend.
    """
    contents = [[asdict(item) for item in items] for items in (origins, lists, segments)]
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of the file."""
    text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1, ensure_ascii=False)
    tail = b'",' + text.encode()[1:] + b"\n"
    return _HEAD + hashlib.sha256(tail).hexdigest().encode() + tail


def decode_manifest(raw: bytes, where: str, remedy: str) -> Manifest:
    """Return the manifest in `raw`; IndexFormatError names `where` and what to do.

    A manifest of a newer format is refused, a damaged one is told from it by its digest.
    """
    tail = raw[len(_HEAD) + 64 :]
    if raw[: len(_HEAD) + 64] != _HEAD + hashlib.sha256(tail).hexdigest().encode():
        raise IndexFormatError(f"{where}: damaged or not a manifest; {remedy}")
    try:
        body = json.loads(raw)
        written = body.pop("format")
        del body["sha256"]
        if written == FORMAT:
            return _manifest(body)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise IndexFormatError(f"{where}: not a manifest of format {FORMAT}; {remedy}") from None
    raise IndexFormatError(
        f"{where}: of format {written}, this hashmatch reads format {FORMAT}; "
        f"upgrade hashmatch, or {remedy}"
    )


def _manifest(body: dict[str, Any]) -> Manifest:
    body["origins"] = tuple(_record(Origin, item) for item in body["origins"])
    body["lists"] = tuple(_record(ListCounts, item) for item in body["lists"])
    body["segments"] = tuple(_segment(item) for item in body["segments"])
    manifest = _record(Manifest, body)
    names = [segment.algorithm for segment in manifest.segments]
    if len(set(names)) != len(names) or manifest.generation < 1 or manifest.n_entries < 0:
        raise ValueError("segments, generation or entries")
    return manifest


def _segment(item: dict[str, Any]) -> Segment:
    files = {key: _record(StoredFile, item[key]) for key in ("codes", "entries")}
    for stored in files.values():
        if not _FILE_NAME.fullmatch(stored.file) or not _SHA256.fullmatch(stored.sha256):
            raise ValueError("file name or digest")
    return _record(Segment, {**item, **files})


def _record(kind: type[_Record], item: dict[str, Any]) -> _Record:
    """Return a dataclass from a dict of exactly its fields, text and numbers of the right type."""
    plain = {"str": str, "int": int, "str | None": str | None}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.type in plain and not isinstance(item[field.name], plain[field.type]):
            raise TypeError(field.name)
    return kind(**item)
