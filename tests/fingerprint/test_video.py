"""Frame hashes agree with vPDQ's own on the corpus, and with the still picture of each frame."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import hashmatch as hm
from hashmatch.lists import read_vpdq


def clips(corpus: Path) -> list[Path]:
    found = sorted((corpus / "video").glob("*.mp4"))
    assert len(found) >= 5
    return found


@pytest.mark.corpus
def test_frames_agree_with_vpdq(corpus: Path) -> None:
    for path in clips(corpus):
        expected = read_vpdq(path.with_suffix(".vpdq.txt"))
        video = hm.hash_video(path, interval_s=0)
        assert video.error is None
        assert video.frames.tolist() == expected.frames.tolist()
        assert np.abs(video.timestamps_s - expected.timestamps_s).max() < 0.001
        assert np.abs(video.qualities - expected.qualities).max() <= 1
        distances = np.bitwise_count(video.codes ^ expected.codes).sum(axis=1)
        usable = expected.qualities >= 50
        assert usable.sum() > 20
        assert distances[usable].max() < 31
        assert np.median(distances[usable]) <= 4


@pytest.mark.corpus
def test_a_frame_a_second_is_every_thirtieth_here(corpus: Path) -> None:
    for path in clips(corpus)[2:4]:
        every = hm.hash_video(path, interval_s=0)
        chosen = hm.hash_video(path)
        seconds = np.floor(chosen.timestamps_s + 1e-9)
        assert seconds.tolist() == list(range(len(chosen)))
        assert np.array_equal(chosen.codes, every.codes[chosen.frames])
        assert np.array_equal(chosen.qualities, every.qualities[chosen.frames])
        assert np.array_equal(chosen.timestamps_s, every.timestamps_s[chosen.frames])


@pytest.mark.corpus
def test_a_frame_hashes_as_the_still_picture_of_it(corpus: Path) -> None:
    path = clips(corpus)[0]
    video = hm.hash_video(path, interval_s=5)
    with av.open(str(path), "r") as container:
        frames = dict(enumerate(container.decode(video=0)))
    for number, code, quality in zip(video.frames, video.codes, video.qualities, strict=True):
        still = hm.hash_image(frames[number].to_ndarray(format="rgb24").astype(np.uint8))
        assert still.quality is not None
        assert np.bitwise_count(code ^ still.code).sum() <= 8
        assert abs(int(quality) - still.quality) <= 1


def test_results_are_those_of_any_run(make_clip: Callable[..., bytes], pictures: list[Any]) -> None:
    data = make_clip(pictures, "mp4")
    first = hm.hash_video(data)
    assert first == hm.hash_video(memoryview(data), 1.0)
    assert first.codes.dtype == np.uint8
    assert first.codes.shape == (4, 32)
    assert first.qualities.dtype == np.int16
    assert first.timestamps_s.tolist() == [0, 1, 2, 3]
