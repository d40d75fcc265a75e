"""Hashes are values: checked, immutable, and the same after a copy or a pickle."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hashmatch.errors import DecodeError, ErrorKind
from hashmatch.values import CODE_BITS, Fingerprint, Hash, VideoHash

COPIES: tuple[Callable[[Any], Any], ...] = (
    copy.copy,
    copy.deepcopy,
    *(
        lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    ),
)


def video() -> VideoHash:
    return VideoHash(
        codes=np.arange(96, dtype=np.uint8).reshape(3, 32),
        qualities=np.array([0, 50, 100], np.int16),
        frames=np.array([0, 2, 3]),
        timestamps_s=np.array([0.0, 0.5, 1.0]),
        error="truncated MP4",
        error_kind=ErrorKind.TRUNCATED,
    )


@pytest.mark.parametrize("duplicate", COPIES)
@pytest.mark.parametrize("quality", [None, 0, 100])
def test_a_copy_of_a_hash_is_equal_and_read_only(
    duplicate: Callable[[Any], Any], quality: int | None
) -> None:
    one = Hash("pdq", np.arange(32, dtype=np.uint8), quality)
    other = duplicate(one)
    assert other == one
    assert hash(other) == hash(one)
    with pytest.raises(ValueError, match="read-only"):
        other.code[0] = 1


@pytest.mark.parametrize("duplicate", COPIES)
def test_a_copy_of_a_video_hash_is_equal_and_read_only(duplicate: Callable[[Any], Any]) -> None:
    other = duplicate(video())
    assert other == video()
    assert other.error_kind is ErrorKind.TRUNCATED
    for name in ("codes", "qualities", "frames", "timestamps_s"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(other, name)[:1] = 0


@pytest.mark.parametrize("duplicate", COPIES)
def test_a_copy_of_a_fingerprint_is_read_only(duplicate: Callable[[Any], Any]) -> None:
    error = DecodeError("damaged GIF", ErrorKind.DAMAGED)
    codes = np.arange(64, dtype=np.uint8).reshape(2, 32)
    one = Fingerprint(
        "pdq", "exact", ("as_stored", "frame"), codes, (100, 50), (None, 1.5), error=error
    )
    other = duplicate(one)
    assert (other.views, other.qualities, other.timestamps_s) == (
        one.views,
        one.qualities,
        one.timestamps_s,
    )
    assert (str(other.error), other.error.kind) == ("damaged GIF", ErrorKind.DAMAGED)
    np.testing.assert_array_equal(other.codes, one.codes)
    with pytest.raises(ValueError, match="read-only"):
        other.codes[0, 0] = 1


def test_the_code_is_the_hashs_own() -> None:
    given = np.zeros(32, np.uint8)
    one = Hash("pdq", given, 100)
    given[0] = 1
    assert one.hex == "00" * 32
    with pytest.raises(ValueError, match="read-only"):
        one.code[0] = 1


@pytest.mark.parametrize("algorithm", sorted(CODE_BITS))
def test_a_built_in_algorithm_has_one_width(algorithm: str) -> None:
    n_bytes = CODE_BITS[algorithm] // 8
    assert Hash(algorithm, np.zeros(n_bytes, np.uint8), None).bits == CODE_BITS[algorithm]
    for other in (n_bytes - 1, n_bytes + 1):
        with pytest.raises(ValueError, match=f"{algorithm} has {8 * n_bytes} bits, not"):
            Hash(algorithm, np.zeros(other, np.uint8), None)


def test_widths_are_those_of_the_registry() -> None:
    from hashmatch.hashing import algorithms

    assert {name: algorithms()[name].bits for name in CODE_BITS} == CODE_BITS


def test_the_width_of_a_plug_ins_code_is_its_own() -> None:
    assert Hash("acme", np.zeros(5, np.uint8), None).bits == 40


@pytest.mark.parametrize("code", [np.zeros(0, np.uint8), np.zeros((1, 32), np.uint8), 7])
def test_a_code_of_another_shape_is_refused(code: Any) -> None:
    with pytest.raises(ValueError, match="code must have shape"):
        Hash("acme", code, None)


@pytest.mark.parametrize("quality", [-1, 101, 50.0, "50", True, np.float32(3)])
def test_a_quality_is_an_integer_from_0_to_100(quality: Any) -> None:
    with pytest.raises(ValueError, match="quality must be"):
        Hash("pdq", np.zeros(32, np.uint8), quality)


def test_a_quality_of_numpy_becomes_an_int() -> None:
    one = Hash("pdq", np.zeros(32, np.uint8), np.int16(7))  # type: ignore[arg-type]
    assert type(one.quality) is int
