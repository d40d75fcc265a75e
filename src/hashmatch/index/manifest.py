"""Manifests, which name every file of a generation, and the pointer to the current one.

Both are sealed JSON, UTF-8 on one line: the SHA-256 of every byte that follows the digest, the
format, and the body. No byte of such a file can change unnoticed::

    {"sha256":"<64 hex digits>","format":1,"body":{...}}

docs/index.md specifies the body.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from hashmatch.errors import IndexFormatError

FORMAT = 1

_HEAD = b'{"sha256":"'
_DIGEST = slice(len(_HEAD), len(_HEAD) + 64)

Count = Annotated[int, Meta(ge=0)]
Generation = Annotated[int, Meta(ge=1)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
ChangeKind = Literal[
    "build", "add", "replace", "remove", "disable", "enable", "compact", "rollback"
]


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all records in a manifest."""


_Record = TypeVar("_Record", bound=Record)


class Origin(Record, frozen=True):
    """The facts about an entry that rules may test."""

    list: str
    list_version: str
    harm: str
    classification: str | None


class ListCounts(Record, frozen=True):
    """Counts of the rows of one version of a list; rows removed later are not subtracted.

    `rows` is the sum of the counts below it: in the index, withdrawn by their source, of an ignored
    algorithm, duplicates (same entry, algorithm, hash and origin, or in the index already), or of
    an entry removed earlier. `came_by` is the change that brought the last of them.
    """

    list: str
    list_version: str
    rows: Count
    indexed: Count
    withdrawn: Count
    ignored: Count
    duplicates: Count
    removed: Count = 0
    came_by: ChangeKind = "build"


class ListAttributes(Record, frozen=True, kw_only=True):
    """Settings of a list, for all its versions. So far, only `enabled` has an effect.

    `role` is "harm", or "allow" for a list of known harmless content. Entries match no farther than
    `radius` bits, inclusive; None leaves that to the policy. No entry matches unless `enabled`. Of
    lists that match equally well, the one with the highest `priority` comes first.
    """

    role: Literal["harm", "allow"] = "harm"
    radius: Count | None = None
    enabled: bool = True
    priority: int = 0


DEFAULT_ATTRIBUTES = ListAttributes()


class StoredFile(Record, frozen=True):
    """A file of a generation; its name contains the start of its digest."""

    file: FileName
    size_bytes: Count
    sha256: Sha256


class Segment(Record, frozen=True):
    """Codes of one algorithm and their entries, row by row; its files never change.

    `removed` and `disabled` are deletion vectors, None where empty; no row is in both.
    """

    algorithm: str
    n_codes: Count
    codes: StoredFile
    entries: StoredFile
    removed: StoredFile | None = None
    disabled: StoredFile | None = None

    @property
    def files(self) -> list[StoredFile]:
        """Every file of the segment."""
        files = (self.codes, self.entries, self.removed, self.disabled)
        return [file for file in files if file is not None]

    @property
    def n_removed(self) -> int:
        """Rows in `removed`."""
        return 0 if self.removed is None else self.removed.size_bytes // 4


class Change(Record, frozen=True, kw_only=True):
    """The change from the generation before; all counts are of rows.

    `list` is the list concerned, None for all; `restored` is the generation rolled back to.
    """

    kind: ChangeKind
    list: str | None = None
    restored: Generation | None = None
    n_added: Count = 0
    n_removed: Count = 0
    n_disabled: Count = 0
    n_enabled: Count = 0


class Manifest(Record, frozen=True, kw_only=True):
    """One generation of an index.

    `name` is from the recipe. `generation` rises from 1, and no number is used twice. `digest` is
    the `contents_digest` when it was published, by `hashmatch_version`. Ordinals in the entry
    tables are below `n_entries`. Origins, lists and segments of a build are in the order of recipe
    and algorithms' names; later ones follow. A list that `attributes` lacks has the defaults.
    `overrides` is the file that names what was removed and disabled. `n_purged` rows were deleted
    for good after it was published.
    """

    name: str
    generation: Generation
    digest: Sha256
    hashmatch_version: str
    change: Change
    n_entries: Count
    origins: tuple[Origin, ...] = ()
    lists: tuple[ListCounts, ...] = ()
    segments: tuple[Segment, ...] = ()
    attributes: dict[str, ListAttributes] = {}
    overrides: StoredFile | None = None
    n_purged: Count = 0

    @property
    def files(self) -> list[StoredFile]:
        """Every file but the manifest itself."""
        files = [file for segment in self.segments for file in segment.files]
        return files if self.overrides is None else [*files, self.overrides]

    @property
    def n_rows(self) -> int:
        """Rows that are not removed."""
        return sum(segment.n_codes - segment.n_removed for segment in self.segments)


class Pointer(Record, frozen=True, kw_only=True):
    """The current generation and the number of the next one.

    `generation` is 0, and `manifest` empty, before anything is published; else `manifest` is the
    digest in the manifest's seal.
    """

    generation: Count
    next_generation: Generation
    manifest: str


class _Envelope(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: Sha256
    format: int
    body: msgspec.Raw


def contents_digest(manifest: Manifest) -> str:
    """Return the SHA-256, in hex, of everything in a generation that decisions depend on.

    It covers the digest of every file in order, origins, lists and their attributes, and the name;
    not the generation, the version that wrote it, or how it came about.
    """
    contents = (
        manifest.name,
        manifest.origins,
        manifest.lists,
        manifest.segments,
        dict(sorted(manifest.attributes.items())),
        manifest.overrides,
    )
    return hashlib.sha256(msgspec.json.encode(contents)).hexdigest()


def encode_sealed(record: Record) -> bytes:
    """Return the bytes of a sealed file."""
    tail = b'","format":%d,"body":%s}\n' % (FORMAT, msgspec.json.encode(record))
    return _HEAD + hashlib.sha256(tail).hexdigest().encode() + tail


def seal_of(raw: bytes) -> str:
    """Return the digest that a sealed file begins with."""
    return raw[_DIGEST].decode()


def decode_sealed(raw: bytes, kind: type[_Record], where: Path, remedy: str) -> _Record:
    """Return the record in a sealed file; IndexFormatError names `where` and the remedy.

    A newer format gets an error of its own; a wrong digest means damage.
    """
    tail = raw[_DIGEST.stop :]
    if raw[: _DIGEST.stop] != _HEAD + hashlib.sha256(tail).hexdigest().encode():
        raise IndexFormatError(f"{where}: damaged, or not part of an index; {remedy}")
    try:
        envelope = msgspec.json.decode(raw, type=_Envelope)
        if envelope.format == FORMAT:
            return msgspec.json.decode(envelope.body, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise IndexFormatError(f"{where}: not of format {FORMAT}; {remedy}") from None
    raise IndexFormatError(
        f"{where}: of format {envelope.format}, this hashmatch reads format {FORMAT}; "
        f"upgrade hashmatch, or {remedy}"
    )
