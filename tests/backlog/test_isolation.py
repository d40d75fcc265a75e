"""Hashing and scanning in isolation: one bad file costs one row, and every other row stays."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hashmatch.backlog import HashedFile, hash_files, hash_many, scan
from hashmatch.cli import main
from hashmatch.errors import ErrorKind, HashmatchError
from hashmatch.screener import Screener, ScreeningOptions
from hashmatch.workers import Isolation
from tests.workers.processes import processes_of_session, wait_for

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

# Pillow as a child sees it: a comment in a JPEG tells its decoder what to do.
BAD_DECODER = """
import ctypes, os
from PIL import ImageFile

whole = ImageFile.ImageFile.load

def load(self):
    comment = self.info.get("comment")
    if comment == b"crash":
        ctypes.string_at(0)
    elif comment == b"abort":
        os.abort()
    elif comment == b"hang":
        ctypes.PyDLL(None).sleep(1000)
    elif comment == b"eat":
        held = []
        while True:
            held.append(bytearray(64 << 20))
    return whole(self)

ImageFile.ImageFile.load = load
"""
LIMITS = Isolation(time_s=2.0, memory_bytes=256 << 20)
REASONS = {
    "crash": "decoder crashed: SIGSEGV",
    "abort": "decoder crashed: SIGABRT",
    "hang": "timed out: more than 2 s",
    "eat": "out of memory while decoding JPEG: more than 256 MiB",
}
# The first, the last, neighbours, and on both sides of a chunk of 32.
BAD = {0: "crash", 31: "abort", 32: "eat", 40: "hang", 69: "crash"}
N_FILES = 70


@pytest.fixture
def bad_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give processes started from now on the bad decoder; this one keeps its own."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BAD_DECODER)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


def fill(folder: Path, demo: Path, bad: dict[int, str]) -> Path:
    folder.mkdir()
    uploads = sorted((demo / "uploads").glob("*.*"))
    for n in range(N_FILES):
        path = folder / f"{n:02}.jpg"
        if n in bad:
            with Image.open(uploads[n % 5]) as image:
                image.convert("RGB").save(path, "JPEG", subsampling=0, comment=bad[n].encode())
            # Of a sampling that only Pillow decodes, whose decoder is the bad one.
            plain, odd = (bytes((3, 1, factors, 0, 2)) for factors in (0x11, 0x14))
            path.write_bytes(path.read_bytes().replace(plain, odd, 1))
        else:
            path.symlink_to(uploads[n % len(uploads)])
    return folder


@pytest.fixture
def mixed(demo: Path, tmp_path: Path) -> Path:
    return fill(tmp_path / "mixed", demo, BAD)


def rows_of(
    demo: Path, folder: Path, output: Path, workers: int, isolation: Isolation | None
) -> list[dict[str, Any]]:
    policy = demo / "policy.toml"
    scan(
        [folder],
        index=demo,
        policy=policy,
        output=output,
        workers=workers,
        options=ScreeningOptions(isolation=isolation),
    )
    return [json.loads(line) for line in output.read_bytes().splitlines()]


@pytest.mark.usefixtures("bad_decoder")
def test_a_scan_goes_on(demo: Path, mixed: Path, tmp_path: Path) -> None:
    expected = rows_of(demo, mixed, tmp_path / "good.jsonl", 1, None)
    outputs = []
    for workers in (1, 2):
        output = tmp_path / f"{workers}.jsonl"
        rows = rows_of(demo, mixed, output, workers, LIMITS)
        outputs.append(output.read_bytes())
        assert len(rows) == N_FILES
        for n, (row, good) in enumerate(zip(rows, expected, strict=True)):
            assert row["content_id"] == good["content_id"]
            assert row["sha256"] == good["sha256"]
            if n in BAD:
                assert row["error"] == REASONS[BAD[n]]
                assert (row["queue"], row["hashes"], row["matches"]) == ("undecodable", [], [])
            else:
                assert row == good
    assert outputs[0] == outputs[1]


@pytest.mark.usefixtures("bad_decoder")
@pytest.mark.parametrize("workers", [3])
def test_hashing_goes_on(mixed: Path, workers: int) -> None:
    good = list(hash_files([mixed]))
    found = list(hash_files([mixed], workers=workers, isolation=LIMITS))
    for n, (row, expected) in enumerate(zip(found, good, strict=True)):
        assert row.path == expected.path
        if n in BAD:
            assert (row.hash, row.error) == (None, REASONS[BAD[n]])
        else:
            assert row == expected


@pytest.mark.usefixtures("bad_decoder")
def test_hash_many_sends_bytes_files_and_paths(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(mixed.iterdir())[:12]
    good = [(result.hash, result.error) for result in hash_many(paths)]
    expected = [(None, REASONS[BAD[n]]) if n in BAD else one for n, one in enumerate(good)]
    monkeypatch.chdir(tmp_path)
    with (mixed / "03.jpg").open("rb") as file:
        sources: list[Any] = [path.read_bytes() for path in paths]
        sources[3], sources[5] = file, paths[5].relative_to(tmp_path)
        found = [(result.hash, result.error) for result in hash_many(sources, isolation=LIMITS)]
    assert found == expected


def test_every_format_is_decoded_in_isolation(demo: Path, tmp_path: Path) -> None:
    """Nothing that a decoder needs is withheld from it."""
    pillow_heif = pytest.importorskip("pillow_heif")
    jxl = pytest.importorskip("pillow_jxl")
    assert jxl
    pillow_heif.register_heif_opener()
    with Image.open(demo / "images" / "cat.jpg") as image:
        picture = image.convert("RGB").resize((320, 240))
    kinds: dict[str, dict[str, Any]] = {
        "jpg": {"progressive": True}, "png": {}, "gif": {}, "webp": {}, "bmp": {},
        "tif": {"compression": "tiff_lzw"}, "avif": {}, "heic": {}, "jxl": {},
    }  # fmt: skip
    for suffix, options in kinds.items():
        picture.save(tmp_path / f"one.{suffix}", **options)
        if suffix in {"gif", "webp", "png", "tif", "avif"}:
            others = [picture.rotate(90), picture.rotate(180)]
            path = tmp_path / f"several.{suffix}"
            picture.save(path, save_all=True, append_images=others, **options)
    policy, isolation = demo / "policy.toml", Isolation(memory_bytes=512 << 20)
    plain = Screener.open(demo, policy)
    items = sorted(tmp_path.iterdir())
    isolated = Screener.open(demo, policy, options=ScreeningOptions(isolation=isolation))
    expected, found = plain.screen_many(items), isolated.screen_many(items)
    isolated.close()
    assert len(items) == len(kinds) + 5
    for one, other in zip(expected, found, strict=True):
        assert other == one
        assert (one.error, one.n_matches > 0) == (None, True)


def test_pixels_need_no_decoder(demo: Path) -> None:
    with Image.open(demo / "images" / "cat.jpg") as image:
        found = hash_many([demo / "images" / "cat.jpg", image], isolation=LIMITS, workers=1)
        with pytest.raises(TypeError, match="needs no decoder"):
            list(found)


def test_too_little_memory_is_never_called_damage(demo: Path) -> None:
    paths = sorted((demo / "images").iterdir())[:4]
    good = list(hash_many(paths))
    for memory_bytes in (1 << 18, 1 << 20):
        found = hash_many(paths, isolation=Isolation(memory_bytes=memory_bytes))
        for result, expected in zip(found, good, strict=True):
            if result != expected:
                assert result.error_kind is ErrorKind.MEMORY
                limit = f": more than {memory_bytes / (1 << 20):g} MiB"
                assert (result.error or "").endswith(limit)


def test_on_the_command_line(demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cut = str(demo / "uploads" / "rocket-truncated.jpg")
    for args in (["--time-limit", "3"], ["--memory-limit", "100"]):
        assert main(["hash", cut, *args]) == 2
        assert f"{args[0]}: needs --isolate" in capfd.readouterr().err
    assert main(["hash", cut, "--isolate"]) == 1
    error = "truncated JPEG: 63% of the pixels were decoded"
    assert capfd.readouterr().out.endswith(f",{error}\n")
    assert main(["hash", cut, "--isolate", "--memory-limit", "1", "--no-isolate"]) == 2
    assert "--memory-limit: needs --isolate" in capfd.readouterr().err
    policy, output = str(demo / "policy.toml"), tmp_path / "rows.jsonl"
    command = ["scan", cut, "--index", str(demo), "--policy", policy, "-o", str(output)]
    for options in (["--isolate", "--memory-limit", "500"], ["--no-isolate"], []):
        assert main([*command, *options]) == 0
        assert json.loads(output.read_bytes())["error"] == error
    capfd.readouterr()


@pytest.mark.usefixtures("bad_decoder")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_leaves_whole_rows_and_nobody_behind(
    demo: Path, tmp_path: Path, workers: str
) -> None:
    folder = fill(tmp_path / "hanging", demo, {40: "hang"})
    output, whole = tmp_path / "rows.jsonl", tmp_path / "whole.jsonl"
    rows_of(demo, folder, whole, 1, None)
    options = ["--index", demo, "-o", output, "--policy", demo / "policy.toml"]
    options += ["--workers", workers, "--isolate"]
    command = [sys.executable, "-m", "hashmatch.cli", "scan", str(folder), *map(str, options)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:  # 40.jpg hangs for 30 s
        wait_for(lambda: output.exists() and output.stat().st_size, 60)
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(20) == 1
    assert said.startswith("hashmatch: interrupted: 32 of 70 rows are in")
    assert said.count("\n") == 1
    data = output.read_bytes()
    assert whole.read_bytes().startswith(data)
    assert data.count(b"\n") == 32
    wait_for(lambda: not processes_of_session(process.pid))


@pytest.mark.usefixtures("bad_decoder")
def test_a_crash_without_isolation_names_the_files_in_flight(demo: Path, tmp_path: Path) -> None:
    folder = fill(tmp_path / "crashing", demo, {40: "crash"})
    whole, output = tmp_path / "whole.jsonl", tmp_path / "rows.jsonl"
    rows_of(demo, folder, whole, 1, None)
    message = (
        rf"^a worker process died \(SIGSEGV\) while processing files 33-64 of 70 "
        rf"\({folder}/32.jpg to {folder}/63.jpg\); the rows of the first 32 files are complete; "
        "run with --isolate to find the file$"
    )
    with pytest.raises(HashmatchError, match=message):
        rows_of(demo, folder, output, 2, None)
    data = output.read_bytes()
    assert data.count(b"\n") == 32
    assert whole.read_bytes().startswith(data)
    more = fill(tmp_path / "more", demo, {})
    rows: list[HashedFile] = []
    with pytest.raises(
        HashmatchError, match=r"died \(SIGSEGV\) while processing files 1-128 of 140"
    ):
        rows.extend(hash_files([folder, more], workers=8))
    assert rows == []
