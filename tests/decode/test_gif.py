"""GIF frames against FFmpeg, and against the screens that browsers take."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashmatch.decode import DecodedPicture, decode_pictures
from hashmatch.errors import DecodeError
from tests.picture_files import GREY_PALETTE, GifFrame, Pixels, write_gif

WIDTH, HEIGHT = 24, 17


def noise(seed: int, height: int = HEIGHT, width: int = WIDTH, colours: int = 256) -> Pixels:
    return np.random.default_rng(seed).integers(0, colours, (height, width), dtype=np.uint8)


def decode(data: bytes) -> list[DecodedPicture]:
    return list(decode_pictures(data, alpha=True, frames=True))


def by_ffmpeg(data: bytes) -> Iterator[tuple[Pixels, Pixels]]:
    container: Any = av.open(io.BytesIO(data), format="gif")
    with container:
        for frame in container.decode(video=0):
            pixels = frame.to_ndarray(format="bgra")
            yield pixels[:, :, 2::-1], pixels[:, :, 3]


@st.composite
def frames(draw: st.DrawFn) -> GifFrame:
    left, top = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    seed = draw(st.integers(0, 2**20))
    return GifFrame(
        noise(seed, draw(st.integers(1, HEIGHT)), draw(st.integers(1, WIDTH)), 4 + seed % 200),
        left,
        top,
        disposal=draw(st.integers(0, 3)),
        transparent=draw(st.none() | st.integers(0, 2)),
        palette=draw(st.none() | st.just(noise(seed, 256, 3).tobytes())),
    )


@settings(max_examples=150, derandomize=True, database=None)
@given(st.integers(0, 3), st.none() | st.integers(0, 2), st.lists(frames(), max_size=5))
def test_every_frame_is_what_ffmpeg_shows(
    disposal: int, transparent: int | None, more: list[GifFrame]
) -> None:
    """FFmpeg fills with the background colour some of what browsers make transparent."""
    first = GifFrame(noise(1), disposal=disposal, transparent=transparent)
    data = write_gif((WIDTH, HEIGHT), [first, *more], palette=noise(9, 256, 3).tobytes())
    found, expected = decode(data), list(by_ffmpeg(data))
    assert len(found) == len(expected) == 1 + len(more)
    for picture, (rgb, alpha) in zip(found, expected, strict=True):
        own = np.full(alpha.shape, 255) if picture.alpha is None else picture.alpha
        np.testing.assert_array_equal(picture.array[alpha > 0], rgb[alpha > 0])
        assert not own[alpha == 0].any()
        if own[alpha > 0].min(initial=255) < 255:
            background = noise(9, 256, 3)[0]
            assert (rgb[(alpha > 0) & (own == 0)] == background).all()


def test_a_first_frame_that_leaves_the_screen_free_is_transparent_there() -> None:
    data = write_gif((WIDTH, HEIGHT), [GifFrame(noise(3, 5, 6), left=4, top=2)])
    (found,) = decode(data)
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[2:7, 4:10] = 255
    assert found.alpha is not None
    np.testing.assert_array_equal(found.alpha, expected)
    np.testing.assert_array_equal(found.array[2:7, 4:10, 0], noise(3, 5, 6))


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (WIDTH, 3), (0, HEIGHT)])
def test_a_screen_smaller_than_the_first_frame_is_looked_at_both_ways(
    size: tuple[int, int],
) -> None:
    data = write_gif(size, [GifFrame(noise(1), left=2), GifFrame(noise(2))])
    found = [picture.array[:, :, 0] for picture in decode(data)]
    shown = {picture.tobytes() for picture in found if picture.shape == (HEIGHT, WIDTH)}
    assert {noise(1).tobytes(), noise(2).tobytes()} <= shown  # as browsers
    if 0 not in size:
        cut = [picture for picture in found if picture.shape == size[::-1]]
        np.testing.assert_array_equal(cut[-1], noise(2)[: size[1], : size[0]])


def test_a_screen_of_version_87a_is_looked_at_both_ways() -> None:
    data = write_gif((40, 30), [GifFrame(noise(1), left=7)], version=b"87a")
    assert [picture.array.shape[:2] for picture in decode(data)] == [(30, 40), (HEIGHT, WIDTH)]


def test_frames_outside_the_screen_show_nothing() -> None:
    outside = GifFrame(noise(2, 9, 9), left=WIDTH + 5, top=HEIGHT)
    first, second = decode(write_gif((WIDTH, HEIGHT), [GifFrame(noise(1)), outside]))
    np.testing.assert_array_equal(first.array, second.array)


def test_delays_are_those_of_browsers() -> None:
    delays = [0, 1, 2, 50]
    data = write_gif((WIDTH, HEIGHT), [GifFrame(noise(n), delay=d) for n, d in enumerate(delays)])
    assert [frame.timestamp_s for frame in decode(data)] == pytest.approx([None, 0.1, 0.2, 0.22])


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (0, 0)])
def test_a_frame_of_no_size_has_that_of_the_screen(size: tuple[int, int]) -> None:
    data = write_gif((WIDTH, HEIGHT), [GifFrame(noise(1)), GifFrame(noise(2))])
    at = data.rindex(b"," + struct.pack("<HHHH", 0, 0, WIDTH, HEIGHT))
    data = data[: at + 5] + struct.pack("<HH", *size) + data[at + 9 :]
    np.testing.assert_array_equal(decode(data)[1].array[:, :, 0], noise(2))


def test_what_lies_between_blocks_is_passed_over() -> None:
    data = write_gif((WIDTH, HEIGHT), [GifFrame(noise(1)), GifFrame(noise(2))])
    at = data.rindex(b"!\xf9")
    assert len(decode(data[:at] + b"\0\0between" + data[at:])) == 2


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_cut_frame_is_shown_as_far_as_it_goes(share: float, number: int) -> None:
    frames = [GifFrame(noise(seed), disposal=2) for seed in range(3)]
    whole = [write_gif((WIDTH, HEIGHT), frames[:n]) for n in (number, number + 1)]
    cut = len(whole[0]) - 1 + int(share * (len(whole[1]) - len(whole[0])))
    found = decode(whole[1][:cut])
    assert [picture.missing is None for picture in found] == [True] * number + [False]
    last, error = found[-1], found[-1].missing
    assert error is not None
    assert str(error).startswith("truncated GIF")
    assert last.alpha is not None
    known = last.alpha > 0
    assert abs(known.mean() - share) < 0.15
    np.testing.assert_array_equal(last.array[known][:, 0], noise(number)[known])


def test_damaged_codes_are_shown_up_to_the_damage() -> None:
    data = bytearray(write_gif((WIDTH, HEIGHT), [GifFrame(noise(1))]))
    at = 13 + len(GREY_PALETTE) + 8 + 10 + 1 + 1 + 200
    data[at : at + 6] = b"\xff" * 6
    (found,) = decode(bytes(data))
    assert found.missing is not None
    assert str(found.missing).startswith("damaged GIF: 4")
    assert found.alpha is not None
    known = found.alpha > 0
    assert 0.3 < known.mean() < 0.6
    np.testing.assert_array_equal(found.array[known][:150, 0], noise(1)[known][:150])


def test_a_damaged_first_frame_does_not_hide_the_second() -> None:
    data = bytearray(write_gif((WIDTH, HEIGHT), [GifFrame(noise(1)), GifFrame(noise(2))]))
    data[13 + len(GREY_PALETTE) + 8 + 10] = 200  # bits of a code
    first, second = decode(bytes(data))
    assert first.missing is not None
    np.testing.assert_array_equal(second.array[:, :, 0], noise(2))


def test_a_file_cut_before_its_first_frame_is_refused() -> None:
    data = write_gif((WIDTH, HEIGHT), [GifFrame(noise(1))])
    for cut in (10, 13 + len(GREY_PALETTE), 13 + len(GREY_PALETTE) + 15):
        with pytest.raises(DecodeError):
            decode(data[:cut])
