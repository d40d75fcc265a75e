"""Fingerprints from a process that is not trusted: what is genuine comes through, nothing else."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.errors import Attempt, DecodeError, ErrorKind
from hashmatch.fingerprint import (
    decode_fingerprints,
    decode_hash,
    decode_hashes,
    encode_fingerprints,
    encode_hashes,
)
from hashmatch.values import Fingerprint, Hash
from hashmatch.views import AS_STORED, parse

BITS = {"pdq": 256, "phash": 64}
NAMES = ("pdq", "phash")
ARGUMENTS = (b"", "picture", NAMES, "luma", None)
VIEWS = [AS_STORED, "rot90", "frame/trimmed/flipx", "page12", "segment_3", "embedded2/on_white"]

errors = st.builds(
    DecodeError,
    st.text(st.characters(categories=("L", "N", "P")), max_size=40),
    st.sampled_from(ErrorKind),
)


@st.composite
def attempts(draw: st.DrawFn, name: str) -> Attempt[Fingerprint]:
    if draw(st.booleans()) and draw(st.booleans()):
        return Attempt(error=draw(errors))
    n = draw(st.integers(1, 5))

    def several(values: st.SearchStrategy[Any]) -> tuple[Any, ...]:
        return tuple(draw(st.lists(values, min_size=n, max_size=n)))

    width = BITS[name] // 8
    return Attempt(
        Fingerprint(
            algorithm=name,
            decode=draw(st.sampled_from(["exact", "luma", "video"])),
            views=several(st.sampled_from(VIEWS)),
            codes=np.frombuffer(draw(st.binary(min_size=n * width, max_size=n * width)), np.uint8)
            .reshape(n, width)
            .copy(),
            qualities=several(st.none() | st.integers(0, 100)),
            timestamps_s=several(st.none() | st.floats(allow_nan=False, allow_infinity=False)),
            is_complete=draw(st.booleans()),
            error=draw(st.none() | errors),
        )
    )


results = st.fixed_dictionaries({name: attempts(name) for name in NAMES})


def plain(found: Mapping[str, Attempt[Fingerprint]]) -> dict[str, Any]:
    """Return fingerprints as values that compare."""

    def of(value: Any) -> Any:
        if isinstance(value, DecodeError):
            return str(value), value.kind
        return value.tolist() if isinstance(value, np.ndarray) else value

    return {
        name: (
            of(one.error),
            one.value and [of(getattr(one.value, each.name)) for each in fields(one.value)],
        )
        for name, one in found.items()
    }


@given(results)
def test_what_is_genuine_comes_through(found: dict[str, Attempt[Fingerprint]]) -> None:
    again = decode_fingerprints(ARGUMENTS, encode_fingerprints(found))
    assert list(again) == list(NAMES)
    assert plain(again) == plain(found)


def test_numbers_of_numpy_come_through_as_numbers() -> None:
    code = np.zeros((1, 32), np.uint8)
    made = Fingerprint("pdq", "exact", (AS_STORED,), code, (np.int64(7),), (np.float64(0.5),))  # type: ignore[arg-type]
    (found,) = decode_fingerprints(
        (b"", "picture", ("pdq",), "exact", None), encode_fingerprints({"pdq": Attempt(made)})
    ).values()
    assert found.unwrap().qualities == (7,)
    assert found.unwrap().timestamps_s == (0.5,)


def sound(n: int = 2) -> dict[str, Any]:
    """Return the header of sound fingerprints."""
    facts = {each.name: None for each in fields(Fingerprint) if each.name not in ("codes", "error")}
    made = Fingerprint(
        *("pdq", "luma", ("as_stored", "rot90")[:n], np.zeros((n, 32), np.uint8)),
        *((90,) * n, (0.5,) * n),
    )
    facts = {name: getattr(made, name) for name in facts}
    return {
        "pdq": {"facts": facts, "error": None},
        "phash": {"facts": None, "error": {"message": "no", "kind": "damaged"}},
    }


def sealed(header: object, codes: bytes = bytes(64)) -> bytes:
    data = msgspec.json.encode(header)
    return len(data).to_bytes(4, "little") + data + codes


def changed(**facts: Any) -> bytes:
    header = sound()
    header["pdq"]["facts"] |= facts
    return sealed(header)


def without(*keys: str) -> bytes:
    header: Any = sound()
    place = header
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]
    return sealed(header)


FALSE = {
    "nothing": b"",
    "a length alone": b"\x05\0\0\0",
    "a length beyond the end": b"\xff\xff\xff\xff{}",
    "no JSON": b"\x02\0\0\0{]",
    "a list": sealed([]),
    "no algorithm": sealed({}),
    "one too few": without("phash"),
    "one too many": sealed(sound() | {"dhash": sound()["phash"]}),
    "another": sealed({"pdq": sound()["pdq"], "dhash": sound()["phash"]}),
    "neither hashes nor an error": sealed(sound() | {"phash": {"facts": None, "error": None}}),
    "an unknown kind": sealed(
        sound() | {"phash": {"facts": None, "error": {"message": "", "kind": "fine"}}}
    ),
    "an unknown field": sealed(sound() | {"phash": sound()["phash"] | {"more": 1}}),
    "a missing field": without("pdq", "facts", "qualities"),
    "an unknown fact": changed(more=1),
    "codes too short": sealed(sound(), bytes(63)),
    "codes too long": sealed(sound(), bytes(65)),
    "no codes": sealed(sound(), b""),
    "no views": changed(views=[], qualities=[], timestamps_s=[]),
    "fewer views": changed(views=["as_stored"]),
    "no name of a view": changed(views=["as_stored", "../rot90"]),
    "a view of another order": changed(views=["as_stored", "rot90/trimmed"]),
    "a view that is a number": changed(views=["as_stored", 7]),
    "a quality of 101": changed(qualities=[101, 1]),
    "a quality of -1": changed(qualities=[-1, 1]),
    "a quality of 1e30": changed(qualities=[10**30, 1]),
    "a quality in text": changed(qualities=["9", 1]),
    "a quality that is true": changed(qualities=[True, 1]),
    "fewer qualities": changed(qualities=[1]),
    "more times": changed(timestamps_s=[0.5, 0.5, 0.5]),
    "a time in text": changed(timestamps_s=["0", 0.5]),
    "a time beyond all": sealed(sound()).replace(b"[0.5,0.5]", b"[9e999,0]"),
    "another algorithm within": changed(algorithm="phash"),
    "an unknown decode": changed(decode="bytes"),
    "completeness in text": changed(is_complete="yes"),
    "deep nesting": sealed(msgspec.Raw(b"[" * 100_000)),
}  # fmt: skip


def test_the_sound_one_is_sound() -> None:
    assert decode_fingerprints(ARGUMENTS, sealed(sound()))["pdq"].value is not None


@pytest.mark.parametrize("what", list(FALSE))
def test_what_is_false_is_refused(what: str) -> None:
    data = FALSE[what]
    with pytest.raises(ValueError, match="."):
        decode_fingerprints(ARGUMENTS, data)


def test_luma_counts_only_if_it_was_asked_for() -> None:
    with pytest.raises(ValueError, match="asked for"):
        decode_fingerprints((b"", "picture", NAMES, "exact", None), sealed(sound()))


def assert_sound(found: Mapping[str, Attempt[Fingerprint]]) -> None:
    assert set(found) == set(NAMES)
    for name, attempt in found.items():
        made = attempt.value
        if made is None:
            assert attempt.error is not None
            continue
        assert made.algorithm == name
        assert made.codes.shape == (len(made.views), BITS[name] // 8)
        assert all(q is None or 0 <= q <= 100 for q in made.qualities)
        assert all(t is None or math.isfinite(t) for t in made.timestamps_s)
        for view in made.views:
            parse(view)


@given(results, st.data())
def test_changed_bytes_give_a_sound_value_or_none(
    found: dict[str, Attempt[Fingerprint]], data: st.DataObject
) -> None:
    sent = bytearray(encode_fingerprints(found))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(sent) - 1))
        sent[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        if not sent:
            break
    try:
        read = decode_fingerprints(ARGUMENTS, bytes(sent))
    except ValueError:
        return
    assert_sound(read)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        decode_fingerprints(ARGUMENTS, data)
    with pytest.raises(ValueError, match="."):
        decode_hash("pdq", None, data)


def test_hashes_come_through() -> None:
    one = Hash("pdq", np.arange(32, dtype=np.uint8), 77)
    assert decode_hash("pdq", None, encode_hashes(one)) == one
    several = tuple(Hash("crop-resistant", np.full(8, n, np.uint8), None) for n in range(3))
    assert decode_hashes("crop-resistant", None, encode_hashes(several)) == several


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b'[["00", 5]]',
        b'[["zz", 5]]',
        b"[[5, 5]]",
        b'[["%s", 101]]' % (b"0" * 64),
        b'[["%s", 5], ["%s", 5]]' % (b"0" * 64, b"0" * 64),
        b'[["%s"]]' % (b"0" * 64),
        b'[["%s", 5]]' % (b"0 " * 32),
        b'{"a": 1}',
    ],
)
def test_a_false_hash_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        decode_hash("pdq", None, data)
