"""Arguments that HammingIndex accepts and refuses, defaults, use from threads and after a fork."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from hashmatch.hamming import HammingIndex

RNG = np.random.default_rng(11)
CODES = RNG.integers(0, 256, (500, 32), dtype=np.uint8)
NARROW = CODES[:, :8].copy()
INDEX = HammingIndex.build(CODES)


def same(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_properties() -> None:
    index = HammingIndex.build(NARROW, algorithm="phash")
    assert (len(index), index.bits, index.algorithm) == (500, 64, "phash")
    assert INDEX.algorithm is None


def test_default_radius_is_31_bits_for_256_bit_codes() -> None:
    query = CODES[:1].copy()
    query[0, :4] ^= 0xFF
    assert len(INDEX.search(query).ids) == 0
    query[0, 0] ^= 1  # 31 bits away
    assert INDEX.search(query).distances.tolist() == [31]
    twin = HammingIndex.build(np.concatenate([CODES[:1], query]))
    assert [array.tolist() for array in twin.join()] == [[0], [1], [31]]


@pytest.mark.parametrize("method", ["search", "join"])
@pytest.mark.parametrize("n_bytes", [8, 16, 31, 33, 64])
def test_other_widths_have_no_default_radius(method: str, n_bytes: int) -> None:
    codes = np.zeros((2, n_bytes), dtype=np.uint8)
    index = HammingIndex.build(codes)
    arguments = [codes] if method == "search" else []
    with pytest.raises(ValueError, match=f"radius must be given for {8 * n_bytes}-bit codes"):
        getattr(index, method)(*arguments)


BAD_CODES: dict[str, tuple[Any, str]] = {
    "wrong dtype": (CODES.astype(np.int8), "uint8.*not int8"),
    "float": (CODES.astype(float), "uint8.*not float64"),
    "bool": (CODES.astype(bool), "uint8.*not bool"),
    "plain integers": (CODES[:2].tolist(), "uint8.*not int64"),
    "text": ("00ff" * 16, "uint8.*not <U64"),
    "one code without its row": (CODES[0], r"shape \(n, bits / 8\), not of shape \(32,\)"),
    "three dimensions": (CODES[None], r"not of shape \(1, 500, 32\)"),
    "no dimension": (np.uint8(3), r"not of shape \(\)"),
    "too narrow": (CODES[:, :7], "64 to 512 bits wide, not 56"),
    "too wide": (np.zeros((1, 65), np.uint8), "64 to 512 bits wide, not 520"),
    "no width": (np.zeros((4, 0), np.uint8), "64 to 512 bits wide, not 0"),
}


@pytest.mark.parametrize("case", BAD_CODES)
def test_bad_codes_and_queries_are_refused(case: str) -> None:
    bad, message = BAD_CODES[case]
    with pytest.raises(ValueError, match="^codes must be .*" + message):
        HammingIndex.build(bad)
    with pytest.raises(ValueError, match="^queries must be .*" + message):
        INDEX.search(bad, 31)
    with pytest.raises(ValueError, match="^queries must be .*" + message):
        INDEX.nearest(bad, 1)


def test_queries_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="queries are 64 bits wide, the codes 256 bits"):
        INDEX.search(NARROW, 31)
    with pytest.raises(ValueError, match="queries are 64 bits wide, the codes 256 bits"):
        INDEX.nearest(NARROW, 1)


BAD_IDS: dict[str, tuple[Any, str]] = {
    "too few": ([1], r"shape \(2,\).*not \(1,\)"),
    "too many": ([1, 2, 3], r"shape \(2,\).*not \(3,\)"),
    "two dimensions": ([[1], [2]], r"shape \(2,\).*not \(2, 1\)"),
    "float": ([1.0, 2.0], r"integers.*not float64"),
    "bool": ([True, False], r"integers.*not bool"),
    "text": (["a", "b"], r"integers.*not <U1"),
    "durations": (np.array([1, 2], "m8[s]"), r"integers.*not timedelta64"),
    "repeated": ([-5, -5], "ids must be unique; -5 repeats"),
    "beyond int64": (np.array([0, 1 << 63], np.uint64), "ids must fit in int64"),
    "far beyond int64": ([0, 1 << 64], "ids must be integers"),
}


@pytest.mark.parametrize("case", BAD_IDS)
def test_bad_ids_are_refused(case: str) -> None:
    bad, message = BAD_IDS[case]
    with pytest.raises(ValueError, match=message):
        HammingIndex.build(CODES[:2], bad)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.uint64, ">i8"])
def test_ids_of_any_integer_dtype_are_kept(dtype: Any) -> None:
    index = HammingIndex.build(CODES[:3], np.array([3, 9, 7], dtype))
    assert index.search(CODES[:3]).ids.tolist() == [3, 9, 7]


BAD_NUMBERS: dict[str, tuple[Any, str]] = {
    "negative": (-1, "not -1"),
    "a boolean": (True, "integer, not a boolean"),
    "a NumPy boolean": (np.True_, "integer, not"),
    "a float": (31.0, "integer, not float"),
    "text": ("31", "integer, not str"),
    "an array": (np.array([1, 2]), "integer, not ndarray"),
    "endless": (1 << 70, "not 1180591620717411303424"),
}


@pytest.mark.parametrize("case", BAD_NUMBERS)
@pytest.mark.parametrize("name", ["radius", "threads"])
def test_bad_radii_and_threads_are_refused(name: str, case: str) -> None:
    bad, message = BAD_NUMBERS[case]
    with pytest.raises(ValueError, match=f"^{name} must be .*{message}"):
        INDEX.search(CODES[:1], **{name: bad})
    with pytest.raises(ValueError, match=f"^{name} must be .*{message}"):
        INDEX.join(**{name: bad})


@pytest.mark.parametrize("case", [case for case in BAD_NUMBERS if case != "endless"])
def test_bad_k_is_refused(case: str) -> None:
    bad, message = BAD_NUMBERS[case]
    with pytest.raises(ValueError, match="^k must be .*" + message):
        INDEX.nearest(CODES[:1], bad)


def test_numbers_just_out_of_range_are_refused() -> None:
    for index, codes in ((INDEX, CODES), (HammingIndex.build(NARROW), NARROW)):
        with pytest.raises(ValueError, match=rf"0\.\.{index.bits} bits, not {index.bits + 1}"):
            index.search(codes, index.bits + 1)
    with pytest.raises(ValueError, match=r"threads must be .*not 0"):
        INDEX.search(CODES, threads=0)
    with pytest.raises(ValueError, match="k must be 1..4294967295, not 0"):
        INDEX.nearest(CODES, 0)
    with pytest.raises(ValueError, match="k must be an integer, not NoneType"):
        INDEX.nearest(CODES, None)  # type: ignore[arg-type]


NUMBERS: list[tuple[Any, int]] = [(np.uint8, 31), (np.int64, 2), (np.int16, 2)]


def test_numpy_integers_are_numbers() -> None:
    radius, threads, k = (kind(number) for kind, number in NUMBERS)
    assert same(INDEX.search(CODES, radius, threads), INDEX.search(CODES, 31))
    assert same(INDEX.nearest(CODES, k), INDEX.nearest(CODES, 2))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_codes_and_no_queries(n: int) -> None:
    index = HammingIndex.build(CODES[:n])
    assert len(index) == n
    found = index.search(CODES[:3], 256)
    assert found.offsets.tolist() == [0, n, 2 * n, 3 * n]
    nothing = index.search(CODES[:0], 256)
    assert [array.tolist() for array in nothing] == [[0], [], []]
    assert [array.shape for array in index.nearest(CODES[:0], 4)] == [(0, 4), (0, 4)]
    assert (index.nearest(CODES[:2], 4)[0] == -1).sum() == 2 * (4 - n)
    assert len(index.join(256)[0]) == n * (n - 1) // 2


def test_arrays_of_any_layout_are_accepted_and_left_alone() -> None:
    wide = RNG.integers(0, 256, (200, 128), dtype=np.uint8)
    plain = np.ascontiguousarray(wide[::2, 64:96])
    expected = HammingIndex.build(plain).search(plain, 110)
    assert len(expected.ids) > len(plain)
    read_only = plain.copy()
    read_only.flags.writeable = False
    for view in (wide[::2, 64:96], np.asfortranarray(plain), read_only, plain[::-1][::-1]):
        assert same(HammingIndex.build(view).search(view, 110), expected)
    assert np.array_equal(read_only, plain)


def test_an_index_keeps_what_it_was_built_from() -> None:
    codes, ids = CODES.copy(), np.arange(500)[::-1].copy()
    index = HammingIndex.build(codes, ids)
    expected = [index.search(CODES, 110), index.nearest(CODES, 3), index.join(110)]
    codes[:] = 0
    ids[:] = -1
    assert same(index.search(CODES, 110), expected[0])
    assert same(index.nearest(CODES, 3), expected[1])
    assert same(index.join(110), expected[2])


def test_results_are_the_callers_own() -> None:
    first = INDEX.search(CODES, 110)
    before = first.ids.copy()
    first.ids[:] = -1
    assert np.array_equal(INDEX.search(CODES, 110).ids, before)


def test_many_threads_may_use_one_index() -> None:
    expected = INDEX.search(CODES, 110), INDEX.nearest(CODES, 5), INDEX.join(110)

    def use(turn: int) -> bool:
        threads = 1 + turn % 3
        return (
            same(INDEX.search(CODES, 110, threads), expected[0])
            and same(INDEX.nearest(CODES, 5, threads), expected[1])
            and same(INDEX.join(110, threads), expected[2])
        )

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(use, range(24))) == [True] * 24


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_an_index_works_after_a_fork() -> None:
    expected = INDEX.search(CODES, 110, threads=3)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if same(INDEX.search(CODES, 110, threads=3), expected) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert same(INDEX.search(CODES, 110, threads=3), expected)
