"""False headers with a correct checksum, and unverified damage in sections: never a crash.

Whatever the bytes, a file is refused with IndexFormatError or can be searched; `fuzz_reader.py`
tries more of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashmatch import _core
from hashmatch.hamming import HammingIndex, index_file
from tests.hamming.fuzz_reader import SAVED, WOUNDS, crafted, header_of, refused, try_one, use

Header = dict[str, Any]
Change = Callable[[Header], Header]


@pytest.fixture(scope="module", params=["example", "as saved now"])
def valid(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a file of five 256-bit codes with ids."""
    if request.param == "example":
        return SAVED[0].read_bytes()
    path = tmp_path_factory.mktemp("valid") / "now.hmi"
    codes = np.random.default_rng(4).integers(0, 256, (5, 32), dtype=np.uint8)
    HammingIndex.build(codes, [7, -3, 1 << 62, 0, 41], algorithm="pdq").save(path)
    return path.read_bytes()


NONSENSE: dict[str, Any] = {
    "no JSON": b"{",
    "no text": b"",
    "no UTF-8": b'{"algorithm":"\xff"}',
    "UTF-16": json.dumps({"algorithm": None}).encode("utf-16"),
    "too deep": b"[" * 200_000,
    "endless number": b'{"n":' + b"9" * 10_000 + b"}",
    "a list": [],
    "a number": 5,
    "null": None,
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_under_a_right_checksum_is_refused(
    tmp_path: Path, valid: bytes, case: str
) -> None:
    path = tmp_path / "crafted.hmi"
    path.write_bytes(crafted(valid, NONSENSE[case]).ljust(9000, b"\0"))
    assert refused(path)


def change(**changes: Any) -> Change:
    return lambda header: header | changes


def change_section(at: int, **changes: Any) -> Change:
    def changed(header: Header) -> Header:
        sections = [dict(section) for section in header["sections"]]
        sections[at] |= changes
        return header | {"sections": sections}

    return changed


def without(key: str) -> Change:
    return lambda header: {name: value for name, value in header.items() if name != key}


def sections(*order: int) -> Change:
    return lambda header: header | {"sections": [header["sections"][i] for i in order]}


LIES = {
    "negative n": change(n=-1),
    "n too large for the file": change(n=6),
    "n too small for the file": change(n=4),
    "n beyond 2^32": change(n=1 << 32),
    "n beyond 2^64": change(n=1 << 70),
    "n a boolean": change(n=True),
    "n a float": change(n=5.0),
    "n as text": change(n="5"),
    "other width": change(bits=64),
    "no width": change(bits=0),
    "odd width": change(bits=257),
    "width beyond 512": change(bits=1024),
    "tables empty": change(tables={}),
    "tables false": change(tables=False),
    "tables a list": change(tables=[]),
    "tables without sections": change(tables={"substrings": 2, "bits": 16, "sketches": 1}),
    "no substring": change(tables={"substrings": 0, "bits": 0, "sketches": 1}),
    "substrings beyond the code": change(tables={"substrings": 17, "bits": 16, "sketches": 1}),
    "unknown key of the tables": change(
        tables={"substrings": 2, "bits": 16, "sketches": 1, "order": 1}
    ),
    "tables without sketches": change(tables={"substrings": 2, "bits": 16}),
    "algorithm a number": change(algorithm=5),
    "algorithm an object": change(algorithm={}),
    "unknown key": change(tombstones=[]),
    "no algorithm": without("algorithm"),
    "no n": without("n"),
    "no sections": without("sections"),
    "sections null": change(sections=None),
    "sections text": change(sections="codes"),
    "sections an object": change(sections={"codes": 1}),
    "sections empty": change(sections=[]),
    "sections of numbers": change(sections=[1, 2, 3]),
    "codes only": sections(0),
    "no codes": sections(1, 2),
    "other order": sections(1, 0, 2),
    "codes twice": sections(0, 0, 1, 2),
    "ids twice": sections(0, 1, 2, 2),
    "unknown section": change_section(2, name="identifiers"),
    "name a number": change_section(0, name=1),
    "name a list": change_section(0, name=[]),
    "unknown key of a section": change_section(0, compressed=True),
    "too few bytes": change_section(0, bytes=159),
    "too many bytes": change_section(0, bytes=161),
    "negative bytes": change_section(2, bytes=-40),
    "bytes beyond 2^64": change_section(2, bytes=1 << 64),
    "inside the header": change_section(0, offset=0),
    "negative offset": change_section(0, offset=-4096),
    "overlapping": change_section(1, offset=4096),
    "not aligned": change_section(1, offset=8193),
    "beyond the file": change_section(2, offset=1 << 40),
    "far beyond the file": change_section(2, offset=1 << 62),
    "offset null": change_section(1, offset=None),
    "checksum a number": change_section(0, sha256=0),
    "checksum too short": change_section(0, sha256="00"),
}


@pytest.mark.parametrize("case", LIES)
def test_lies_under_a_right_checksum_are_refused_by_open(
    tmp_path: Path, valid: bytes, case: str
) -> None:
    header = header_of(valid)
    path = tmp_path / "crafted.hmi"
    path.write_bytes(crafted(valid, header))
    assert not refused(path, verify=True)  # the same header, signed here
    path.write_bytes(crafted(valid, LIES[case](header)))
    assert refused(path)


@pytest.mark.parametrize("sketches", [0, 1, 3, -2, 2.0, True, None, "2", [2], 1 << 70])
def test_other_numbers_of_sketches_are_refused(tmp_path: Path, sketches: Any) -> None:
    codes = np.random.default_rng(5).integers(0, 256, (70, 32), dtype=np.uint8)
    tables = _core.build_tables(codes, 1, (16, 8), True)
    path = tmp_path / "crafted.hmi"
    planes = _core.pack_planes(codes)
    index_file.write(path, index_file.IndexArrays("pdq", codes, planes, None, tables))
    assert not refused(path, verify=True)
    header = header_of(path.read_bytes())
    assert header["tables"] == {"substrings": 16, "bits": 8, "sketches": 2}
    header["tables"]["sketches"] = sketches
    path.write_bytes(crafted(path.read_bytes(), header))
    assert refused(path)


words = st.sampled_from(
    [
        "algorithm",
        "bits",
        "n",
        "tables",
        "substrings",
        "sections",
        "name",
        "offset",
        "bytes",
        "sha256",
        "codes",
        "planes",
        "ids",
    ]
)
numbers = (
    st.integers(-2, 600)
    | st.sampled_from([4096, 8192, 12288, 16384])
    | st.integers(0, 80).map(lambda bit: 1 << bit)
    | st.integers(0, 80).map(lambda bit: (1 << bit) - 1)
)
scalars = st.none() | st.booleans() | numbers | words | st.text(max_size=5) | st.floats()
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=5),
    max_leaves=12,
)


