"""Many videos in one search match as each pair does on its own, compared code by code."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.matching import VideoLibrary, match_videos
from hashmatch.values import VideoHash


def video(codes: Any, qualities: Any = None, step_s: float = 1.0) -> VideoHash:
    n = len(codes)
    return VideoHash(
        codes=codes,
        qualities=np.full(n, 100) if qualities is None else qualities,
        frames=np.arange(n),
        timestamps_s=np.arange(n, dtype=np.float64) * step_s,
    )


@st.composite
def videos(draw: st.DrawFn) -> VideoHash:
    """Frames drawn from a few codes, some bits off, of qualities around the gate."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scenes = np.random.default_rng(7).integers(0, 256, (6, 32), dtype=np.uint8)
    n = draw(st.integers(1, 12))
    codes = scenes[rng.integers(0, 6, n)]
    for code in codes:
        bits = np.unpackbits(code)
        flipped = rng.choice(256, rng.choice([0, 10, 15, 16, 31, 40]), replace=False)
        bits[flipped] ^= 1
        code[:] = np.packbits(bits)
    return video(codes, rng.choice([49, 50, 51, 100], n))


def naive(
    query: VideoHash, entry: VideoHash, radius: int, min_quality: int
) -> tuple[int, int, int, int, int | None]:
    near_query: set[int] = set()
    near_entry: set[int] = set()
    nearest: int | None = None
    for q, code in enumerate(query.codes):
        for e, other in enumerate(entry.codes):
            if min(query.qualities[q], entry.qualities[e]) < min_quality:
                continue
            distance = int(np.bitwise_count(code ^ other).sum())
            if distance <= radius:
                near_query.add(q)
                near_entry.add(e)
                nearest = distance if nearest is None else min(nearest, distance)
    sizes = [int((one.qualities >= min_quality).sum()) for one in (query, entry)]
    return sizes[0], len(near_query), sizes[1], len(near_entry), nearest


@given(
    query=videos(),
    entries=st.lists(videos(), max_size=4),
    radius=st.sampled_from([0, 15, 31, 46]),
    min_quality=st.sampled_from([0, 50, 51, 100]),
)
def test_as_the_naive_loop(
    query: VideoHash, entries: list[VideoHash], radius: int, min_quality: int
) -> None:
    known = {f"entry {number}": one for number, one in enumerate(entries)}
    library = VideoLibrary.build(known, min_quality=min_quality)
    found = {one.entry_id: one for one in library.match(query, radius=radius)}
    for name, entry in known.items():
        expected = naive(query, entry, radius, min_quality)
        if expected[-1] is None:
            assert name not in found
            continue
        one = found[name]
        assert expected == (
            one.n_query_frames,
            one.n_query_matched,
            one.n_entry_frames,
            one.n_entry_matched,
            one.distance,
        )
        assert one.query_percent == 100 * expected[1] / expected[0]
        assert one.index_percent == 100 * expected[3] / expected[2]
        alone = match_videos(query, entry, radius=radius, min_quality=min_quality)
        assert alone is not None
        assert alone.intervals == one.intervals
    assert len(library) == len(known)


def test_a_planted_stretch_is_one_interval() -> None:
    """Upload 12.0-31.5 s is entry 3.0-22.5 s, at two frames a second."""
    rng = np.random.default_rng(3)
    entry = video(rng.integers(0, 256, (60, 32), dtype=np.uint8), step_s=0.5)
    codes = rng.integers(0, 256, (80, 32), dtype=np.uint8)
    codes[24:64] = entry.codes[6:46]
    match = match_videos(video(codes, step_s=0.5), entry)
    assert match is not None
    (one,) = match.intervals
    assert (one.query_start_s, one.query_end_s) == (12.0, 31.5)
    assert (one.entry_start_s, one.entry_end_s) == (3.0, 22.5)
    assert (one.n_frames, one.mean_distance) == (40, 0)
    assert match.query_percent == 50.0
    assert match.index_percent == pytest.approx(200 / 3)
    assert match.reaches(50, 66)
    assert not match.reaches(50.1, 0)
    assert not match.reaches(0, 67)


def test_order_and_featureless_entries() -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 256, (10, 32), dtype=np.uint8)
    known = {
        "half": video(codes[:5]),
        "blank": video(codes, np.zeros(10)),
        "all": video(codes),
        "all too": video(codes),
    }
    library = VideoLibrary.build(known)
    assert library.featureless == ("blank",)
    assert [one.entry_id for one in library.match(video(codes))] == ["all", "all too", "half"]
    assert library.match(video(codes, np.zeros(10))) == ()
    assert VideoLibrary.build({}).match(video(codes)) == ()
    assert match_videos(video(codes), video(~codes)) is None
