"""Videos of many kinds yield their frames, and damage is always reported."""

import io
import os
import random
import struct
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch.decode import VideoLimits, open_video
from hashmatch.errors import DecodeError, ErrorKind
from hashmatch.fingerprint import hash_video
from hashmatch.hashing import pdq
from hashmatch.values import VideoHash

MakeClip = Callable[..., bytes]

KINDS = [
    ("mp4", "libx264", "yuv420p"),
    ("mkv", "libx264", "yuv420p"),
    ("mkv", "libx265", "yuv420p10le"),
    ("mkv", "ffv1", "yuv444p"),
    ("mkv", "ffv1", "gray"),
    ("mkv", "ffv1", "bgr0"),
    ("webm", "libvpx", "yuv420p"),
    ("webm", "libvpx-vp9", "yuv420p"),
    ("avi", "mpeg4", "yuv420p"),
    ("avi", "mjpeg", "yuvj420p"),
    ("mov", "prores", "yuv422p10le"),
    ("mov", "qtrle", "rgb24"),
    ("ts", "libx264", "yuv420p"),
    ("mpg", "mpeg2video", "yuv420p"),
    ("flv", "flv", "yuv420p"),
    ("wmv", "wmv2", "yuv420p"),
]
NO_CONTAINER = "not a video in an accepted container"
SILENT_AT_A_CUT = {"ts", "mpg"}  # streams without an end of their own


def numbers_and_times(
    data: bytes, **options: Any
) -> tuple[list[tuple[int, float]], DecodeError | None, int]:
    with open_video(data, **options) as frames:
        found = [(frame.number, frame.timestamp_s) for frame in frames]
        return found, frames.error, frames.n_decoded


@pytest.mark.parametrize(("suffix", "codec", "pixels"), KINDS)
def test_every_frame_of_every_kind(
    make_clip: MakeClip, pictures: list[NDArray[np.uint8]], suffix: str, codec: str, pixels: str
) -> None:
    rate = 25 if suffix == "mpg" else 10  # MPEG-2 knows few rates
    with_options = {"crf": "10"} if codec.startswith("libx") else {"b": "3000000"}
    data = make_clip(pictures, suffix, codec, pixels=pixels, **with_options)
    video = hash_video(data, interval_s=0)
    assert video.error is None
    assert video.frames.tolist() == list(range(len(pictures)))
    if rate == 10:
        assert video.timestamps_s == pytest.approx(np.arange(len(pictures)) / 10, abs=1e-3)
    for code, quality, picture in zip(video.codes, video.qualities, pictures, strict=True):
        expected, expected_quality = pdq.hash(picture)
        assert np.bitwise_count(code ^ expected).sum() <= 16
        assert abs(int(quality) - expected_quality) <= 3


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "flv", "wmv", "ts", "mpg"])
def test_a_video_cut_anywhere_has_an_error(
    make_clip: MakeClip, pictures: list[NDArray[np.uint8]], suffix: str
) -> None:
    codecs = {"avi": "mpeg4", "wmv": "wmv2", "mpg": "mpeg2video", "flv": "flv"}
    flags = "faststart" if suffix == "mp4" else ""
    data = make_clip(pictures, suffix, codecs.get(suffix, "libx264"), movie_flags=flags)
    rng = random.Random(suffix)
    cuts = [1, len(data) - 1, *(rng.randrange(1, len(data)) for _ in range(30))]
    faults = []
    for cut in cuts:
        try:
            video = hash_video(data[:cut], interval_s=0)
            assert 1 <= len(video) <= len(pictures)
            faults.append(video.error)
        except DecodeError as error:
            faults.append(str(error))
    if suffix not in SILENT_AT_A_CUT:
        assert None not in faults
    assert all("\n" not in fault for fault in faults if fault)
    assert hash_video(data, interval_s=0).error is None


def test_frames_before_a_cut_are_kept(
    make_clip: MakeClip, pictures: list[NDArray[np.uint8]]
) -> None:
    data = make_clip(pictures, "mp4", movie_flags="faststart", g="4")
    whole = hash_video(data, interval_s=0)
    video = hash_video(data[: len(data) * 2 // 3], interval_s=0)
    assert video.error == "truncated MP4: the file should be longer"
    assert video.error_kind is ErrorKind.TRUNCATED
    n_sound = len(video) - 2  # the last ones may be patched up by the decoder
    assert 10 < n_sound < len(pictures)
    assert np.array_equal(video.codes[:n_sound], whole.codes[:n_sound])


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "flv", "ts"])
def test_mutated_bytes_never_crash_print_or_vary(
    make_clip: MakeClip,
    pictures: list[NDArray[np.uint8]],
    suffix: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    codecs = {"avi": "mpeg4", "flv": "flv"}
    data = make_clip(pictures[:16], suffix, codecs.get(suffix, "libx264"))
    rng = random.Random(f"mutate {suffix}")
    n_refused = 0
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 4, 32))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        results: list[VideoHash | str] = []
        for _ in range(2):
            try:
                results.append(hash_video(bytes(damaged), 0, limits=VideoLimits(max_frames=500)))
            except DecodeError as error:
                results.append(str(error))
        assert results[0] == results[1]
        n_refused += not isinstance(results[0], VideoHash) or results[0].error is not None
    assert n_refused > 0
    assert capfd.readouterr() == ("", "")


