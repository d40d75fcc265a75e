"""Saving and opening: round trips, mapping, descriptors, atomic replacement, permissions."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex

Codes = NDArray[np.uint8]

RNG = np.random.default_rng(3)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def random_codes(n: int, n_bytes: int = 32) -> Codes:
    return RNG.integers(0, 256, (n, n_bytes), dtype=np.uint8)


def answers(index: HammingIndex, queries: Codes, radius: int) -> list[Any]:
    """Return everything an index finds, as plain lists."""
    found: list[Any] = [*index.search(queries, radius), *index.nearest(queries, 3)]
    return [array.tolist() for array in [*found, *index.join(radius)]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list.hmi"


@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 127, 128, 129, 2047, 2048, 2049])
@pytest.mark.parametrize("n_bytes", [8, 9, 16, 32, 64])
@pytest.mark.parametrize("with_ids", [False, True])
def test_an_opened_index_answers_like_the_one_saved(
    path: Path, n: int, n_bytes: int, with_ids: bool
) -> None:
    codes = random_codes(n, n_bytes)
    ids = RNG.permutation(3 * n)[:n] - n if with_ids else None
    built = HammingIndex.build(codes, ids, algorithm="pdq" if with_ids else None)
    built.save(path)
    opened = HammingIndex.open(path, verify=True)
    opened.verify()
    assert (len(opened), opened.bits, opened.algorithm) == (n, 8 * n_bytes, built.algorithm)
    queries = np.concatenate([codes[:5], random_codes(2, n_bytes)])
    assert answers(opened, queries, n_bytes) == answers(built, queries, n_bytes)
    everyone = opened.search(codes, 0)  # every code finds itself, also the only one
    assert everyone.ids.tolist() == (list(range(n)) if ids is None else ids.tolist())


@pytest.mark.parametrize("n", [1, 5, 63, 65, 127])
@pytest.mark.parametrize("n_bytes", [16, 32])
def test_the_zeros_that_fill_up_a_file_are_not_codes(path: Path, n: int, n_bytes: int) -> None:
    HammingIndex.build(np.full((n, n_bytes), 0xFF, dtype=np.uint8)).save(path)
    index, zeros = HammingIndex.open(path), np.zeros((5, n_bytes), dtype=np.uint8)
    for radius in (0, n_bytes - 1, 8 * n_bytes - 1):
        assert len(index.search(zeros, radius).ids) == 0
        assert len(index.search(zeros[:1], radius).ids) == 0
    assert index.nearest(zeros, n)[1].min() == 8 * n_bytes


def test_a_large_index_answers_alike_after_a_round_trip(path: Path) -> None:
    codes = random_codes(40_000)
    codes[20_000:20_400] = codes[7]
    queries = codes[[7, 30_000, 39_999]].copy()
    queries[:, 3] ^= 0x0F
    built = HammingIndex.build(codes)
    built.save(path)
    assert answers(HammingIndex.open(path, verify=True), queries, 31) == answers(built, queries, 31)


def test_verify_finds_damage_after_opening_and_needs_no_file_for_a_built_index(path: Path) -> None:
    built = HammingIndex.build(random_codes(3))
    before = answers(built, built.codes, 9)
    built.verify()
    assert answers(built, built.codes, 9) == before
    built.save(path)
    opened = HammingIndex.open(path)
    opened.verify()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes([opened.codes[0, 0] ^ 1]))
    with pytest.raises(IndexFormatError, match="section codes is damaged"):
        opened.verify()
    built.verify()


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_may_be_text(path: Path, kind: Any) -> None:
    HammingIndex.build(random_codes(3)).save(kind(path))
    assert len(HammingIndex.open(kind(path))) == 3


def test_paths_may_be_relative(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    HammingIndex.build(random_codes(3)).save("list.hmi")
    assert len(HammingIndex.open("list.hmi")) == 3


def test_the_same_index_gives_the_same_bytes(tmp_path: Path) -> None:
    codes, ids = random_codes(300), RNG.permutation(300)
    paths = [tmp_path / name for name in ("a", "b", "c")]
    HammingIndex.build(codes, ids, algorithm="pdq").save(paths[0])
    HammingIndex.build(np.asfortranarray(codes), ids.astype(np.int16), algorithm="pdq").save(
        paths[1]
    )
    HammingIndex.open(paths[0]).save(paths[2])
    first, *others = [path.read_bytes() for path in paths]
    assert others == [first, first]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277, 0o777])
def test_only_the_owner_may_read(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        HammingIndex.build(random_codes(3)).save(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_replacing_a_file_tightens_its_permissions(path: Path) -> None:
    path.write_bytes(b"old")
    path.chmod(0o644)
    HammingIndex.build(random_codes(3)).save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_open_index_keeps_the_file_it_opened(path: Path) -> None:
    old, new = random_codes(100), random_codes(50)
    HammingIndex.build(old).save(path)
    opened = HammingIndex.open(path)
    HammingIndex.build(new).save(path)
    assert len(HammingIndex.open(path)) == 50
    path.unlink()
    assert opened.search(old, 0).ids.tolist() == list(range(100))
    opened.save(path)
    assert HammingIndex.open(path, verify=True).search(old, 0).ids.tolist() == list(range(100))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_opening_reads_the_header_only(path: Path) -> None:
    HammingIndex.build(np.zeros((500_000, 64), dtype=np.uint8)).save(path)
    assert path.stat().st_size > 32e6

    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident_bytes()
    index = HammingIndex.open(path)
    assert resident_bytes() - before < 4e6
    assert len(index) == 500_000


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_thousands_of_indexes_are_open_at_once_with_few_descriptors(tmp_path: Path) -> None:
    code = f"""
