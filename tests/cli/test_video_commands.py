"""`hashmatch video`: hashes as text, matches, and an error for an incomplete video."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hashmatch.cli import main
from hashmatch.fingerprint import hash_video
from hashmatch.lists import read_vpdq
from tests.conftest import Picture


@pytest.fixture
def clip(make_clip: Callable[..., bytes], pictures: list[Picture], tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(make_clip(pictures, "mp4", movie_flags="faststart"))
    return path


@pytest.fixture
def cut(clip: Path, tmp_path: Path) -> Path:
    path = tmp_path / "cut.mp4"
    path.write_bytes(clip.read_bytes()[:-1500])
    return path


def test_hash_writes_what_reads_as_the_same(
    clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "clip.txt"
    assert main(["video", "hash", str(clip), "--interval", "0", "-o", str(text)]) == 0
    assert read_vpdq(text) == hash_video(clip, 0)
    assert main(["video", "hash", str(clip), "--interval", "0"]) == 0
    said = capfd.readouterr()
    assert (said.out, said.err) == (text.read_text(), "")
    assert main(["video", "hash", str(clip), "--keyframes-only"]) == 0
    assert capfd.readouterr().out.startswith("0,")


def test_the_output_is_private_and_follows_no_planted_link(clip: Path, tmp_path: Path) -> None:
    precious, output = tmp_path / "precious", tmp_path / "clip.txt"
    precious.write_text("before")
    (tmp_path / "clip.txt.part").symlink_to(precious)
    output.symlink_to(precious)
    assert main(["video", "hash", str(clip), "-o", str(output)]) == 0
    assert precious.read_text() == "before"
    assert not output.is_symlink()
    assert output.stat().st_mode & 0o777 == 0o600


def test_a_failed_write_leaves_what_was_there(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "clip.txt"
    output.write_text("before")

    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(os, "fsync", fail)
    assert main(["video", "hash", str(clip), "-o", str(output)]) == 1
    assert output.read_text() == "before"
    assert sorted(tmp_path.iterdir()) == before


def test_a_cut_video_is_an_error_and_nothing_is_written(
    cut: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "cut.txt"
    assert main(["video", "hash", str(cut), "-o", str(text)]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == (
        f"hashmatch: error: {cut}: truncated MP4: the file should be longer; "
        "use --partial to hash what can be decoded\n"
    )
    assert not text.exists()
    assert main(["video", "hash", str(cut), "-o", str(text), "--partial"]) == 1
    assert capfd.readouterr().err == (
        f"hashmatch: {cut}: incomplete: truncated MP4: the file should be longer\n"
    )
    assert 0 < len(read_vpdq(text)) <= 4


def test_match_as_json(clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "clip.txt"
    main(["video", "hash", str(clip), "-o", str(text)])
    assert main(["video", "match", str(clip), str(text), str(clip), "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert [one["entry_id"] for one in found] == [str(text), str(clip)]
    for one in found:
        assert (one["query_percent"], one["index_percent"], one["distance"]) == (100, 100, 0)
        (interval,) = one["intervals"]
        assert (interval["query_start_s"], interval["entry_end_s"]) == (0, 3)


def test_match_for_people(clip: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["video", "match", str(clip), str(clip)]) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert "4 of 4 (100.0%)" in said.err
    assert f"0.0-3.0 s matches {clip} 0.0-3.0 s: 4 frames, 0.0 bits" in said.err


def test_no_match_and_videos_that_cannot_be_compared(
    clip: Path,
    make_clip: Callable[..., bytes],
    pictures: list[Picture],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    blank = tmp_path / "blank.mp4"
    blank.write_bytes(make_clip([pictures[0] * 0] * 20, "mp4"))
    assert main(["video", "match", str(clip), str(blank)]) == 0
    said = capfd.readouterr()
    assert f"hashmatch: {blank}: cannot be compared: no frame of quality 50" in said.err
    assert f"{clip}: no match" in said.err
    assert main(["video", "match", str(clip), str(blank), "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == []


def test_matching_an_incomplete_video_fails(
    clip: Path, cut: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["video", "match", str(clip), str(cut)]) == 1
    assert capfd.readouterr().err.count("\n") == 1
    assert main(["video", "match", str(clip), str(cut), "--partial", "--json"]) == 1
    assert json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["hash", "absent.mp4"], 1),
        (["hash", "clip.mp4", "--interval", "-1"], 2),
        (["match", "clip.mp4"], 2),
        (["match", "clip.mp4", "clip.mp4", "--radius", "257"], 2),
        (["match", "clip.mp4", "absent.txt"], 1),
    ],
)
def test_mistakes_are_one_line(
    clip: Path,
    args: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(clip.parent)
    assert main(["video", *args]) == code
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