def test_uneven_times_are_those_of_the_file(
    make_clip: MakeClip, pictures: list[NDArray[np.uint8]]
) -> None:
    stamps = [0, 1, 2, 9, 10, 11, 12, 30, 31, 45, 46, 47, 100, 101]
    data = make_clip(pictures[: len(stamps)], stamps=stamps)
    every, fault, _ = numbers_and_times(data, interval_s=0)
    assert fault is None
    assert [number for number, _ in every] == list(range(len(stamps)))
    assert [time_s for _, time_s in every] == pytest.approx([stamp / 10 for stamp in stamps])
    chosen, _, n_decoded = numbers_and_times(data, interval_s=1.0)
    assert [number for number, _ in chosen] == [0, 4, 7, 9, 12]
    assert n_decoded == len(stamps)


@pytest.mark.parametrize("interval_s", [0.1, 0.25, 0.3, 1.0, 2.5, 100.0])
def test_the_interval_chooses_among_all_frames(
    make_clip: MakeClip, pictures: list[NDArray[np.uint8]], interval_s: float
) -> None:
    data = make_clip(pictures, "mp4")
    every, _, _ = numbers_and_times(data, interval_s=0)
    step, k, expected = Fraction(str(interval_s)), 0, []
    for number, time_s in every:
        time = Fraction(round(time_s * 10), 10)
        if time >= k * step:
            expected.append(number)
            while time >= k * step:
                k += 1
    chosen, _, _ = numbers_and_times(data, interval_s=interval_s)
    assert [number for number, _ in chosen] == expected


def test_keyframes_only(make_clip: MakeClip, pictures: list[NDArray[np.uint8]]) -> None:
    data = make_clip(pictures, g="8", bf="0", sc_threshold="0")
    found, fault, n_decoded = numbers_and_times(data, interval_s=0, keyframes_only=True)
    assert fault is None
    assert n_decoded == len(found) == 5
    assert [time for _, time in found] == pytest.approx([0, 0.8, 1.6, 2.4, 3.2])
    whole = hash_video(data, interval_s=0)
    keys = hash_video(data, interval_s=0, keyframes_only=True)
    assert np.array_equal(keys.codes, whole.codes[::8])


def test_rotation_is_left_alone(make_clip: MakeClip, pictures: list[NDArray[np.uint8]]) -> None:
    data = make_clip(pictures[:8], "mp4")
    at = data.index(b"tkhd") + 4 + 40
    turned = bytearray(data)
    assert data[at : at + 4] == struct.pack(">i", 1 << 16)
    turned[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    with av.open(io.BytesIO(turned), "r") as container:
        assert abs(next(container.decode(video=0)).rotation) == 90
    assert hash_video(bytes(turned), 0) == hash_video(data, 0)


def test_sound_beside_the_video_changes_nothing(
    make_clip: MakeClip, pictures: list[NDArray[np.uint8]]
) -> None:
    alone = hash_video(make_clip(pictures[:12], "mkv", "ffv1"), 0)
    assert hash_video(make_clip(pictures[:12], "mkv", "ffv1", with_sound=True), 0) == alone


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_only(make_clip: MakeClip, suffix: str) -> None:
    data = make_clip([], suffix, "", with_sound=True)
    with pytest.raises(DecodeError, match="^no video in the ") as caught:
        hash_video(data)
    assert caught.value.kind is ErrorKind.UNSUPPORTED


def test_no_frames(make_clip: MakeClip, pictures: list[NDArray[np.uint8]]) -> None:
    data = make_clip(pictures[:1], "mkv")
    end = data.index(b"\x1fC\xb6u")  # the first cluster
    size_at = data.index(b"\x18S\x80g") + 4
    headers = bytearray(data[:end])
    headers[size_at : size_at + 8] = ((1 << 56) + end - size_at - 8).to_bytes(8, "big")
    with pytest.raises(DecodeError, match="^(no frame in the video|no video|.*Matroska)"):
        hash_video(bytes(headers))


@pytest.mark.parametrize(
    ("data", "reason", "kind"),
    [
        (b"", "empty file", ErrorKind.EMPTY),
        (b"GIF89a" + bytes(600), "not a video but a picture: GIF", ErrorKind.UNSUPPORTED),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", NO_CONTAINER, ErrorKind.NOT_MEDIA),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", NO_CONTAINER, ErrorKind.NOT_MEDIA),
        (b"\x00\x00\x00\x1cftypavif" + bytes(600), "a picture: AVIF", ErrorKind.UNSUPPORTED),
        (b"\x00\x00\x00\x1cftypmif1" + bytes(600), "a picture in the", ErrorKind.UNSUPPORTED),
        (b"\x00\x00\x00\x1cftypisom" + bytes(600), "MP4", ErrorKind.DAMAGED),
        (b"\x1aE\xdf\xa3" + bytes(600), "Matroska", ErrorKind.DAMAGED),
    ],
)
def test_other_contents_are_refused(data: bytes, reason: str, kind: ErrorKind) -> None:
    with pytest.raises(DecodeError, match=reason) as caught:
        hash_video(data)
    assert "\n" not in str(caught.value)
    assert caught.value.kind is kind


