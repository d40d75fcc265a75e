from __future__ import annotations

from typing import Any

import pytest

from hashmatch.decode import DEFAULT_LIMITS, DecodeLimits
from hashmatch.errors import DecodeError, ErrorKind


def test_defaults() -> None:
    stated = DecodeLimits(max_bytes=268_435_456, max_pixels=178_956_970, max_side_px=65_535)
    assert stated == DEFAULT_LIMITS


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "9", None])
@pytest.mark.parametrize("name", ["max_bytes", "max_pixels", "max_side_px"])
def test_a_bound_is_a_positive_integer(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a positive integer"):
        DecodeLimits(**{name: value})


def test_more_pixels_than_pillow_can_hand_over() -> None:
    most = 715_827_882
    assert DecodeLimits(max_pixels=most).max_pixels == most
    with pytest.raises(ValueError, match=f"max_pixels must be at most {most}"):
        DecodeLimits(max_pixels=most + 1)


def test_bounds_are_inclusive() -> None:
    limits = DecodeLimits(max_bytes=10, max_pixels=12)
    limits.check_bytes(10)
    limits.check_pixels(3, 4)
    with pytest.raises(DecodeError, match=r"^too large: more than 10 bytes$") as caught:
        limits.check_bytes(11)
    assert caught.value.kind is ErrorKind.TOO_LARGE
    with pytest.raises(DecodeError, match=r"^too many pixels: 13 x 1 = 13, limit 12$") as caught:
        limits.check_pixels(13, 1)
    assert caught.value.kind is ErrorKind.TOO_LARGE
    sides = DecodeLimits(max_side_px=4)
    sides.check_pixels(4, 4)
    for size in ((5, 1), (1, 5)):
        with pytest.raises(DecodeError, match=r"^too wide or tall: \d x \d, limit 4$") as caught:
            sides.check_pixels(*size)
        assert caught.value.kind is ErrorKind.TOO_LARGE
    with pytest.raises(DecodeError, match=r"^empty file$") as caught:
        limits.check_bytes(0)
    assert caught.value.kind is ErrorKind.EMPTY
