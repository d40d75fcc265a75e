"""In every pixel format, a frame hashes as the grey picture it was made from."""

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch.decode.video.luma import LIMITED_RANGE_GAIN, Luma, read_luma
from hashmatch.hashing import pdq

PLANES = ["yuv420p", "yuv422p", "yuv444p", "yuva420p", "nv12", "nv21", "yuvj420p", "gray"]
DEEP = ["yuv420p10le", "yuv420p10be", "yuv422p12le", "yuv444p16le", "gray10le", "gray16be"]
TO_RGB = [
    "rgb24",
    "bgr24",
    "gbrp",
    "rgba",
    "yuyv422",
    "uyvy422",
    "p010le",
    "ya8",
    "rgb48le",
]


def frame_of(picture: NDArray[np.uint8], pixels: str) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture, format="gray").reformat(format=pixels)


@pytest.mark.parametrize("pixels", [*PLANES, *DEEP, *TO_RGB])
def test_hash_and_quality_are_those_of_the_picture(
    pictures: list[NDArray[np.uint8]], pixels: str
) -> None:
    for picture in (pictures[0], (pictures[9] // 8 + 100).astype(np.uint8)):
        luma = read_luma(frame_of(picture, pixels))
        expected, expected_quality = pdq.hash(picture)
        code, quality = pdq.hash(luma.pixels, gain=luma.gain)
        assert luma.pixels.shape[:2] == picture.shape
        assert np.bitwise_count(code ^ expected).sum() <= 16
        # Levels of limited range are fewer, and rounding adds to every gradient.
        assert abs(quality - expected_quality) <= 4
        is_rgb = luma.pixels.ndim == 3
        assert is_rgb == (pixels in TO_RGB)
        assert (luma.pixels.dtype == np.float32) == (pixels in DEEP)


def test_the_plane_is_not_copied(pictures: list[NDArray[np.uint8]]) -> None:
    frame = frame_of(pictures[0], "yuv420p")
    luma = read_luma(frame)
    rows = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(
        -1, frame.planes[0].line_size
    )
    assert np.shares_memory(luma.pixels, rows)
    assert np.array_equal(luma.pixels, rows[:64, :96])


@pytest.mark.parametrize(
    ("pixels", "color_range", "gain"),
    [
        ("yuv420p", 0, LIMITED_RANGE_GAIN),
        ("yuv420p", 1, LIMITED_RANGE_GAIN),
        ("yuv420p", 2, 1.0),
        ("yuvj420p", 0, 1.0),
        ("gray", 0, 1.0),
        ("gray", 1, LIMITED_RANGE_GAIN),
        ("gray", 2, 1.0),
        ("rgb24", 0, 1.0),
    ],
)
def test_range(pixels: str, color_range: int, gain: float) -> None:
    frame = av.VideoFrame(16, 16, pixels)
    frame.color_range = color_range
    assert read_luma(frame).gain == gain


def test_every_width_and_its_padding() -> None:
    rng = np.random.default_rng(1)
    for width in (5, 16, 17, 63, 64, 65, 100):
        picture = rng.integers(0, 256, (18, width), dtype=np.uint8)
        assert np.array_equal(read_luma(frame_of(picture, "gray")).pixels, picture)


@pytest.mark.parametrize("pixels", [*PLANES, *DEEP])
def test_as_shown_is_the_grey_picture(pictures: list[NDArray[np.uint8]], pixels: str) -> None:
    shown = read_luma(frame_of(pictures[0], pixels)).as_shown()
    assert shown.dtype == np.uint8
    assert shown.flags.c_contiguous
    off = np.abs(shown.astype(int) - pictures[0])
    assert off.max() <= 2


def test_levels_beyond_black_and_white_are_clipped() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(4, 64)
    shown = Luma(levels, LIMITED_RANGE_GAIN, 16).as_shown()
    for level, value in zip(levels.flat, shown.flat, strict=True):
        assert value == min(255, max(0, round((int(level) - 16) * 255 / 219)))
    assert Luma(levels, 1.0).as_shown() is levels
