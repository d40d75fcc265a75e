"""Animated PNG against FFmpeg, and with declarations that do not fit its frames."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashmatch.decode import DecodedPicture, DecodeLimits, decode_image, decode_pictures
from hashmatch.decode import png as png_module
from hashmatch.errors import DecodeError, ErrorKind
from tests.picture_files import ApngFrame, Pixels, png_chunk, write_apng

WIDTH, HEIGHT = 21, 16


def noise(seed: int, height: int = HEIGHT, width: int = WIDTH, channels: int = 3) -> Pixels:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    if channels == 4:
        pixels[:, :, 3] = rng.choice([0, 0, 128, 255, 255], (height, width))
    return pixels


def decode(data: bytes) -> tuple[list[DecodedPicture], DecodeError | None]:
    found: list[DecodedPicture] = []
    try:
        for picture in decode_pictures(data, alpha=True, frames=True):
            found.append(picture)
    except DecodeError as error:
        return found, error
    return found, None


@st.composite
def frames(draw: st.DrawFn) -> ApngFrame:
    left, top = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    width, height = draw(st.integers(1, WIDTH - left)), draw(st.integers(1, HEIGHT - top))
    return ApngFrame(
        noise(draw(st.integers(0, 2**20)), height, width, 4),
        left,
        top,
        disposal=draw(st.integers(0, 2)),
        blend=draw(st.integers(0, 1)),
    )


@settings(max_examples=100, derandomize=True, database=None)
@given(st.integers(0, 2), st.lists(frames(), min_size=1, max_size=5))
def test_every_frame_is_what_ffmpeg_shows(disposal: int, more: list[ApngFrame]) -> None:
    data = write_apng([ApngFrame(noise(1, channels=4), disposal=disposal), *more])
    found, error = decode(data)
    assert error is None
    container: Any = av.open(io.BytesIO(data), format="apng")
    with container:
        expected = [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)]
    assert len(found) == len(expected) == 1 + len(more)
    for picture, pixels in zip(found, expected, strict=True):
        alpha = np.full((HEIGHT, WIDTH), 255) if picture.alpha is None else picture.alpha
        assert np.abs(alpha.astype(int) - pixels[:, :, 3]).max() <= 1
        visible = (alpha > 0) & (pixels[:, :, 3] > 0)
        difference = np.abs(picture.array.astype(int) - pixels[:, :, :3])[visible]
        assert difference.max(initial=0) <= 2


FRAMES = [ApngFrame(noise(seed)) for seed in range(4)]


@pytest.mark.parametrize(
    ("declared", "numbers", "fault"),
    [
        ([4, 4], None, "the animation is declared twice"),
        ([1], None, "4 frames, 1 are declared"),
        ([2], None, "4 frames, 2 are declared"),
        ([9], None, "4 frames, 9 are declared"),
        ([0], None, "4 frames, 0 are declared"),
        ([], None, "frames of an animation that is not declared"),
        ([4], [0, 1, 2, 5, 6, 3, 4], "the frames are out of order"),
        ([4], [3] * 7, "the frames are out of order"),
    ],
)
def test_every_frame_is_looked_at_whatever_is_declared(
    declared: Sequence[int], numbers: Sequence[int] | None, fault: str
) -> None:
    found, error = decode(write_apng(FRAMES, declared=declared, numbers=numbers))
    assert [picture.timestamp_s for picture in found] == [None, *(n / 10 for n in (1, 2, 3))]
    for picture, frame in zip(found, FRAMES, strict=True):
        np.testing.assert_array_equal(picture.array, frame.pixels)
    assert str(error) == f"damaged PNG: {fault}"


def test_a_still_picture_beside_the_animation_is_looked_at_too() -> None:
    small = ApngFrame(noise(7, 5, 6), left=3, top=2)
    found, error = decode(write_apng([small, FRAMES[1]], still=noise(9)))
    assert error is None
    assert [picture.timestamp_s for picture in found] == [None, 0.0, 0.1]
    np.testing.assert_array_equal(found[0].array, noise(9))
    # It is no part of the animation, which begins with nothing.
    assert found[1].alpha is not None
    assert found[1].alpha.sum() == 255 * 5 * 6
    np.testing.assert_array_equal(found[1].array[2:7, 3:9], noise(7, 5, 6))
    np.testing.assert_array_equal(found[2].array, FRAMES[1].pixels)


def test_a_damaged_frame_is_shown_as_far_as_it_goes_and_the_next_whole() -> None:
    data = write_apng(FRAMES)
    at = data.index(b"fdAT") + 8
    size = int.from_bytes(data[at - 12 : at - 8], "big") - 4
    half = at + size // 2
    found, error = decode(data[:half] + bytes(at + size - half) + data[at + size :])
    assert error is None
    assert [picture.missing is None for picture in found] == [True, False, True, True]
    np.testing.assert_array_equal(found[1].array[:5], FRAMES[1].pixels[:5])
    np.testing.assert_array_equal(found[2].array, FRAMES[2].pixels)
    assert str(found[1].missing).startswith("damaged PNG frame 2: ")


def test_a_damaged_still_picture_does_not_hide_the_frames() -> None:
    data = write_apng(FRAMES, still=noise(9))
    at = data.index(b"IDAT") + 4
    found, _ = decode(data[:at] + b"\xff" + data[at + 1 :])
    assert found[0].missing is not None
    assert len(found) == 5
    np.testing.assert_array_equal(found[1].array, FRAMES[0].pixels)
    with pytest.raises(DecodeError):
        decode_image(data[:at] + b"\xff" + data[at + 1 :])


@pytest.mark.parametrize(
    "bad",
    [
        ApngFrame(noise(5), left=3),
        ApngFrame(noise(5), top=HEIGHT),
        ApngFrame(noise(5, HEIGHT, 3 * WIDTH)),
    ],
)
def test_a_frame_that_reaches_over_the_edge_is_cut_off_there(bad: ApngFrame) -> None:
    found, error = decode(write_apng([FRAMES[0], bad, FRAMES[2]]))
    assert str(error) == "damaged PNG: a frame reaches over the edge"
    expected = FRAMES[0].pixels.copy()
    area = expected[bad.top :, bad.left :]
    area[:] = bad.pixels[: area.shape[0], : area.shape[1]]
    np.testing.assert_array_equal(found[1].array, expected)
    np.testing.assert_array_equal(found[2].array, FRAMES[2].pixels)


def test_a_frame_that_is_too_large_is_not_decoded() -> None:
    data = write_apng([FRAMES[0], FRAMES[1]])
    at = data.rindex(b"fcTL") + 8
    data = data[:at] + (9_000).to_bytes(4, "big") * 2 + data[at + 8 :]
    found, error = decode(data)
    assert len(found) == 1
    assert error is not None
    assert error.kind is ErrorKind.TOO_LARGE


def test_frames_beyond_a_number_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_module, "MOST_FRAMES", 3)
    found, error = decode(write_apng(FRAMES))
    assert len(found) == 3
    assert str(error) == "too many frames PNG: more than 3 frames"


def test_short_durations_are_those_of_browsers() -> None:
    shown = [ApngFrame(noise(1), duration_ms=ms) for ms in (0, 10, 11, 5000)]
    found, _ = decode(write_apng(shown))
    assert [frame.timestamp_s for frame in found] == pytest.approx([None, 0.1, 0.2, 0.211])


def test_a_huge_screen_is_no_animation() -> None:
    limits = DecodeLimits(max_pixels=2 * WIDTH * HEIGHT)
    found = decode_pictures(write_apng(FRAMES), frames=True, limits=limits)
    next(found)
    with pytest.raises(DecodeError, match=r"^too many pixels: an animation of 21 x 16, limit 168"):
        next(found)


def test_a_control_chunk_without_pixels_is_an_error() -> None:
    data = write_apng(FRAMES)
    end = data.index(b"IEND") - 4
    control = data[data.index(b"fcTL") + 4 : data.index(b"fcTL") + 30]
    found, error = decode(
        data[:end] + png_chunk(b"fcTL", (7).to_bytes(4, "big") + control[4:]) + data[end:]
    )
    assert len(found) == 4
    assert str(error) == "damaged PNG: a frame without pixels"
