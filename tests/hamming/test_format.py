"""The file format of csrc/hamming/FORMAT.md, read and written here without hashmatch."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch import _core
from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex, index_file
from tests.hamming.strategies import STRATEGIES

SPECIFICATION = Path(__file__).parents[2] / "csrc" / "hamming" / "FORMAT.md"
EXAMPLE = Path(__file__).parent / "data" / "example.hmi"
WITH_TABLES = Path(__file__).parent / "data" / "tables.hmi"
MAGIC = bytes([0x89, 0x48, 0x4D, 0x49, 0x0D, 0x0A, 0x1A, 0x0A])
VERSION = 1
KEYS = ["algorithm", "bits", "n", "tables", "sections"]
TABLES_KEYS = ["substrings", "bits", "sketches"]

Codes = list[bytes]
Ids = list[int] | None
Layout = dict[str, int] | None
Content = tuple[str | None, int, Codes, Ids]


def planes_of(codes: Codes, width: int) -> bytes:
    """Return the leading bytes of the codes, byte by byte in blocks of 64, zeros for none."""
    planes = bytearray()
    for first in range(0, len(codes), 64):
        for p in range(min(width, 16)):
            column = bytes(code[p] for code in codes[first : first + 64])
            planes += column.ljust(64, b"\0")
    return bytes(planes)


def mix(z: int) -> int:
    z = (z + 0x9E3779B97F4A7C15) % 2**64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return z ^ (z >> 31)


def tables_of(codes: Codes, width: int, m: int, k: int, n_sketches: int) -> dict[str, bytes]:
    """Return the sections of the tables: m substrings of k bits, one or two sketches."""
    order = sorted(range(8 * width), key=mix)
    bits = np.unpackbits(np.frombuffer(b"".join(codes), np.uint8).reshape(-1, width), axis=1)
    weights = 1 << np.arange(k)[::-1]
    keys = [bits[:, order[p * k : (p + 1) * k]] @ weights for p in range(m)]
    rows = [np.argsort(key, kind="stable") for key in keys]
    smaller = [np.searchsorted(np.sort(key), np.arange(2**k + 1)) for key in keys]
    low = [keys[(p + 1) % m][rows[p]] & 0xFFFF for p in range(m)]
    low_2 = [keys[(p + 2) % m][rows[p]] & 0xFF for p in range(m)]
    tables = {
        "directory": np.concatenate(smaller).astype("<u4").tobytes(),
        "postings": np.concatenate(rows).astype("<u4").tobytes(),
        "sketches": np.concatenate(low).astype("<u2").tobytes() + bytes(128),
    }
    if n_sketches > 1:
        tables["sketches2"] = np.concatenate(low_2).astype("u1").tobytes()
    return tables


def header_of(data: bytes) -> dict[str, Any]:
    n_text = struct.unpack_from("<I", data, 12)[0]
    header: dict[str, Any] = json.loads(data[48 : 48 + n_text])
    return header


def read(data: bytes) -> tuple[str | None, int, Codes, Ids, Layout]:
    """Return algorithm, bits, codes, ids or None, and the layout of the tables or None."""
    magic, version, n_text, digest = struct.unpack_from("<8sII32s", data)
    assert (magic, version) == (MAGIC, VERSION)
    text = data[48 : 48 + n_text]
    assert hashlib.sha256(data[:16] + bytes(32) + text).digest() == digest
    header = header_of(data)
    assert list(header) == KEYS
    if header["tables"] is not None:
        assert list(header["tables"]) == TABLES_KEYS
    found, end = {}, 48 + n_text
    for section in header["sections"]:
        assert list(section) == ["name", "offset", "bytes", "sha256"]
        assert section["offset"] == -(-end // 4096) * 4096
        assert not any(data[end : section["offset"]])
        end = section["offset"] + section["bytes"]
        found[section["name"]] = data[section["offset"] : end]
        assert hashlib.sha256(found[section["name"]]).hexdigest() == section["sha256"]
    assert end == len(data)
    n, width, layout = header["n"], header["bits"] // 8, header["tables"]
    codes = [found["codes"][i * width : (i + 1) * width] for i in range(n)]
    ids = list(struct.unpack(f"<{n}q", found["ids"])) if "ids" in found else None
    expected = bodies_of(header["bits"], codes, ids, layout)
    assert list(found) == list(expected)
    for name, body in expected.items():
        assert found[name] == body, name
    return header["algorithm"], header["bits"], codes, ids, layout


def bodies_of(bits: int, codes: Codes, ids: Ids, layout: Layout) -> dict[str, bytes]:
    """Return the bytes of each section, in order."""
    bodies = {"codes": b"".join(codes), "planes": planes_of(codes, bits // 8)}
    if ids is not None:
        bodies["ids"] = struct.pack(f"<{len(ids)}q", *ids)
    if layout is not None:
        m, k, n_sketches = (layout[key] for key in TABLES_KEYS)
        bodies |= tables_of(codes, bits // 8, m, k, n_sketches)
    return bodies


def write(algorithm: str | None, bits: int, codes: Codes, ids: Ids, layout: Layout = None) -> bytes:
    """Return the bytes of a file, by the section "Writing" of the specification."""
    values = {"algorithm": algorithm, "bits": bits, "n": len(codes), "tables": layout}
    n_text = 0
    while True:  # the text holds offsets that depend on its length
        end, data = 48 + n_text, b""
        sections: list[dict[str, Any]] = []
        for name, body in bodies_of(bits, codes, ids, layout).items():
            offset = -(-end // 4096) * 4096
            end = offset + len(body)
            digest = hashlib.sha256(body).hexdigest()
            sections.append({"name": name, "offset": offset, "bytes": len(body), "sha256": digest})
            data = data.ljust(offset - sections[0]["offset"], b"\0") + body
        text = json.dumps(values | {"sections": sections}, separators=(",", ":")).encode("ascii")
        if len(text) == n_text:
            break
        n_text = len(text)
    prefix = struct.pack("<8sII", MAGIC, VERSION, n_text)
    signature = hashlib.sha256(prefix + bytes(32) + text).digest()
    return (prefix + signature + text).ljust(sections[0]["offset"], b"\0") + data


def differing_bits(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Draw the algorithm, bits, codes and ids of a file."""
    width = draw(st.sampled_from([8, 9, 16, 17, 32, 64]) | st.integers(8, 64))
    n = draw(st.sampled_from([0, 1, 2, 63, 64, 65, 128, 129]) | st.integers(0, 40))
    noise = np.random.default_rng(draw(st.integers(0, 2**32))).bytes(n * width)
    codes = [noise[i * width : (i + 1) * width] for i in range(n)]
    int64 = st.integers(-(2**63), 2**63 - 1)
    ids = draw(st.none() | st.lists(int64, unique=True, min_size=n, max_size=n))
    names = st.none() | st.sampled_from(["pdq", 'å\n\0"\\', "\U0001f600" * 200])
    return draw(names | st.text(min_size=1, max_size=200)), 8 * width, codes, ids


