"""Videos on the whole road: every frame that stands for others is looked at and decided on."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import imagehash
import numpy as np
import pytest
from PIL import Image

import hashmatch as hm
from hashmatch.hashing import pdq
from hashmatch.index import Index
from hashmatch.screener import Screener
from tests.displayed_frames import displayed

Picture = Any
MakeClip = Callable[..., bytes]
Entries = list[tuple[str, str, str]]
"""Entry id, algorithm, hash in hex."""


def naive_matches(
    video: hm.VideoHash, entries: list[tuple[str, str, str]], radius: int
) -> list[tuple[Any, ...]]:
    """Return the nearest frame of each entry by a loop over all pairs."""
    best: dict[str, tuple[Any, ...]] = {}
    for entry_id, _, digits in entries:
        known = np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8))
        for at, code in enumerate(video.codes):
            distance = int(np.count_nonzero(np.unpackbits(code) != known))
            found = (distance, at)
            if distance <= radius and found < best.get(entry_id, (257, 0)):
                best[entry_id] = found
    rows = []
    for entry_id, (distance, at) in best.items():
        view = "frame" if at else "as_stored"
        time_s, quality = float(video.timestamps_s[at]), int(video.qualities[at])
        rows.append((distance, entry_id, view, time_s, quality))
    return sorted(rows)


def matches_of(decision: hm.Decision) -> list[tuple[Any, ...]]:
    return [
        (one.distance, one.entry_id, one.view, one.timestamp_s, one.quality)
        for one in decision.matches
    ]


@pytest.mark.parametrize("interval_s", [0, 0.3, 1, 60])
@pytest.mark.parametrize("block", [4096, 3])
def test_matches_are_those_of_the_frames_on_display_and_a_loop(
    clip: bytes,
    stills: Entries,
    index_of: Callable[..., Screener],
    interval_s: float,
    block: int,
) -> None:
    entries = stills
    head = f'views = ["frames"]\nvideo_interval_s = {interval_s}\n'
    screener = index_of(entries, head=head, block_views=block)
    video = displayed(clip, interval_s)
    expected = naive_matches(video, entries, 31)
    decision = screener.screen(clip)
    assert decision.error is None
    assert matches_of(decision) == expected
    assert len(expected) >= (3 if interval_s < 60 else 1)
    assert decision.n_matches == len(expected)
    (made,) = decision.hashes
    assert (made.hex, made.quality) == (video.codes[0].tobytes().hex(), video.qualities[0])
    assert made.decode == "video"
    assert decision.action == "block"


@pytest.mark.corpus
def test_on_real_clips_the_matches_are_those_of_a_loop(
    corpus: Path, index_of: Callable[..., Screener]
) -> None:
    clips = sorted((corpus / "video").glob("*.mp4"))
    hashed = {path.stem: hm.hash_video(path, 0.5) for path in clips}
    entries = [
        (name, "pdq", code.tobytes().hex()) for name, one in hashed.items() for code in one.codes
    ]
    screener = index_of(entries, head='views = ["frames"]\n')
    for path, decision in zip(clips, screener.screen_many(clips), strict=True):
        video = displayed(path.read_bytes())
        expected = naive_matches(video, entries, 31)
        assert matches_of(decision) == expected
        assert (0, path.stem) in [row[:2] for row in expected]


def test_turned_and_letterboxed_videos_are_found(
    make_clip: MakeClip, pictures: list[Picture], stills: Entries, index_of: Callable[..., Screener]
) -> None:
    rotated = make_clip([np.ascontiguousarray(np.rot90(one, -1)) for one in pictures[8:16]])
    wide = [np.kron(one, np.ones((2, 2), np.uint8)) for one in pictures[:16]]
    boxed = make_clip([np.pad(one, ((64, 64), (0, 0))) for one in wide])
    screener = index_of(stills[:16])
    (match,) = screener.screen(rotated).matches
    assert (match.entry_id, match.view.split("/")[-1]) == ("scene-1", "rot90")
    first, second = sorted(screener.screen(boxed).matches, key=lambda one: one.entry_id)
    assert (first.entry_id, first.view.split("/")[-1]) == ("scene-0", "trimmed")
    assert (second.entry_id, second.view) == ("scene-1", "frame/trimmed")
    assert second.timestamp_s is not None
    assert 0.8 <= second.timestamp_s <= 1.5


def test_a_frame_with_an_earlier_code_is_not_searched_again(
    make_clip: MakeClip,
    pictures: list[Picture],
    stills: Entries,
    index_of: Callable[..., Screener],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    still = make_clip(pictures[:1] * 30, "mkv", "ffv1", pixels="gray")
    screener = index_of(stills, head="video_interval_s = 0\n")
    searched: list[int] = []
    search = Index.search

    def counted(index: Index, algorithm: str, queries: Any, *args: Any) -> Any:
        searched.append(len(queries))
        return search(index, algorithm, queries, *args)

    monkeypatch.setattr(Index, "search", counted)
    (match,) = screener.screen(still).matches
    assert (match.view, match.timestamp_s, match.distance) == ("as_stored", 0.0, 0)
    assert sum(searched) == 16  # eight orientations, and their negatives


def test_other_hashes_are_of_luma_as_shown(
    clip: bytes, stills: Entries, index_of: Callable[..., Screener]
) -> None:
    """imagehash of the Y plane, spread by hand over 0..255, is what is looked for."""
    names = {"phash": imagehash.phash, "dhash": imagehash.dhash, "whash": imagehash.whash}
    entries = []
    with av.open(io.BytesIO(clip), "r") as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 10 == 0:
                plane = frame.to_ndarray()[: frame.height].astype(np.float64)
                shown = np.round((plane - 16) * 255 / 219).clip(0, 255).astype(np.uint8)
                picture = Image.fromarray(shown)
                entries += [(f"{number}", name, str(f(picture))) for name, f in names.items()]
    radii = dict.fromkeys([*names, "pdq"], 0)
    screener = index_of([*entries, *stills], radii=radii)
    decision = screener.screen(clip)
    assert decision.error is None
    assert {one.decode for one in decision.hashes} == {"video"}
    found = {(one.entry_id, one.algorithm, one.timestamp_s) for one in decision.matches}
    assert found >= {
        (f"{10 * s}", name, float(s))
        for name in names
        for s in range(4)
        if (f"{10 * s}", name, None) not in found
    }
    alone = index_of(stills, radii={"pdq": 31}).screen(clip)
    assert [one for one in decision.hashes if one.algorithm == "pdq"] == list(alone.hashes)


def test_a_hash_of_segments_takes_frames_too(
    make_clip: MakeClip, pictures: list[Picture], index_of: Callable[..., Screener]
) -> None:
    scene = np.kron(pictures[0], np.ones((4, 4), np.uint8)).astype(np.uint8)
    data = make_clip([scene] * 3, "mkv", "ffv1", pixels="gray")
    entries = [
        ("whole", "crop-resistant", one.hex) for one in hm.hash_segments(scene, "crop-resistant")
    ]
    decision = index_of(entries, radii={"crop-resistant": 0}).screen(data)
    assert decision.error is None
    assert [one.entry_id for one in decision.matches] == ["whole"]


def test_a_policy_of_digests_decodes_no_video(
    clip: bytes, index_of: Callable[..., Screener], tmp_path: Path
) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip[:-100])
    entries = [("same-file", "sha1", hashlib.sha1(clip[:-100]).hexdigest())]
    decision = index_of(entries, radii={"sha1": 0}).screen(path)
    assert (decision.error, decision.action) == (None, "block")


def test_a_video_in_a_file_is_never_held(
    clip: bytes,
    stills: Entries,
    index_of: Callable[..., Screener],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A video larger than any picture may be is read as it goes."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip)
    limits = hm.decode.DecodeLimits(max_bytes=1000)
    screener = index_of(stills[:8], limits=limits)
    decision = screener.screen(path)
    assert (decision.error, decision.n_matches) == (None, 1)
    assert decision == screener.screen(clip, content_id=str(path))


def test_screening_many_is_screening_each_whatever_the_workers(
    clip: bytes,
    make_clip: MakeClip,
    pictures: list[Picture],
    stills: Entries,
    index_of: Callable[..., Screener],
    uploads: list[Path],
    tmp_path: Path,
) -> None:
    items: list[Any] = []
    for number in range(12):
        path = tmp_path / f"{number}.mkv"
        path.write_bytes(make_clip(pictures[number : number + 20]))
        items += [path, clip[: len(clip) - 500 * number], uploads[number]]
    screener = index_of(stills)
    expected = [screener.screen(item) for item in items]
    assert sum(one.n_matches > 0 for one in expected) >= 24
    for workers in (1, 2, 5):
        assert screener.screen_many(items, workers=workers) == expected


def test_eight_orientations_of_luma_are_those_of_pdq(pictures: list[Picture]) -> None:
    for picture in pictures[::7]:
        limited = (16 + picture * (219 / 255)).astype(np.uint8)
        codes, quality = pdq.dihedral(limited, gain=255 / 219)
        code, same_quality = pdq.hash(limited, gain=255 / 219)
        assert np.array_equal(codes, pdq.dihedral(limited)[0])
        assert (codes[0].tolist(), quality) == (code.tolist(), same_quality)
        assert quality > pdq.dihedral(limited)[1] or quality == 100
    with pytest.raises(ValueError, match="gain"):
        pdq.dihedral(pictures[0], gain=3.0)