def test_a_codec_that_is_not_on_the_list_is_refused(
    make_clip: MakeClip, pictures: list[NDArray[np.uint8]]
) -> None:
    data = make_clip(pictures[:3], "avi", "zmbv", pixels="bgr0")
    with pytest.raises(DecodeError, match="^unsupported AVI: video of codec zmbv is not accepted$"):
        hash_video(data)


def test_paths(make_clip: MakeClip, pictures: list[NDArray[np.uint8]], tmp_path: Path) -> None:
    data = make_clip(pictures[:8], "mp4")
    path = tmp_path / "http:clip"
    path.write_bytes(data)
    assert hash_video(path) == hash_video(str(path)) == hash_video(bytearray(data))
    os.mkfifo(tmp_path / "endless")
    for name, reason in (
        ("absent", "no such file"),
        ("", "is a directory"),
        ("endless", "not a regular file"),
    ):
        with pytest.raises(DecodeError, match=f"^{tmp_path / name}: {reason}$"):
            hash_video(tmp_path / name)
    with pytest.raises(TypeError, match="expected a path or bytes"):
        hash_video(3)  # type: ignore[arg-type]


def test_limits(make_clip: MakeClip, pictures: list[NDArray[np.uint8]]) -> None:
    data = make_clip(pictures, "mp4")
    n = len(pictures)
    too_many = ErrorKind.TOO_MANY_FRAMES
    for limits, message, kind, n_kept in (
        (VideoLimits(max_frames=n), None, None, n),
        (VideoLimits(max_frames=7), "too many frames: more than 7", too_many, 7),
        (VideoLimits(max_duration_s=(n - 1) / 10), None, None, n),
        (VideoLimits(max_duration_s=1.0), "too long: more than 1 s", too_many, 11),
        (VideoLimits(max_pixels=64 * 96, max_bytes=len(data)), None, None, n),
    ):
        video = hash_video(data, 0, limits=limits)
        assert (video.error, video.error_kind, len(video)) == (message, kind, n_kept)
    too_large = ErrorKind.TOO_LARGE
    for limits, reason, expected in (
        (VideoLimits(max_bytes=len(data) - 1), "too large: more than", too_large),
        (VideoLimits(max_pixels=6143), "too many pixels: frames of 96 x 64, limit 6143", too_large),
        (VideoLimits(max_wall_s=1e-9), "timed out: more than 1e-09 s", ErrorKind.TIMEOUT),
    ):
        with pytest.raises(DecodeError, match=f"^{reason}") as caught:
            hash_video(data, 0, limits=limits)
        assert caught.value.kind is expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_bytes": 0},
        {"max_frames": True},
        {"max_pixels": 1.5},
        {"max_duration_s": 0.0},
        {"max_wall_s": -1.0},
    ],
)
def test_wrong_limits(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VideoLimits(**wrong)


@pytest.mark.parametrize("interval_s", [-1.0, float("nan"), float("inf")])
def test_wrong_intervals(interval_s: float) -> None:
    with pytest.raises(ValueError, match="interval_s must be 0 or a positive number"):
        hash_video(b"", interval_s)


def test_a_read_error_is_the_reason(
    make_clip: MakeClip,
    pictures: list[NDArray[np.uint8]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "clip.mkv"
    path.write_bytes(make_clip(pictures))

    class Failing(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 2000:
                raise OSError(5, "Input/output error")
            return super().read(min(size or 0, 1000))

    monkeypatch.setattr("hashmatch.decode.read.io.FileIO", Failing)
    try:
        video = hash_video(path)
        found = video.error, video.error_kind
    except DecodeError as error:
        found = str(error), error.kind
    assert found == ("input/output error", ErrorKind.UNREADABLE)


def test_without_pyav_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, make_clip: MakeClip, pictures: list[NDArray[np.uint8]]
) -> None:
    data = make_clip(pictures[:2])
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DecodeError, match=r"^video needs PyAV: install hashmatch\[video\]"):
        hash_video(data)
