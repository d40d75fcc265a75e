"""Headers that lie under a right checksum, and sections that nobody verified: never a crash.

Whatever the bytes, a file is refused with IndexFormatError or can be searched; `fuzz_reader.py`
tries more of them.
"""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashmatch import _core
from hashmatch.hamming import HammingIndex, storage
from tests.hamming.fuzz_reader import FROZEN, WAYS, crafted, header_of, refused, try_one, use


@pytest.fixture(scope="module", params=["version 1", "as saved now"])
def valid(request, tmp_path_factory):
    """Bytes of a file of five 256-bit codes with ids."""
    if request.param == "version 1":
        return FROZEN[0].read_bytes()
    path = tmp_path_factory.mktemp("valid") / "now.hmi"
    codes = np.random.default_rng(4).integers(0, 256, (5, 32), dtype=np.uint8)
    HammingIndex.build(codes, [7, -3, 1 << 62, 0, 41], algorithm="pdq").save(path)
    return path.read_bytes()


NONSENSE = {
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
def test_nonsense_under_a_right_checksum_is_refused(tmp_path, valid, case):
    path = tmp_path / "crafted.hmi"
    path.write_bytes(crafted(valid, NONSENSE[case]).ljust(9000, b"\0"))
    assert refused(path)


def change(**changes):
    return lambda header: header | changes


def change_section(at, **changes):
    def changed(header):
        sections = [dict(section) for section in header["sections"]]
        sections[at] |= changes
        return header | {"sections": sections}

    return changed


def without(key):
    return lambda header: {name: value for name, value in header.items() if name != key}


def sections(*order):
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
    "parts that are nothing": change(parts={}),
    "parts false": change(parts=False),
    "parts a list": change(parts=[]),
    "parts without tables": change(parts={"count": 2, "bits": 16, "sketches": 1}),
    "no part": change(parts={"count": 0, "bits": 0, "sketches": 1}),
    "parts beyond the code": change(parts={"count": 17, "bits": 16, "sketches": 1}),
    "unknown key of the parts": change(parts={"count": 2, "bits": 16, "sketches": 1, "order": 1}),
    "parts of the version before": change(parts={"count": 2, "bits": 16}),
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
def test_lies_under_a_right_checksum_are_refused_by_open(tmp_path, valid, case):
    header = header_of(valid)
    path = tmp_path / "crafted.hmi"
    path.write_bytes(crafted(valid, header))
    assert not refused(path, verify=True)  # the same header, signed here
    path.write_bytes(crafted(valid, LIES[case](header)))
    assert refused(path)


@pytest.mark.parametrize("sketches", [0, 1, 3, -2, 2.0, True, None, "2", [2], 1 << 70])
def test_other_numbers_of_sketches_are_refused(tmp_path, sketches):
    codes = np.random.default_rng(5).integers(0, 256, (70, 32), dtype=np.uint8)
    tables = _core.build_tables(codes, 1, (16, 8), True)
    path = tmp_path / "crafted.hmi"
    storage.write(path, storage.Parts("pdq", codes, _core.pack_planes(codes), None, tables))
    assert not refused(path, verify=True)
    header = header_of(path.read_bytes())
    assert header["parts"] == {"count": 16, "bits": 8, "sketches": 2}
    header["parts"]["sketches"] = sketches
    path.write_bytes(crafted(path.read_bytes(), header))
    assert refused(path)


words = st.sampled_from(
    [
        "algorithm",
        "bits",
        "n",
        "parts",
        "count",
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
def headers(draw, header):
    """Draw a header that says something else than the file, here or there or everywhere."""
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


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_whatever_a_header_says_the_file_is_refused_or_can_be_searched(
    tmp_path_factory, valid, data
):
    header = data.draw(headers(header_of(valid)))
    size = data.draw(st.none() | st.integers(0, 20_000) | st.sampled_from([4096, 8192, 12288]))
    path = tmp_path_factory.getbasetemp() / "crafted.hmi"
    path.write_bytes(crafted(valid, header, size))
    if not refused(path):
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
def test_damage_that_nobody_verified_never_crashes_a_search(
    tmp_path_factory, n, n_bytes, with_ids, seed, n_wounds, kind
):
    path = tmp_path_factory.getbasetemp() / "wounded.hmi"
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 256, (n, n_bytes), dtype=np.uint8)
    HammingIndex.build(codes, rng.permutation(2 * n)[:n] - n if with_ids else None).save(path)
    data = bytearray(path.read_bytes())
    for _ in range(n_wounds):
        at = int(rng.integers(4096, len(data)))  # behind the header
        length = int(rng.choice([1, 4, 8, 300]))
        noise = {"noise": rng.bytes(length), "zeros": bytes(length), "ones": b"\xff" * length}
        data[at : at + length] = noise[kind][: len(data) - at]
    if kind == "noise" and seed % 4 == 0:
        data[4096:] = rng.bytes(len(data) - 4096)
    path.write_bytes(data)
    use(HammingIndex.open(path))


def test_files_damaged_in_every_way_are_refused_or_can_be_searched(tmp_path):
    opened = {way.__name__: 0 for way in WAYS}
    for number in range(60 * len(WAYS)):
        way, is_open = try_one(20261122, number, tmp_path)
        opened[way] += is_open
    # Whoever damages sections alone is not found out by opening.
    assert opened["with_other_values"] == opened["with_other_layout"] == 60, opened
    assert opened["with_other_bytes"] >= 30, opened