import resource
from pathlib import Path
import numpy as np
from hashmatch.hamming import HammingIndex
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
folder = Path({str(tmp_path)!r})
code = np.arange(32, dtype=np.uint8)[None]
HammingIndex.build(code, [7]).save(folder / "first")
content = (folder / "first").read_bytes()
opened = []
for number in range(2000):
    (folder / str(number)).write_bytes(content)
    opened.append(HammingIndex.open(folder / str(number)))
assert len(list(Path("/proc/self/fd").iterdir())) < 20
assert Path("/proc/self/maps").read_text().count(str(folder)) == 2000
assert all(index.search(code, 0).ids.tolist() == [7] for index in opened)
for index in opened[::100]:
    index.verify()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Died(BaseException):
    """An exception that no handler expects."""


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt(), Died()])
@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_save_that_fails_leaves_everything_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException, existing: bool
) -> None:
    if existing:
        HammingIndex.build(random_codes(7)).save(path)
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(step, fail)
    with pytest.raises(type(error)):
        HammingIndex.build(random_codes(9)).save(path)
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_a_killed_save_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    old = random_codes(7)
    HammingIndex.build(old).save(path)
    before = path.read_bytes()
    bigger = HammingIndex.build(random_codes(900))
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(step, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            bigger.save(path)
        finally:
            os._exit(1)  # not reached
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert path.read_bytes() == before
    bigger.save(path)
    assert len(HammingIndex.open(path, verify=True)) == 900


def test_the_bytes_are_synced_before_they_get_their_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def recorded_fsync(descriptor: int) -> None:
        mode = os.fstat(descriptor).st_mode
        steps.append("sync folder" if stat.S_ISDIR(mode) else "sync file")
        fsync(descriptor)

    def recorded_replace(source: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    HammingIndex.build(random_codes(7)).save(path)
    assert steps == ["sync file", "rename", "sync folder"]


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        HammingIndex.build(random_codes(1)).save(tmp_path / "no" / "list.hmi")
    with pytest.raises(FileNotFoundError):
        HammingIndex.open(tmp_path / "no" / "list.hmi")


def test_a_directory_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        HammingIndex.open(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        HammingIndex.build(random_codes(1)).save(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_name_as_long_as_the_system_allows_can_be_saved(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    HammingIndex.build(random_codes(1)).save(path)
    assert len(HammingIndex.open(path)) == 1


@pytest.mark.parametrize("algorithm", [5, b"pdq", ["pdq"], object()])
def test_an_algorithm_is_a_name(algorithm: Any) -> None:
    with pytest.raises(ValueError, match="algorithm must be a string"):
        HammingIndex.build(random_codes(1), algorithm=algorithm)


def test_what_is_saved_can_be_opened_or_is_not_saved(path: Path) -> None:
    with pytest.raises(ValueError, match="algorithm"):
        HammingIndex.build(random_codes(1), algorithm="x" * (1 << 20)).save(path)
    assert not path.exists()


def test_damage_is_not_saved_under_fresh_checksums(tmp_path: Path) -> None:
    path, copy = tmp_path / "list.hmi", tmp_path / "copy.hmi"
    HammingIndex.build(random_codes(100)).save(path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0x10]))
    damaged = HammingIndex.open(path)
    with pytest.raises(IndexFormatError, match=r"list\.hmi: section \w+ is damaged"):
        damaged.save(copy)
    assert not copy.exists()
