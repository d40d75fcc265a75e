"""Pickled and copied indexes: by path or by bytes, with the same answers, still read-only."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex

RNG = np.random.default_rng(17)
CODES = RNG.integers(0, 256, (20_000, 32), dtype=np.uint8)  # so many that there are tables
CODES[1::2] = CODES[::2] ^ np.packbits(RNG.random((10_000, 256)) < 0.05, axis=1)
IDS = RNG.permutation(60_000)[:20_000] - 20_000


def answers(index: HammingIndex) -> list[Any]:
    found: list[Any] = [*index.search(CODES[:50], 31), *index.nearest(CODES[:5], 3), *index.join(9)]
    return [array.tolist() for array in found]


def check_twin(twin: HammingIndex, index: HammingIndex) -> None:
    assert (len(twin), twin.bits, twin.algorithm) == (len(index), index.bits, index.algorithm)
    assert (twin.size_bytes, str(twin.plan(31))) == (index.size_bytes, str(index.plan(31)))
    assert answers(twin) == answers(index)
    assert np.array_equal(twin.codes, index.codes)
    with pytest.raises(ValueError, match="read-only"):
        twin.codes[0, 0] = 1
    with pytest.raises(ValueError, match="cannot set WRITEABLE"):
        twin.codes.flags.writeable = True


@pytest.fixture(scope="module")
def built() -> HammingIndex:
    return HammingIndex.build(CODES, IDS, algorithm="pdq")


@pytest.fixture
def opened(built: HammingIndex, tmp_path: Path) -> HammingIndex:
    built.save(tmp_path / "list.hmi")
    return HammingIndex.open(tmp_path / "list.hmi")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_built_index_is_pickled_by_bytes(built: HammingIndex, protocol: int) -> None:
    pickled = pickle.dumps(built, protocol)
    assert len(pickled) > built.size_bytes
    twin = pickle.loads(pickled)
    check_twin(twin, built)
    check_twin(pickle.loads(pickle.dumps(twin, protocol)), built)


@pytest.mark.parametrize("n", [0, 1, 65])
@pytest.mark.parametrize("ids", [None, IDS])
def test_small_indexes_are_pickled(n: int, ids: NDArray[np.int64] | None) -> None:
    index = HammingIndex.build(CODES[:n], None if ids is None else ids[:n])
    twin = pickle.loads(pickle.dumps(index))
    assert (len(twin), twin.algorithm) == (n, None)
    assert answers(twin) == answers(index)


@pytest.mark.parametrize("huge_pages", [False, True])
def test_an_opened_index_is_pickled_by_path(
    opened: HammingIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, huge_pages: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    index = HammingIndex.open("list.hmi", huge_pages=huge_pages)
    pickled = pickle.dumps(index)
    assert len(pickled) < 500
    monkeypatch.chdir("/")
    check_twin(pickle.loads(pickled), opened)


def test_a_replaced_file_is_noticed(
    built: HammingIndex, opened: HammingIndex, tmp_path: Path
) -> None:
    pickled = pickle.dumps(opened)
    built.save(tmp_path / "list.hmi")
    check_twin(pickle.loads(pickled), opened)  # the same content
    HammingIndex.build(CODES[:9]).save(tmp_path / "list.hmi")
    with pytest.raises(
        IndexFormatError, match=r"list\.hmi: replaced after an index of it was pick"
    ):
        pickle.loads(pickled)
    (tmp_path / "list.hmi").unlink()
    with pytest.raises(FileNotFoundError):
        pickle.loads(pickled)


def test_a_copy_is_the_index_itself(built: HammingIndex, opened: HammingIndex) -> None:
    for index in (built, opened):
        assert copy.copy(index) is copy.deepcopy(index) is index
        (inner,) = copy.deepcopy([index])
        check_twin(inner, index)


def test_a_spawned_process_gives_the_same_answers(
    built: HammingIndex, opened: HammingIndex
) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        for index in (built, opened):
            found: Any = pool.submit(index.search, CODES[:50], 31).result(timeout=120)
            expected: Any = index.search(CODES[:50], 31)
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
