"""A scan: rows for everything, the same whatever the number of workers, whole in any case."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hashmatch.backlog import ScanInterrupted, ScanProgress, ScanSummary, scan
from hashmatch.errors import HashmatchError, IndexFormatError, PolicyError
from hashmatch.screener import Screener, ScreeningOptions
from hashmatch.workers import Isolation

CHUNK_FILES = 32


def run(demo: Path, paths: list[Any], output: Any, **options: Any) -> ScanSummary:
    return scan(paths, index=demo, policy=demo / "policy.toml", output=output, **options)


def rows_of(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.read_bytes().splitlines()]


@pytest.fixture
def many(demo: Path, tmp_path: Path) -> Path:
    """A folder with links to the demo's uploads, enough for several chunks, and oddities."""
    folder = tmp_path / "many"
    folder.mkdir()
    uploads = sorted(path for path in (demo / "uploads").rglob("*") if path.is_file())
    for copy in range(5):
        for upload in uploads:
            (folder / f"{copy}-{upload.name}").symlink_to(upload)
    os.mkfifo(folder / "fifo")
    (folder / "broken").symlink_to("absent")
    (folder / "empty").touch()
    (folder / os.fsdecode(b"n\xe4me.jpg")).symlink_to(uploads[0])
    return folder


def test_rows_are_decisions_in_order(demo: Path, many: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    summary = run(demo, [many], output)
    rows = rows_of(output)
    assert [os.fsencode(row["content_id"]) for row in rows] == sorted(
        map(os.fsencode, many.iterdir())
    )
    screener = Screener.open(demo, demo / "policy.toml")
    assert rows == [screener.screen(row["content_id"]).to_dict() for row in rows]
    assert summary.n_files == len(rows) == 5 * 26 + 4
    assert summary.n_errors == sum(row["error"] is not None for row in rows) == 5 * 3 + 3
    assert summary.n_with_matches == sum(row["n_matches"] > 0 for row in rows)
    assert summary.n_matches == sum(row["n_matches"] for row in rows)
    for action, number in summary.actions.items():
        assert number == sum(row["action"] == action for row in rows)
    assert sum(summary.actions.values()) == len(rows)
    assert summary.elapsed_s > 0


@pytest.mark.parametrize(("workers", "chunk_files"), [(3, CHUNK_FILES), (2, 7), (1, 1)])
def test_any_number_of_workers_writes_the_same_bytes(
    demo: Path, many: Path, tmp_path: Path, workers: int, chunk_files: int
) -> None:
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    first = run(demo, [many], one)
    second = run(demo, [many], other, workers=workers, chunk_files=chunk_files)
    assert one.read_bytes() == other.read_bytes()
    assert {**first.to_dict(), "elapsed_s": 0} == {**second.to_dict(), "elapsed_s": 0}


def test_videos_have_rows_like_pictures(
    demo: Path, many: Path, tmp_path: Path, make_clip: Any, pictures: list[Any]
) -> None:
    with Image.open(demo / "images" / "coffee.jpg") as image:
        listed = np.asarray(image.convert("L").resize((192, 128)))
    scenes = [np.kron(one, np.ones((2, 2), np.uint8)) for one in pictures[:15]]
    clip = make_clip([*scenes, *[listed] * 10], "mp4", crf="12", movie_flags="faststart")
    (many / "clip.jpg").write_bytes(clip)  # names do not matter
    (many / "cut.mp4").write_bytes(clip[:-50])
    (many / "sound.mp4").write_bytes(make_clip([], "mp4", "", with_sound=True))
    one, several = tmp_path / "one.jsonl", tmp_path / "several.jsonl"
    run(demo, [many], one)
    run(demo, [many], several, workers=3)
    assert one.read_bytes() == several.read_bytes()
    rows = {Path(row["content_id"]).name: row for row in rows_of(one)}
    if sys.platform.startswith("linux"):
        apart, videos = tmp_path / "apart.jsonl", ["clip.jpg", "cut.mp4", "sound.mp4"]
        paths = [many / name for name in videos]
        run(
            demo,
            paths,
            apart,
            workers=2,
            options=ScreeningOptions(isolation=Isolation(time_s=60.0)),
        )
        assert rows_of(apart) == [rows[name] for name in videos]
    whole, cut = rows["clip.jpg"], rows["cut.mp4"]
    assert (whole["error"], cut["error"]) == (None, "truncated MP4: the file should be longer")
    for row in (whole, cut):
        (match,) = row["matches"]
        assert (match["entry_id"], match["view"]) == ("H-1001", "frame")
        assert 1.5 <= match["timestamp_s"] <= 2.4
        assert (row["action"], row["hashes"][0]["decode"]) == ("block", "video")
    assert whole["matches"][0]["timestamp_s"] == 1.5  # the cut
    assert (rows["sound.mp4"]["error"], rows["sound.mp4"]["action"]) == (
        "no video in the MP4",
        "review",
    )


def test_odd_inputs_have_rows_with_reasons(demo: Path, many: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    oddities = ["fifo", "broken", "empty", "0-text-file.jpg", "0-rocket-truncated.jpg"]
    run(demo, [many / name for name in oddities], output)
    errors = {Path(row["content_id"]).name: row for row in rows_of(output)}
    assert {name: row["error"].split(" (")[0] for name, row in errors.items()} == {
        "fifo": "not a regular file",
        "broken": "no such file",
        "empty": "empty file",
        "0-text-file.jpg": "not an image in an accepted format",
        "0-rocket-truncated.jpg": "truncated JPEG: 63% of the pixels were decoded",
    }
    assert {row["action"] for row in errors.values()} == {"review"}
    assert {row["queue"] for row in errors.values()} == {"undecodable"}


def test_a_folder_that_cannot_be_listed_is_a_row(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()

    def refusing(path: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refusing)
    run(demo, [tmp_path / "in"], tmp_path / "rows.jsonl")
    (row,) = rows_of(tmp_path / "rows.jsonl")
    assert row["content_id"] == str(tmp_path / "in")
    assert row["error"] == "cannot list the folder: Permission denied"
    assert row["sha256"] is None


def test_a_picture_beyond_the_limits_is_a_row(demo: Path, tmp_path: Path) -> None:
    # A decompression bomb: 30,000 x 30,000 pixels in a few bytes, by its header alone.
    buffer = io.BytesIO()
    Image.new("1", (8, 8)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(data)
    run(demo, [tmp_path / "bomb.png"], tmp_path / "rows.jsonl")
    (row,) = rows_of(tmp_path / "rows.jsonl")
    assert row["error"].startswith("too many pixels: 30000 x 30000")
    assert row["action"] == "review"


def test_progress_is_reported_after_every_chunk(demo: Path, many: Path) -> None:
    reports: list[ScanProgress] = []
    stream = io.BytesIO()
    summary = run(demo, [many], stream, on_progress=reports.append)
    assert [report.n_done for report in reports] == [
        *range(CHUNK_FILES, summary.n_files, CHUNK_FILES),
        summary.n_files,
    ]
    assert {report.n_files for report in reports} == {summary.n_files}
    assert (reports[-1].n_errors, reports[-1].n_with_matches) == (
        summary.n_errors,
        summary.n_with_matches,
    )
    assert stream.getvalue().count(b"\n") == summary.n_files


def test_no_files_are_no_rows(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    summary = run(demo, [tmp_path / "in"], tmp_path / "rows.jsonl", workers=2)
    assert summary.n_files == 0
    assert (tmp_path / "rows.jsonl").read_bytes() == b""


def test_mistakes_are_errors_before_anything_is_written(
    demo: Path, many: Path, tmp_path: Path
) -> None:
    output = tmp_path / "rows.jsonl"
    with pytest.raises(FileNotFoundError):
        run(demo, [many, tmp_path / "absent"], output)
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        run(demo, [many], output, workers=0)
    with pytest.raises(ValueError, match="chunk_files must be at least 1, not 0"):
        run(demo, [many], output, chunk_files=0)
    bad_policy = tmp_path / "policy.toml"
    bad_policy.write_text("version = 1")
    with pytest.raises(PolicyError):
        scan([many], index=demo, policy=bad_policy, output=output)
    damaged = Path(shutil.copytree(demo, tmp_path / "damaged"))
    for path in (damaged / "built").rglob("*"):
        if path.is_file():
            path.write_bytes(b"{}")
    with pytest.raises(IndexFormatError):
        scan([many], index=damaged, policy=demo / "policy.toml", output=output)
    assert not output.exists()


def test_the_output_may_not_be_an_input(demo: Path, tmp_path: Path) -> None:
    picture = tmp_path / "in" / "coffee.jpg"
    picture.parent.mkdir()
    shutil.copy(demo / "images" / "coffee.jpg", picture)
    data = picture.read_bytes()
    (tmp_path / "link").symlink_to(picture)
    for output in (picture, tmp_path / "link"):
        with pytest.raises(ValueError, match=r"coffee\.jpg is also one of the inputs"):
            run(demo, [picture.parent], output)
    with (
        picture.open("ab") as stream,
        pytest.raises(ValueError, match=r"coffee\.jpg is also one of the inputs"),
    ):
        run(demo, [picture.parent], stream)
    assert picture.read_bytes() == data


def test_the_output_may_not_be_what_the_scan_decides_by(demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo, folder := tmp_path / "demo")
    policy = folder / "policy.toml"
    pointer = folder / "built" / "CURRENT"
    for output in (policy, pointer):
        data = output.read_bytes()
        with pytest.raises(ValueError, match="is also one of the inputs"):
            scan([folder / "images"], index=folder, policy=policy, output=output)
        assert output.read_bytes() == data


# What Python runs first in a worker process, before it opens the policy.
CHANGE_POLICY = """
import os, sys
if "multiprocessing" in str(sys.orig_argv):
    policy = os.environ["CHANGED_POLICY"]
    with open(policy) as file:
        text = file.read()
    with open(f"{policy}.{os.getpid()}", "w") as file:
        file.write(text + "\\n# changed\\n")
    os.replace(file.name, policy)
"""


def test_a_change_of_the_policy_under_way_is_an_error(
    demo: Path, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, site = Path(shutil.copytree(demo, tmp_path / "own")), tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(CHANGE_POLICY)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    monkeypatch.setenv("CHANGED_POLICY", str(own / "policy.toml"))
    with pytest.raises(HashmatchError, match="the index or policy changed while the scan"):
        run(own, [many], io.BytesIO(), workers=2)


SLOW_SCAN = """
import sys, time
from hashmatch.screener import Screener
from hashmatch.backlog import ScanInterrupted, scan

whole = Screener.screen_many
def slow(self, items, **options):
    time.sleep(0.1)
    return whole(self, items, **options)
Screener.screen_many = slow

if __name__ == "__main__":
    paths, demo, output, workers = sys.argv[1:]
    print("ready", flush=True)
    try:
        scan([paths], index=demo, policy=demo + "/policy.toml", output=output,
             workers=int(workers), on_progress=lambda progress: print("chunk", flush=True))
    except ScanInterrupted as stop:
        print(stop.n_done, stop.n_files)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_whole_rows_and_says_how_many(
    demo: Path, many: Path, tmp_path: Path, workers: int
) -> None:
    script, output = tmp_path / "slow.py", tmp_path / "rows.jsonl"
    script.write_text(SLOW_SCAN)
    whole = tmp_path / "whole.jsonl"
    run(demo, [many], whole)
    with subprocess.Popen(
        [sys.executable, script, many, demo, output, str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        assert process.stdout.readline() == "chunk\n"
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to workers too
        started_s = time.monotonic()
        said = process.stdout.read().split("\n")[-2]
        assert process.wait(30) == 0
        assert time.monotonic() - started_s < 20
        assert process.stderr.read() == ""
    data = output.read_bytes()
    n_done, n_files = map(int, said.split())
    assert n_files == whole.read_bytes().count(b"\n")
    assert 0 < n_done < n_files
    assert data.count(b"\n") == n_done
    assert whole.read_bytes().startswith(data)
    assert data.endswith(b"\n")


def test_interrupted_is_a_keyboard_interrupt() -> None:
    stop = ScanInterrupted(1234, 10_000, keeps_rows=True)
    assert isinstance(stop, KeyboardInterrupt)
    assert str(stop) == "1,234 of 10,000 rows were written"
