"""The manifest: the one file that says what a generation is made of.

JSON, in UTF-8. Its first member is the SHA-256 of every byte behind that digest, so that no byte
of the file can change unnoticed::

    {
     "sha256": "<64 hex digits>",
     "format": 3,
     ...

docs/index.md says what stands in it. Format 2 differs in that no entry table has times of frames.
A manifest of format 1, from before there were live changes, is read as one without any.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from hashmatch.errors import IndexFormatError

MANIFEST_FILE = "manifest.json"
FORMAT = 3
READABLE_FORMATS = (1, 2, 3)
SEAL_BYTES = 78
"""So much from the beginning of a manifest, its digest with it, tells it from any other."""

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
    """Where the rows went that one version of a list brought.

    `rows` is the sum of those after it: in the index, withdrawn by their source, of an algorithm to
    be ignored, exact repetitions (same entry, algorithm, hash and origin, or what is there
    already), or of an entry that was removed before. `came_by` says how the last of them came, by
    "build", "add" or "replace". Rows that go later are not counted out again.
    """

    list: str
    list_version: str
    rows: int
    indexed: int
    withdrawn: int
    ignored: int
    duplicates: int
    removed: int = 0
    came_by: str = "build"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a generation; its name holds the start of its digest."""

    file: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Codes of one algorithm and the entries they stand for, row by row.

    `removed` and `disabled` are sets of rows that never match, None where empty; no row is in both.
    """

    algorithm: str
    n_codes: int
    codes: StoredFile
    entries: StoredFile
    removed: StoredFile | None = None
    disabled: StoredFile | None = None

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """Every file of it."""
        tombstones = (one for one in (self.removed, self.disabled) if one is not None)
        return (self.codes, self.entries, *tombstones)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation of an index.

    Parameters
    ----------
    name : str
        Of the index, from its recipe.
    generation : int
        From 1; one more with every change of contents.
    digest : str
        `contents_digest` of origins, lists, segments and ledger.
    hashmatch_version : str
        What wrote it.
    n_entries : int
        Distinct entries, removed ones with them: ordinals in the entry tables are below it.
    origins, lists, segments
        Those of a build in the order of ids, recipe and algorithms' names; later ones behind them.
    ledger : StoredFile or None
        What was removed and disabled by whom the folder belongs to.
    """

    name: str
    generation: int
    digest: str
    hashmatch_version: str
    n_entries: int
    origins: tuple[Origin, ...]
    lists: tuple[ListCounts, ...]
    segments: tuple[Segment, ...]
    ledger: StoredFile | None = None

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """Every file but the manifest itself."""
        ledger = () if self.ledger is None else (self.ledger,)
        return (*(file for one in self.segments for file in one.files), *ledger)


def contents_digest(
    origins: tuple[Origin, ...],
    lists: tuple[ListCounts, ...],
    segments: tuple[Segment, ...],
    ledger: StoredFile | None = None,
) -> str:
    """Return the SHA-256, in hex, of what a generation holds.

    It covers the digest of every file in order, and origins and lists, on which decisions depend.
    What has its default is left out, so that the same contents have one digest in every format.
    """
    contents = [[_told(item) for item in items] for items in (origins, lists, segments)]
    if ledger is not None:
        contents.append([_told(ledger)])
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()


def _told(item: Origin | ListCounts | Segment | StoredFile) -> dict[str, Any]:
    defaults = {field.name: field.default for field in fields(item)}
    return {key: value for key, value in asdict(item).items() if value != defaults[key]}


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
        if written in READABLE_FORMATS:
            return _manifest(_as_format_2(body) if written == 1 else body)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise IndexFormatError(f"{where}: not a manifest of format {FORMAT}; {remedy}") from None
    raise IndexFormatError(
        f"{where}: of format {written}, this hashmatch reads formats up to {FORMAT}; "
        f"upgrade hashmatch, or {remedy}"
    )


def _as_format_2(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body of format 1, which knows no change after a build, as one of format 2."""
    names = [segment["algorithm"] for segment in body["segments"]]
    if len(set(names)) != len(names):
        raise ValueError("segments")
    return {
        **body,
        "lists": [{**one, "removed": 0, "came_by": "build"} for one in body["lists"]],
        "segments": [{**one, "removed": None, "disabled": None} for one in body["segments"]],
        "ledger": None,
    }


def _manifest(body: dict[str, Any]) -> Manifest:
    body["origins"] = tuple(_record(Origin, item) for item in body["origins"])
    body["lists"] = tuple(_record(ListCounts, item) for item in body["lists"])
    body["segments"] = tuple(_segment(item) for item in body["segments"])
    body["ledger"] = _stored(body["ledger"])
    manifest = _record(Manifest, body)
    if manifest.generation < 1 or manifest.n_entries < 0:
        raise ValueError("generation or entries")
    return manifest


def _segment(item: dict[str, Any]) -> Segment:
    keys = ("codes", "entries", "removed", "disabled")
    files = {key: _stored(item[key]) for key in keys}
    if files["codes"] is None or files["entries"] is None:
        raise ValueError("files")
    return _record(Segment, {**item, **files})


def _stored(item: dict[str, Any] | None) -> StoredFile | None:
    if item is None:
        return None
    stored = _record(StoredFile, item)
    if not _FILE_NAME.fullmatch(stored.file) or not _SHA256.fullmatch(stored.sha256):
        raise ValueError("file name or digest")
    return stored


def _record(kind: type[_Record], item: dict[str, Any]) -> _Record:
    """Return a dataclass from a dict of exactly its fields, text and numbers of the right type."""
    plain = {"str": str, "int": int, "str | None": str | None}
    for field in fields(kind):  # type: ignore[arg-type]
        value = item[field.name]
        if field.type in plain and not isinstance(value, plain[field.type]):
            raise TypeError(field.name)
    return kind(**item)
