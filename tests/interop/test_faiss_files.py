"""Files of faiss: what we write, faiss reads; what faiss writes, we read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex
from hashmatch.interop import FaissIndex, read_faiss, write_faiss

Codes = NDArray[np.uint8]
Ids = NDArray[np.int64]

RNG = np.random.default_rng(2)
CODES = RNG.integers(0, 256, (700, 32), dtype=np.uint8)
CODES[100:130] = CODES[5]
IDS = RNG.permutation(5000)[:700] - 2500
IDS[IDS == -1] = 1 << 60


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let faiss train and add on one thread: for so few codes several are slower."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


def flat(codes: Codes = CODES) -> Any:
    index = faiss.IndexBinaryFlat(8 * codes.shape[1])
    index.add(codes)
    return index


def empty_of(kind: str, codes: Codes = CODES) -> Any:
    """Return an index of faiss that is ready to take the codes."""
    bits = 8 * codes.shape[1]
    index = faiss.index_binary_factory(
        bits,
        {
            "IndexBinaryFlat": "BFlat",
            "IndexBinaryHash": "BHash9",
            "IndexBinaryMultiHash": "BHash5x7",
            "IndexBinaryHNSW": "BHNSW8",
            "IndexBinaryIVF": "BIVF8",
        }[kind],
    )
    assert type(index).__name__ == kind
    index.train(codes)
    return index


KINDS = (
    "IndexBinaryFlat",
    "IndexBinaryHash",
    "IndexBinaryMultiHash",
    "IndexBinaryHNSW",
    "IndexBinaryIVF",
)


def write_with_faiss(index: Any, path: Path) -> None:
    faiss.write_index_binary(index, str(path))


def same_as_built(imported: HammingIndex, codes: Codes, ids: Ids | None) -> bool:
    """Return whether an imported index answers as one built from these codes and ids."""
    built = HammingIndex.build(codes, ids)
    queries = np.concatenate([codes[:40], ~codes[:2]])
    bits = 8 * codes.shape[1]
    pairs: list[tuple[Any, Any]] = [
        (imported.search(queries, bits // 3), built.search(queries, bits // 3)),
        (imported.search(queries, bits), built.search(queries, bits)),
    ]
    return len(imported) == len(codes) and all(
        np.array_equal(a, b) for found, wanted in pairs for a, b in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize("wrapper", [None, faiss.IndexBinaryIDMap, faiss.IndexBinaryIDMap2])
@pytest.mark.parametrize("kind", KINDS)
def test_what_faiss_wrote_is_read(tmp_path: Path, kind: str, wrapper: Any) -> None:
    inner = empty_of(kind)
    index, ids = inner, None
    if wrapper is None:
        index.add(CODES)
    else:
        index, ids = wrapper(inner), IDS
        index.add_with_ids(CODES, ids)
    write_with_faiss(index, tmp_path / "f.index")
    imported = read_faiss(tmp_path / "f.index", algorithm="pdq", threads=2)
    assert (imported.algorithm, imported.bits) == ("pdq", 256)
    assert same_as_built(imported, CODES, ids)


def test_ids_of_inverted_lists_are_kept(tmp_path: Path) -> None:
    index = empty_of("IndexBinaryIVF")
    index.add_with_ids(CODES, IDS)
    write_with_faiss(index, tmp_path / "f.index")
    assert same_as_built(read_faiss(tmp_path / "f.index"), CODES, IDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_codes_are_read(tmp_path: Path, kind: str, n: int) -> None:
    index = empty_of(kind)
    index.add(CODES[:n])
    write_with_faiss(index, tmp_path / "f.index")
    imported = read_faiss(tmp_path / "f.index")
    assert (len(imported), imported.bits) == (n, 256)
    assert np.array_equal(imported.codes, CODES[:n])


@pytest.mark.parametrize("bits", [64, 72, 128, 512])
@pytest.mark.parametrize("kind", KINDS)
def test_other_widths_are_read(tmp_path: Path, kind: str, bits: int) -> None:
    codes = np.tile(CODES, (1, 2))[:, : bits // 8].copy()
    index = empty_of(kind, codes)
    index.add(codes)
    write_with_faiss(index, tmp_path / "f.index")
    assert same_as_built(read_faiss(tmp_path / "f.index"), codes, None)


@pytest.mark.parametrize("kind", ["ours", "flat", "multihash", "hnsw"])
@pytest.mark.parametrize("ids", [None, IDS, np.arange(700)], ids=["rows", "own", "row numbers"])
def test_what_we_wrote_faiss_reads(tmp_path: Path, kind: str, ids: Ids | None) -> None:
    builders: dict[str, Any] = {"ours": HammingIndex.build}
    index = builders.get(kind, partial(FaissIndex.build, kind=kind))(CODES, ids)
    write_faiss(index, tmp_path / "f.index")
    read = faiss.read_index_binary(str(tmp_path / "f.index"))
    has_own_ids = ids is IDS
    assert type(read) is (faiss.IndexBinaryIDMap2 if has_own_ids else faiss.IndexBinaryFlat)
    distances, found = read.search(CODES[200:], 1)
    assert not distances.any()
    assert np.array_equal(found[:, 0], IDS[200:] if has_own_ids else np.arange(200, 700))
    assert read.ntotal == 700


@given(n=st.integers(0, 40), n_bytes=st.integers(8, 64), data=st.data())
@settings(max_examples=40, deadline=None)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, n: int, n_bytes: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.index"
    codes = np.random.default_rng(n_bytes).integers(0, 256, (n, n_bytes), dtype=np.uint8)
    int64 = st.integers(-(2**63), 2**63 - 1).filter(lambda i: i != -1)
    ids = data.draw(st.none() | st.lists(int64, unique=True, min_size=n, max_size=n))
    own = None if ids is None else np.array(ids, np.int64)
    write_faiss(HammingIndex.build(codes, own), path)
    assert same_as_built(read_faiss(path), codes, own)


def test_export_replaces_a_file_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "name with spaces ü.index"
    path.write_bytes(b"before")
    index = HammingIndex.build(CODES)
    write_faiss(index, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert same_as_built(read_faiss(path), CODES, None)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="an id is -1, which means none to faiss"):
        write_faiss(HammingIndex.build(CODES[:2], [-1, 4]), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_file_before_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.index"
    path.write_bytes(b"before")
    index = HammingIndex.build(CODES)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_faiss(index, path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        write_faiss(index, tmp_path / "no folder" / "f.index")


def refused(path: Path) -> str:
    with pytest.raises(IndexFormatError) as caught:
        read_faiss(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_kinds_without_codes_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "f.index"
    of_floats = faiss.IndexFlatL2(256)
    write_with_faiss(faiss.IndexBinaryFromFloat(of_floats), path)
    assert "it is an IndexBinaryFromFloat, and codes can be taken out of flat" in refused(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.index"
    faiss.write_index(faiss.IndexFlatL2(256), str(path))
    assert "not a binary index of faiss" in refused(path)
    HammingIndex.build(CODES).save(path)
    assert "not a binary index of faiss" in refused(path)
    path.write_bytes(b"")
    assert "not a binary index of faiss" in refused(path)
    path.write_bytes(b"IB??" + bytes(100))
    assert "faiss cannot read it" in refused(path)
    with pytest.raises(FileNotFoundError):
        read_faiss(tmp_path / "nothing")


@pytest.mark.parametrize("kept", [4, 10, 24, 33, 500, -1])
def test_truncated_files_are_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "f.index"
    write_with_faiss(flat(), path)
    path.write_bytes(path.read_bytes()[:kept])
    assert "faiss cannot read it" in refused(path)


@pytest.mark.parametrize("bits", [8, 56, 520])
def test_codes_of_widths_that_we_lack_are_refused(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "f.index"
    write_with_faiss(flat(RNG.integers(0, 256, (5, bits // 8), dtype=np.uint8)), path)
    assert f"codes must be 64 to 512 bits wide, not {bits}" in refused(path)


def test_ids_that_repeat_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.index"
    index = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(256))
    index.add_with_ids(CODES[:3], np.array([4, 9, 4]))
    write_with_faiss(index, path)
    assert "ids must be unique; 4 repeats" in refused(path)
