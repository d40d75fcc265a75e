"""Videos on the whole road: every frame that stands for an interval is looked at and decided on."""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import imagehash
import numpy as np
import pytest
from PIL import Image

import hashmatch as hm
from hashmatch.catalog import build_catalog
from hashmatch.decode import Isolation, VideoLimits
from hashmatch.fingerprint import hash_image
from hashmatch.hashing import pdq
from hashmatch.lists import read_vpdq, vpdq_lines
from hashmatch.screener import Screener
from hashmatch.screener import search as search_module

Picture = Any
MakeClip = Callable[..., bytes]

HEAD = 'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "undecodable" }\n'
RULE = '[[rules]]\nname = "r-{name}"\nwhen = {{ algorithm = "{name}", max_distance = {radius} }}\n'


@pytest.fixture(scope="session")
def clip(make_clip: MakeClip, pictures: list[Picture]) -> bytes:
    """Four seconds, five scenes of eight frames each."""
    return make_clip(pictures, "mp4", crf="12", g="5", movie_flags="faststart")


@pytest.fixture
def index_of(tmp_path: Path) -> Callable[..., Screener]:
    """Return what builds an index of (entry id, algorithm, hex) and opens it with a policy."""

    def build(
        entries: list[tuple[str, str, str]],
        *,
        head: str = "",
        radii: dict[str, int] | None = None,
        **options: Any,
    ) -> Screener:
        with (tmp_path / "known.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("entry_id", "algorithm", "hash"), *entries])
        (tmp_path / "recipe.toml").write_text(
            'name = "videos"\n[[lists]]\nname = "known"\nfile = "known.csv"\nversion = "1"\n'
            'harm = "h"\n'
        )
        build_catalog(tmp_path)
        rules = "".join(
            RULE.format(name=name, radius=radius) + 'action = "block"\n'
            for name, radius in (radii or {"pdq": 31}).items()
        )
        (tmp_path / "policy.toml").write_text(head + HEAD + rules)
        return Screener.open(tmp_path, tmp_path / "policy.toml", **options)

    return build


def stills(pictures: list[Picture]) -> list[tuple[str, str, str]]:
    return [(f"scene-{n // 8}", "pdq", hash_image(one).hex) for n, one in enumerate(pictures)]


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
def test_matches_are_those_of_hash_video_and_a_loop(
    clip: bytes,
    pictures: list[Picture],
    index_of: Callable[..., Screener],
    monkeypatch: pytest.MonkeyPatch,
    interval_s: float,
    block: int,
) -> None:
    monkeypatch.setattr(search_module, "_BLOCK_QUERIES", block)
    entries = stills(pictures)
    screener = index_of(entries, head=f'views = ["frames"]\nvideo_interval_s = {interval_s}\n')
    video = hm.hash_video(clip, interval_s)
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
        video = hm.hash_video(path)
        expected = naive_matches(video, entries, 31)
        assert matches_of(decision) == expected
        assert (0, path.stem) in [row[:2] for row in expected]


def test_turned_and_letterboxed_videos_are_found(
    make_clip: MakeClip, pictures: list[Picture], index_of: Callable[..., Screener]
) -> None:
    rotated = make_clip([np.ascontiguousarray(np.rot90(one, -1)) for one in pictures[8:16]])
    wide = [np.kron(one, np.ones((2, 2), np.uint8)) for one in pictures[:16]]
    boxed = make_clip([np.pad(one, ((64, 64), (0, 0))) for one in wide])
    screener = index_of([*stills(pictures[:16])])
    (match,) = screener.screen(rotated).matches
    assert (match.entry_id, match.view, match.timestamp_s) == ("scene-1", "rot90", 0.0)
    first, second = sorted(screener.screen(boxed).matches, key=lambda one: one.entry_id)
    assert (first.entry_id, first.view, first.timestamp_s) == ("scene-0", "trimmed", 0.0)
    assert (second.entry_id, second.view, second.timestamp_s) == ("scene-1", "frame/trimmed", 1.0)


def test_a_frame_as_before_is_left_out(
    make_clip: MakeClip, pictures: list[Picture], index_of: Callable[..., Screener]
) -> None:
    still = make_clip(pictures[:1] * 30, "mkv", "ffv1", pixels="gray")
    screener = index_of(stills(pictures), head="video_interval_s = 0\n")
    searched: list[int] = []
    catalog = screener._state.catalog
    search = catalog.search

    def counted(algorithm: str, queries: Any, *args: Any) -> Any:
        searched.append(len(queries))
        return search(algorithm, queries, *args)

    catalog.search = counted  # type: ignore[method-assign]
    (match,) = screener.screen(still).matches
    assert (match.view, match.timestamp_s, match.distance) == ("as_stored", 0.0, 0)
    assert searched == [8]


def test_other_hashes_are_of_luma_as_shown(
    clip: bytes, pictures: list[Picture], index_of: Callable[..., Screener]
) -> None:
    """imagehash of the Y plane, spread by hand over 0..255, is what is looked for."""
    names = {"phash": imagehash.phash, "dhash": imagehash.dhash, "whash": imagehash.whash}
    entries = []
    with av.open(io.BytesIO(clip)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 10 == 0:
                plane = frame.to_ndarray()[: frame.height].astype(np.float64)
                shown = np.round((plane - 16) * 255 / 219).clip(0, 255).astype(np.uint8)
                picture = Image.fromarray(shown)
                entries += [(f"{number}", name, str(f(picture))) for name, f in names.items()]
    radii = dict.fromkeys([*names, "pdq"], 0)
    screener = index_of([*entries, *stills(pictures)], radii=radii)
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
    alone = index_of(stills(pictures), radii={"pdq": 31}).screen(clip)
    assert [one for one in decision.hashes if one.algorithm == "pdq"] == list(alone.hashes)


def test_a_hash_of_segments_takes_frames_too(
    make_clip: MakeClip, pictures: list[Picture], index_of: Callable[..., Screener]
) -> None:
    scene = np.kron(pictures[0], np.ones((4, 4), np.uint8))
    data = make_clip([scene] * 3, "mkv", "ffv1", pixels="gray")
    entries = [
        ("whole", "crop-resistant", one.hex) for one in hm.hash_segments(scene, "crop-resistant")
    ]
    decision = index_of(entries, radii={"crop-resistant": 0}).screen(data)
    assert decision.error is None
    assert [one.entry_id for one in decision.matches] == ["whole"]


@pytest.mark.parametrize("way", ["bytes", "path"])
def test_what_is_missing_of_a_video_has_its_say_beside_what_is_found(
    clip: bytes,
    pictures: list[Picture],
    index_of: Callable[..., Screener],
    tmp_path: Path,
    way: str,
) -> None:
    cut = clip[: len(clip) * 2 // 3]
    path = tmp_path / "cut.mp4"
    path.write_bytes(cut)
    screener = index_of(stills(pictures[:8]))
    decision = screener.screen(cut if way == "bytes" else path)
    assert decision.error == "truncated MP4: the file should be longer"
    assert [one.entry_id for one in decision.matches] == ["scene-0"]
    assert (decision.action, decision.rule, decision.queue) == ("block", "r-pdq", "undecodable")
    other = index_of([("other", "pdq", "00" * 32)]).screen(cut if way == "bytes" else path)
    assert other.error == decision.error
    assert (other.n_matches, other.action, other.rule) == (0, "review", None)


def test_a_policy_without_frames_lets_no_video_pass(
    clip: bytes, pictures: list[Picture], index_of: Callable[..., Screener]
) -> None:
    decision = index_of(stills(pictures[16:24]), head="views = []\n").screen(clip)
    assert decision.error == (
        "of the video the first frame alone was looked at: the policy's views are without frames"
    )
    assert (decision.n_matches, decision.action) == (0, "review")
    decision = index_of(stills(pictures[:8]), head='views = ["orientations"]\n').screen(clip)
    assert [(one.entry_id, one.view) for one in decision.matches] == [("scene-0", "as_stored")]
    assert (decision.action, decision.queue) == ("block", "undecodable")


def test_what_is_no_whole_video_is_one_row(
    make_clip: MakeClip, clip: bytes, pictures: list[Picture], index_of: Callable[..., Screener]
) -> None:
    limits = VideoLimits(max_frames=15, max_bytes=len(clip), max_duration_s=3)
    silent = make_clip([], "mp4", "", with_sound=True)
    items = {
        "no video in the MP4": silent,
        "damaged Matroska": b"\x1aE\xdf\xa3" + bytes(1000),
        "too large: more than": clip + b"\0",
        "too many frames: more than 15": clip,
        "too long: more than 3 s": make_clip(pictures[:2], "mkv", stamps=[0, 100]),
        "unsupported Matroska: video of codec": make_clip(pictures[:3], "mkv", "jpeg2000"),
    }
    screener = index_of(stills(pictures[24:32]), video_limits=limits)
    decisions = screener.screen_many(list(items.values()))
    for reason, decision in zip(items, decisions, strict=True):
        assert decision.error is not None
        assert decision.error.startswith(reason)
        assert (decision.action, decision.queue) == ("review", "undecodable")
        assert decision.sha256 is not None
    assert decisions == [screener.screen(item) for item in items.values()]


def test_without_the_extra_the_row_says_so_and_digests_match(
    clip: bytes,
    index_of: Callable[..., Screener],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip)
    md5 = hashlib.md5(clip).hexdigest()
    screener = index_of(
        [("same-file", "md5", md5), ("x", "pdq", "00" * 32)], radii={"pdq": 31, "md5": 0}
    )
    for item in (clip, path):
        decision = screener.screen(item)
        assert decision.error == "video needs PyAV: install hashmatch[video], the extra video"
        assert [one.entry_id for one in decision.matches] == ["same-file"]
        assert (decision.action, decision.queue) == ("block", "undecodable")
        assert decision.sha256 == hashlib.sha256(clip).hexdigest()


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
    pictures: list[Picture],
    index_of: Callable[..., Screener],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A video larger than any picture may be is read as it goes."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip)
    limits = hm.decode.DecodeLimits(max_bytes=1000)
    screener = index_of(stills(pictures[:8]), limits=limits)
    decision = screener.screen(path)
    assert (decision.error, decision.n_matches) == (None, 1)
    assert decision == screener.screen(clip, content_id=str(path))


def test_screening_many_is_screening_each_whatever_the_workers(
    clip: bytes,
    make_clip: MakeClip,
    pictures: list[Picture],
    index_of: Callable[..., Screener],
    uploads: list[Path],
    tmp_path: Path,
) -> None:
    items: list[Any] = []
    for number in range(12):
        path = tmp_path / f"{number}.mkv"
        path.write_bytes(make_clip(pictures[number : number + 20]))
        items += [path, clip[: len(clip) - 500 * number], uploads[number]]
    screener = index_of(stills(pictures))
    expected = [screener.screen(item) for item in items]
    assert sum(one.n_matches > 0 for one in expected) >= 24
    for workers in (1, 2, 5):
        assert screener.screen_many(items, workers=workers) == expected


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_isolation_changes_no_decision_about_a_video(
    clip: bytes, pictures: list[Picture], index_of: Callable[..., Screener], tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip)
    items = [clip, path, clip[: len(clip) * 2 // 3], clip[:64], tmp_path / "absent.mp4"]
    expected = index_of(stills(pictures)).screen_many(items)
    screener = index_of(stills(pictures), isolation=Isolation(time_s=60.0, memory_bytes=512 << 20))
    try:
        assert screener.screen_many(items) == expected
    finally:
        screener.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_in_isolation_what_was_looked_at_in_time_counts(
    make_clip: MakeClip, pictures: list[Picture], index_of: Callable[..., Screener]
) -> None:
    large = [np.kron(one, np.ones((20, 20), np.uint8)) for one in pictures[:8]]
    endless = make_clip(large * 20, "mkv", "mjpeg", pixels="yuvj420p")
    screener = index_of(
        stills(pictures[:8]), isolation=Isolation(time_s=0.6), head="video_interval_s = 0\n"
    )
    try:
        decision = screener.screen(endless)
    finally:
        screener.close()
    assert decision.error is not None
    assert decision.error.startswith("timed out")
    assert decision.queue == "undecodable"
    assert decision.action == ("block" if decision.matches else "review")


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


def naive_pairs(
    video: hm.VideoHash, known: dict[str, hm.VideoHash], min_quality: int, radius: int
) -> list[tuple[Any, ...]]:
    """Return the nearest pair of frames for each entry: the earliest frame, then the first row."""
    rows = []
    for entry_id, entry in known.items():
        pairs = []
        for at, code in enumerate(video.codes):
            for row in np.flatnonzero(entry.qualities >= min_quality).tolist():
                distance = int(np.bitwise_count(code ^ entry.codes[row]).sum())
                if distance <= radius:
                    pairs.append((distance, at, row))
        if pairs:
            distance, at, row = min(pairs)
            times = float(video.timestamps_s[at]), float(entry.timestamps_s[row])
            rows.append((distance, entry_id, *times))
    return sorted(rows)


@pytest.fixture
def videos_of(tmp_path: Path) -> Callable[[dict[str, hm.VideoHash]], Screener]:
    """Return what builds an index of videos, each as vPDQ text, and opens it."""

    def build(known: dict[str, hm.VideoHash]) -> Screener:
        folder = tmp_path / "videos"
        folder.mkdir()
        for name, video in known.items():
            (folder / f"{name}.vpdq.txt").write_text("".join(vpdq_lines(video)))
        (tmp_path / "recipe.toml").write_text(
            'name = "videos"\n[[lists]]\nname = "known"\nfile = "videos"\nversion = "1"\n'
            'harm = "h"\n'
        )
        build_catalog(tmp_path)
        rules = RULE.format(name="pdq", radius=31) + 'action = "block"\n'
        (tmp_path / "policy.toml").write_text('views = ["frames"]\n' + HEAD + rules)
        return Screener.open(tmp_path, tmp_path / "policy.toml")

    return build


def test_a_match_has_the_times_of_both(
    make_clip: MakeClip,
    pictures: list[Picture],
    videos_of: Callable[[dict[str, hm.VideoHash]], Screener],
) -> None:
    known = {
        f"v{start}": hm.hash_video(make_clip(pictures[start : start + 12], crf="30"), 0)
        for start in range(0, 28, 4)
    }
    upload = make_clip(pictures[5:], "mp4", crf="12")
    screener = videos_of(known)
    decision = screener.screen(upload)
    expected = naive_pairs(hm.hash_video(upload), known, 50, 31)
    found = [
        (one.distance, one.entry_id, one.timestamp_s, one.entry_timestamp_s)
        for one in decision.matches
    ]
    assert found == expected
    assert decision.n_matches == len(expected) >= 5
    assert len({one[3] for one in expected}) > 2
    still = screener.screen(png_of(pictures[20]))
    nearest = still.matches[0]
    assert nearest.timestamp_s is None
    assert nearest.entry_timestamp_s is not None


@pytest.mark.corpus
def test_lists_of_vpdq_meet_the_clips_they_were_made_of(
    corpus: Path, videos_of: Callable[[dict[str, hm.VideoHash]], Screener]
) -> None:
    clips = sorted((corpus / "video").glob("*.mp4"))
    known = {path.stem: read_vpdq(path.with_suffix(".vpdq.txt")) for path in clips}
    screener = videos_of(known)
    for path, decision in zip(clips, screener.screen_many(clips), strict=True):
        found = [
            (one.distance, one.entry_id, one.timestamp_s, one.entry_timestamp_s)
            for one in decision.matches
        ]
        assert found == naive_pairs(hm.hash_video(path), known, 50, 31)
        nearest = next(one for one in decision.matches if one.entry_id == path.stem)
        assert nearest.timestamp_s is not None
        assert nearest.entry_timestamp_s is not None
        assert decision.action == "block"


def png_of(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
