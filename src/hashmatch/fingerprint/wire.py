"""Fingerprints and hashes as bytes, which come from a process that is not trusted.

What is read here may be any bytes. It becomes a value only if it is one that `fingerprint_media`,
`hash_image` or `hash_segments` could have returned for that item; otherwise ValueError.

A fingerprint is four bytes with the length of a header, the header in JSON, and the codes of all
algorithms one after the other; a field of `Fingerprint` crosses by its name and type.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Any

import msgspec
import numpy as np

from hashmatch.decode import open_source
from hashmatch.errors import Attempt
from hashmatch.fingerprint.given_hashes import parse_hash
from hashmatch.hashing import get_algorithm
from hashmatch.values import Fingerprint, Hash
from hashmatch.views import parse
from hashmatch.workers import received_error

_LENGTH_BYTES = 4
_DECODES = {"exact": {"exact", "video"}, "luma": {"exact", "luma", "video"}}
"""How pixels may have been obtained, by the `decode` that was asked for."""

_HINTS = typing.get_type_hints(Fingerprint)
_PLAIN = tuple(each.name for each in fields(Fingerprint) if each.name not in ("codes", "error"))


class _Error(msgspec.Struct, forbid_unknown_fields=True):
    message: str
    kind: str


_Facts: Any = msgspec.defstruct(
    "_Facts", [(name, _HINTS[name]) for name in _PLAIN], forbid_unknown_fields=True
)


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """The attempt of one algorithm: `facts` and perhaps an error, or an error alone."""

    facts: _Facts | None
    error: _Error | None


_Quality = Annotated[int, msgspec.Meta(ge=0, le=100)] | None
_encoder = msgspec.json.Encoder(enc_hook=lambda number: number.item())  # numbers of numpy
_entries = msgspec.json.Decoder(dict[str, _Entry])
_hashes = msgspec.json.Decoder(list[tuple[str, _Quality]])


def open_media(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return arguments of `fingerprint_media` with their file open; DecodeError if it cannot be."""
    source, *others = arguments
    return open_source(source), *others


def encode_fingerprints(found: Mapping[str, Attempt[Fingerprint]]) -> bytes:
    """Return the result of `fingerprint_media` as bytes."""
    entries, codes = {}, []
    for name, attempt in found.items():
        made, facts, error = attempt.value, None, attempt.error
        if made is not None:
            facts = _Facts(**{name: getattr(made, name) for name in _PLAIN})
            codes.append(made.codes.tobytes())
            error = made.error
        entries[name] = _Entry(facts, _Error(str(error), error.kind) if error else None)
    header = _encoder.encode(entries)
    return b"".join([len(header).to_bytes(_LENGTH_BYTES, "little"), header, *codes])


def decode_fingerprints(
    arguments: tuple[Any, ...], data: bytes
) -> Mapping[str, Attempt[Fingerprint]]:
    """Return what `encode_fingerprints` was given; ValueError if it does not fit the arguments."""
    _, _, names, decode, _ = arguments
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    entries = _parse(_entries, data[_LENGTH_BYTES:end])
    if sorted(entries) != sorted(names):
        raise ValueError("other algorithms than those asked for")
    found: dict[str, Attempt[Fingerprint]] = {}
    for name, entry in entries.items():
        error = entry.error and received_error(entry.error.message, entry.error.kind)
        if entry.facts is None and error is None:
            raise ValueError("neither hashes nor an error")
        if entry.facts is None:
            found[name] = Attempt(error=error)
            continue
        width, n_views = get_algorithm(name).bits // 8, len(entry.facts.views)
        codes = np.frombuffer(data[end : end + n_views * width], np.uint8)
        end += n_views * width
        made = Fingerprint(
            codes=codes.reshape(n_views, width), error=error, **msgspec.structs.asdict(entry.facts)
        )
        _check(made, name, decode)
        found[name] = Attempt(made)
    if end != len(data):
        raise ValueError("more codes than views")
    return {name: found[name] for name in names}


def _check(made: Fingerprint, algorithm: str, decode: str) -> None:
    """Raise ValueError for values that no algorithm gives."""
    if made.algorithm != algorithm or made.decode not in _DECODES[decode] or not made.views:
        raise ValueError("not the hashes that were asked for")
    for name in set(made.views):
        parse(name)
    for name in _PLAIN:
        values = getattr(made, name)
        if name.endswith("qualities") and not all(q is None or 0 <= q <= 100 for q in values):
            raise ValueError("a quality is from 0 to 100")
        if name.endswith("_s") and not all(t is None or math.isfinite(t) for t in values):
            raise ValueError("a time is a number")


def encode_hashes(found: Hash | Sequence[Hash]) -> bytes:
    """Return the result of `hash_image` or of `hash_segments` as bytes."""
    hashes = [found] if isinstance(found, Hash) else found
    return _encoder.encode([(one.hex, one.quality) for one in hashes])


def decode_hashes(algorithm: str, _: object, data: bytes) -> tuple[Hash, ...]:
    """Return at least one hash by an algorithm; ValueError for anything else."""
    hasher = get_algorithm(algorithm)
    found = _parse(_hashes, data)
    if not found:
        raise ValueError("no hash")
    return tuple(Hash(algorithm, parse_hash(hasher, code).code, each) for code, each in found)


def decode_hash(algorithm: str, item: object, data: bytes) -> Hash:
    """Return one hash by an algorithm; ValueError for anything else."""
    (found,) = decode_hashes(algorithm, item, data)
    return found


def _parse(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