def as_arrays(
    bits: int, codes: Codes, ids: Ids
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    array = np.frombuffer(b"".join(codes), np.uint8).reshape(len(codes), bits // 8)
    return array, None if ids is None else np.array(ids, np.int64)


@given(content=contents())
@settings(max_examples=30, deadline=None)
def test_saved_files_are_as_specified_to_the_byte(
    tmp_path_factory: pytest.TempPathFactory, content: Content
) -> None:
    algorithm, bits, codes, ids = content
    path = tmp_path_factory.getbasetemp() / "saved.hmi"
    HammingIndex.build(*as_arrays(bits, codes, ids), algorithm=algorithm).save(path)
    data = path.read_bytes()
    assert read(data) == (*content, None)
    assert data == write(*content)


@pytest.mark.parametrize(("bits", "threads"), [(64, 1), (256, 3)])
def test_tables_are_as_specified(tmp_path: Path, bits: int, threads: int) -> None:
    rng = np.random.default_rng(bits)
    array = rng.integers(0, 256, (40_000, bits // 8), dtype=np.uint8)
    array[500:900] = array[3]
    ids = rng.permutation(len(array))
    HammingIndex.build(array, ids, threads=threads).save(tmp_path / "large.hmi")
    *_, codes, found_ids, layout = read((tmp_path / "large.hmi").read_bytes())
    assert codes == [code.tobytes() for code in array]
    assert found_ids == ids.tolist()
    assert layout is not None  # at this size it pays to have tables


@pytest.mark.parametrize("second_sketches", [False, True])
def test_second_sketches_are_as_specified(tmp_path: Path, second_sketches: bool) -> None:
    rng = np.random.default_rng(3)
    array = rng.integers(0, 256, (300, 33), dtype=np.uint8)
    tables = _core.build_tables(array, 1, (20, 13), second_sketches)
    arrays = index_file.IndexArrays("pdq", array, _core.pack_planes(array), None, tables)
    index_file.write(tmp_path / "small.hmi", arrays)
    data = (tmp_path / "small.hmi").read_bytes()
    algorithm, bits, codes, ids, layout = read(data)
    assert layout == {"substrings": 20, "bits": 13, "sketches": 1 + second_sketches}
    assert data == write(algorithm, bits, codes, ids, layout)
    index = HammingIndex.open(tmp_path / "small.hmi", verify=True)
    assert index.size_bytes == sum(section["bytes"] for section in header_of(data)["sections"])


@given(content=contents(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_files_of_another_writer_are_read(
    tmp_path_factory: pytest.TempPathFactory, content: Content, data: st.DataObject
) -> None:
    algorithm, bits, codes, ids = content
    algorithm = data.draw(st.sampled_from([algorithm, "", "a" * 4000, "a" * 9000]))
    layout = None
    if data.draw(st.booleans()):
        k = data.draw(st.integers(8, 12))
        m = data.draw(st.integers(1, min(64, bits // k)))
        layout = {"substrings": m, "bits": k, "sketches": data.draw(st.integers(1, 2))}
    path = tmp_path_factory.getbasetemp() / "foreign.hmi"
    path.write_bytes(write(algorithm, bits, codes, ids, layout))
    index = HammingIndex.open(path, verify=True)
    assert (len(index), index.bits, index.algorithm) == (len(codes), bits, algorithm)
    names = range(len(codes)) if ids is None else ids
    for radius in (0, bits // 8 - 1):
        expected = [
            sorted((d, name) for d, name in zip(distances, names, strict=True) if d <= radius)
            for distances in ([differing_bits(code, other) for other in codes] for code in codes)
        ]
        found = index.search(as_arrays(bits, codes, ids)[0], radius)
        pairs = list(zip(found.distances.tolist(), found.ids.tolist(), strict=True))
        assert pairs == [match for matches in expected for match in matches]


def hexdump_lines() -> list[tuple[int, bytes]]:
    """Return offsets and bytes of the lines shown in the specification's example."""
    line = re.compile(r"^([0-9a-f]{8})  ((?:[0-9a-f]{2} {1,2})+) *\|", re.MULTILINE)
    return [
        (int(offset, 16), bytes.fromhex(digits))
        for offset, digits in line.findall(SPECIFICATION.read_text())
    ]


def test_the_example_of_the_specification_is_the_file() -> None:
    data, lines = EXAMPLE.read_bytes(), hexdump_lines()
    assert len(lines) > 25
    for offset, shown in lines:
        assert data[offset : offset + 16] == shown, hex(offset)
    text = SPECIFICATION.read_text().split("```json\n")[1].split("```")[0].replace("\n", "")
    assert data[48 : 48 + len(text)] == text.encode()


def test_the_example_is_never_rewritten() -> None:
    expected = "933bd35ddcd851f11cc85bf830d561ab5936f47e37ff70ca2d7f6e95a3eb6753"
    assert hashlib.sha256(EXAMPLE.read_bytes()).hexdigest() == expected


def test_the_example_gives_known_answers() -> None:
    index = HammingIndex.open(EXAMPLE, verify=True)
    assert (len(index), index.bits, index.algorithm) == (5, 256, "pdq")
    first = np.arange(32, dtype=np.uint8)
    queries = np.stack([first, ~first])
    found = index.search(queries)
    assert found.offsets.tolist() == [0, 3, 4]
    assert found.ids.tolist() == [7, -3, 0, 1 << 62]
    assert found.distances.tolist() == [0, 1, 31, 0]
    ids, distances = index.nearest(queries[:1], 6)
    assert ids.tolist() == [[7, -3, 0, 41, 1 << 62, -1]]
    assert distances.tolist() == [[0, 1, 31, 32, 256, -1]]
    a, b, distances = index.join(32)
    assert a.tolist() == [-3, -3, 0, 0, 7]
    assert b.tolist() == [0, 7, 7, 41, 41]
    assert distances.tolist() == [32, 1, 31, 1, 32]


@pytest.mark.parametrize("radius", [0, 1, 30, 31, 32, 33, 223, 224, 225, 255, 256])
def test_the_example_agrees_with_codes_read_independently(radius: int) -> None:
    _, _, codes, ids, _ = read(EXAMPLE.read_bytes())
    assert ids is not None
    index = HammingIndex.open(EXAMPLE)
    found = index.search(np.frombuffer(b"".join(codes), np.uint8).reshape(5, 32), radius)
    expected = [
        sorted((differing_bits(query, code), i) for code, i in zip(codes, ids, strict=True))
        for query in codes
    ]
    within = [match for matches in expected for match in matches if match[0] <= radius]
    assert list(zip(found.distances.tolist(), found.ids.tolist(), strict=True)) == within


def test_the_file_with_tables_is_never_rewritten() -> None:
    expected = "be7d8dff086bd5502aa5b3ec1ad235c5789c04f58ab59ede4ba0d7f5d0005e9c"
    assert hashlib.sha256(WITH_TABLES.read_bytes()).hexdigest() == expected


@pytest.mark.parametrize("radius", [0, 7, 15, 16, 31, 32, 47, 80, 256])
def test_the_file_with_tables_agrees_with_codes_read_independently(radius: int) -> None:
    algorithm, bits, codes, ids, layout = read(WITH_TABLES.read_bytes())
    assert (algorithm, bits, len(codes)) == ("pdq", 256, 65)
    assert layout == {"substrings": 16, "bits": 8, "sketches": 2}
    assert ids is not None
    index = HammingIndex.open(WITH_TABLES, verify=True)
    expected = [
        sorted((differing_bits(query, code), i) for code, i in zip(codes, ids, strict=True))
        for query in codes
    ]
    within = [match for matches in expected for match in matches if match[0] <= radius]
    assert len(within) >= 65 + 2 * (radius >= 7)
    array = np.frombuffer(b"".join(codes), np.uint8).reshape(65, 32)
    for strategy in STRATEGIES:
        _, found_ids, distances = index._native.search(array, radius, 1, strategy)
        assert list(zip(distances.tolist(), found_ids.tolist(), strict=True)) == within
    pairs = [
        (min(a, b), max(a, b), differing_bits(codes[i], codes[j]))
        for i, a in enumerate(ids)
        for j, b in enumerate(ids[:i])
        if differing_bits(codes[i], codes[j]) <= radius
    ]
    joined = zip(*(column.tolist() for column in index.join(radius)), strict=True)
    assert list(joined) == sorted(pairs)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_files_of_builds_before_the_first_release_are_refused(tmp_path: Path, version: int) -> None:
    path = tmp_path / "early.hmi"
    path.write_bytes(b"\x89HMX\r\n\x1a\n" + struct.pack("<I", version) + bytes(9000))
    with pytest.raises(IndexFormatError, match="not a hashmatch index; rebuild the index"):
        HammingIndex.open(path)