@st.composite
def headers(draw: st.DrawFn, header: Header) -> Any:
    """Draw a header that differs from that of the file in some places or altogether."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200) | documents)
    header = json.loads(json.dumps(header))
    for _ in range(draw(st.integers(1, 3))):
        places = [header, *(s for s in header.get("sections") or () if isinstance(s, dict))]
        place = draw(st.sampled_from(places))
        key = draw(st.sampled_from(sorted(place)) | words) if place else draw(words)
        if draw(st.booleans()):
            place.pop(key, None)
        else:
            place[key] = draw(numbers | documents)
        if not isinstance(header.get("sections"), list):
            break
        header["sections"] = draw(st.permutations(header["sections"]) | st.just(header["sections"]))
    return header


def is_number(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def tables_fit(tables: Any, bits: int) -> bool:
    return tables is None or (
        type(tables) is dict
        and tables.keys() == {"substrings", "bits", "sketches"}
        and is_number(tables["substrings"], 1, 64)
        and is_number(tables["bits"], 8, 22)
        and tables["substrings"] * tables["bits"] <= bits
        and is_number(tables["sketches"], 1, 2)
    )


def sections_fit(sections: Any, sizes: dict[str, int], header_end: int, size: int) -> bool:
    keys = {"name", "offset", "bytes", "sha256"}
    if type(sections) is not list or any(type(s) is not dict or s.keys() != keys for s in sections):
        return False
    if "ids" not in [section["name"] for section in sections]:
        del sizes["ids"]
    if [section["name"] for section in sections] != list(sizes):
        return False
    end = header_end
    for section, n_bytes in zip(sections, sizes.values(), strict=True):
        if not is_number(section["offset"], end, 2**62 - 1) or section["offset"] % 4096:
            return False
        if not is_number(section["bytes"], n_bytes, n_bytes):
            return False
        digest = section["sha256"]
        if type(digest) is not str or not re.fullmatch("[0-9a-f]{64}", digest):
            return False
        end = section["offset"] + n_bytes
    return end == size


def fits(data: bytes) -> bool:
    """Return whether a file with a correct checksum keeps the rules of FORMAT.md for opening."""
    header_end = 48 + int.from_bytes(data[12:16], "little")
    if len(data) < max(48, header_end):
        return False
    try:
        header = json.loads(data[48:header_end].decode())
    except (ValueError, RecursionError):
        return False
    if type(header) is not dict:
        return False
    if header.keys() != {"algorithm", "bits", "n", "tables", "sections"}:
        return False
    n, bits, tables = header["n"], header["bits"], header["tables"]
    if not (is_number(bits, 64, 512) and bits % 8 == 0 and is_number(n, 0, 2**32 - 1)):
        return False
    if not (type(header["algorithm"]) in (str, type(None)) and tables_fit(tables, bits)):
        return False
    planes = -(-n // 64) * min(bits // 8, 16) * 64
    sizes = {"codes": n * bits // 8, "planes": planes, "ids": 8 * n}
    if tables is not None:
        m = tables["substrings"]
        sizes |= {"directory": 4 * m * (2 ** tables["bits"] + 1), "postings": 4 * m * n}
        sizes |= {"sketches": 2 * (m * n + 64)} | (
            {"sketches2": m * n} if tables["sketches"] == 2 else {}
        )
    return sections_fit(header["sections"], sizes, header_end, len(data))


TRUTHS = {
    "the header as it is": change(),
    "no name": change(algorithm=None),
    "an empty name": change(algorithm=""),
    "a long name": change(algorithm="a" * 3000),
    "another checksum": change_section(1, sha256="0" * 64),
}


@pytest.mark.parametrize("case", TRUTHS)
def test_headers_that_keep_the_rules_are_accepted(tmp_path: Path, valid: bytes, case: str) -> None:
    path = tmp_path / "crafted.hmi"
    path.write_bytes(crafted(valid, TRUTHS[case](header_of(valid))))
    assert fits(path.read_bytes())
    assert not refused(path)
    use(HammingIndex.open(path))


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_header_is_accepted_only_if_it_keeps_the_rules(
    tmp_path_factory: pytest.TempPathFactory, valid: bytes, data: st.DataObject
) -> None:
    header = data.draw(headers(header_of(valid)))
    size = data.draw(st.none() | st.integers(0, 20_000) | st.sampled_from([4096, 8192, 12288]))
    path = tmp_path_factory.getbasetemp() / "crafted.hmi"
    path.write_bytes(crafted(valid, header, size))
    is_open = fits(path.read_bytes())
    assert refused(path) is not is_open
    if is_open:
        use(HammingIndex.open(path))


@given(
    n=st.sampled_from([1, 3, 64, 200, 2049, 5000, 40_000, 50_000]),  # the last two have tables
    n_bytes=st.sampled_from([8, 16, 32, 33]),
    with_ids=st.booleans(),
    seed=st.integers(0, 2**32),
    n_wounds=st.integers(1, 40),
    kind=st.sampled_from(["noise", "zeros", "ones"]),
)
@settings(max_examples=40, deadline=None)
def test_unverified_damage_never_crashes_a_search_and_is_found_by_verify(
    tmp_path_factory: pytest.TempPathFactory,
    n: int,
    n_bytes: int,
    with_ids: bool,
    seed: int,
    n_wounds: int,
    kind: str,
) -> None:
    path = tmp_path_factory.getbasetemp() / "wounded.hmi"
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (n, n_bytes), dtype=np.uint8)
    HammingIndex.build(codes, rng.permutation(2 * n)[:n] - n if with_ids else None).save(path)
    original = path.read_bytes()
    data = bytearray(original)
    for _ in range(n_wounds):
        at = int(rng.integers(4096, len(data)))  # behind the header
        length = int(rng.choice([1, 4, 8, 300]))
        noise = {"noise": rng.bytes(length), "zeros": bytes(length), "ones": b"\xff" * length}
        data[at : at + length] = noise[kind][: len(data) - at]
    if kind == "noise" and seed % 4 == 0:
        data[4096:] = rng.bytes(len(data) - 4096)
    path.write_bytes(data)
    assert refused(path, verify=True) is (data != original)
    index = HammingIndex.open(path)
    assert len(index) == n
    use(index)


def test_files_damaged_in_every_way_are_refused_or_can_be_searched(tmp_path: Path) -> None:
    opened = {wound.__name__: 0 for wound in WOUNDS}
    for number in range(60 * len(WOUNDS)):
        wound, is_open = try_one(20261122, number, tmp_path)
        opened[wound] += is_open
    # Opening does not read sections.
    assert opened["with_other_values"] == opened["with_other_layout"] == 60, opened
    assert opened["with_other_bytes"] >= 30, opened
