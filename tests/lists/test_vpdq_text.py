"""vPDQ text: what is written reads as the same; what is malformed is refused by row, unquoted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.errors import HashListError
from hashmatch.lists import ListReading, read_list, read_vpdq, vpdq_lines
from hashmatch.values import VideoHash

HEX = "0123456789abcdef" * 4
GOOD = f"0,100,{HEX},0.000\n3,50,{HEX},0.100\n"


@given(
    times=st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=9).map(sorted),
    seed=st.integers(0, 2**32 - 1),
)
def test_written_reads_as_the_same(
    tmp_path_factory: pytest.TempPathFactory, times: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n = len(times)
    times = [0.0 if time < 1e-9 else time for time in times]
    video = VideoHash(
        codes=rng.integers(0, 256, (n, 32), dtype=np.uint8),
        qualities=rng.integers(0, 101, n, np.int16),
        frames=np.cumsum(rng.integers(1, 99, n)),
        timestamps_s=np.array(times),
    )
    path = tmp_path_factory.getbasetemp() / "video.vpdq.txt"
    path.write_text("".join(vpdq_lines(video)))
    assert read_vpdq(path) == video


@pytest.mark.corpus
def test_the_files_of_vpdq_are_written_again_byte_for_byte(corpus: Path) -> None:
    paths = sorted((corpus / "video").glob("*.vpdq.txt"))
    assert paths
    for path in paths:
        lines = path.read_text().splitlines()
        video = read_vpdq(path)
        assert "\n".join(lines) + "\n" == "".join(vpdq_lines(video))
        assert len(video) == len(lines)


def test_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(GOOD.replace("\n", "\r\n") + "\n")
    video = read_vpdq(path)
    assert video.codes[0].tobytes().hex() == HEX
    assert video.qualities.tolist() == [100, 50]
    assert video.frames.tolist() == [0, 3]
    assert video.timestamps_s.tolist() == [0, 0.1]
    assert video.error is None


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    for name, mark in (("plain.txt", ""), ("marked.txt", "\ufeff")):
        (tmp_path / name).write_text(mark + GOOD, encoding="utf-8")
    plain, marked = tmp_path / "plain.txt", tmp_path / "marked.txt"
    assert read_vpdq(marked) == read_vpdq(plain)
    reading = ListReading(harm="h", entry_id="a")
    assert read_list(marked, reading).table.equals(read_list(plain, reading).table)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f"4,101,{HEX},0.2", "expected frame,quality,64 hex digits,seconds"),
        (f"4,50,{HEX[1:]},0.2", "expected frame"),
        (f"4,50,{HEX[1:]}x,0.2", "expected frame"),
        (f"4,50,{HEX}", "expected frame"),
        (f"4,50,{HEX},0.2,1", "expected frame"),
        (f"4,50,{HEX},nan", "expected frame"),
        (f"4,50,{HEX},-1", "expected frame"),
        (f"4,50,{HEX},1e3", "expected frame"),
        (f"-4,50,{HEX},1", "expected frame"),
        (f"٤,50,{HEX},1", "expected frame"),
        (f"4 ,50,{HEX},1", "expected frame"),
        (f"3,50,{HEX},1", "frame numbers must increase"),
        (f"4,50,{HEX},0.05", "time runs backward"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"{GOOD}\n{line}\n")
    with pytest.raises(HashListError) as caught:
        read_vpdq(path)
    assert str(caught.value).startswith(f"{path} row 4: {problem}")
    assert HEX[1:40] not in str(caught.value)


def test_no_file_and_no_frame(tmp_path: Path) -> None:
    with pytest.raises(HashListError, match="cannot be read: No such file"):
        read_vpdq(tmp_path / "absent.txt")
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(HashListError, match="it has no frames"):
        read_vpdq(tmp_path / "empty.txt")


@pytest.mark.parametrize(
    "wrong",
    [
        {"codes": np.zeros((2, 8), np.uint8)},
        {"qualities": [1]},
        {"qualities": [1, 101]},
        {"frames": [1, 1]},
        {"frames": [-1, 1]},
        {"timestamps_s": [0.2, 0.1]},
        {"timestamps_s": [0.2, math.inf]},
        {"timestamps_s": [-0.1, 0.1]},
    ],
)
def test_a_video_hash_that_cannot_be(wrong: dict[str, Any]) -> None:
    sound: dict[str, Any] = {
        "codes": np.zeros((2, 32), np.uint8),
        "qualities": [0, 100],
        "frames": [0, 2],
        "timestamps_s": [0.0, 0.0],
    }
    assert not VideoHash(**sound).codes.flags.writeable
    assert VideoHash(**sound) != VideoHash(**sound, error="cut")
    with pytest.raises(ValueError, match="must"):
        VideoHash(**(sound | wrong))
