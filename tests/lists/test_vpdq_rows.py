"""vPDQ text as a list: the same entries as through CSV; what is refused names the file and row."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hashmatch.errors import HashListError
from hashmatch.lists import HashList, ListReading, read_list, read_vpdq, vpdq_lines
from hashmatch.lists.formats.vpdq import VPDQ
from hashmatch.values import VideoHash


def video_of(seed: int, qualities: list[int]) -> VideoHash:
    n = len(qualities)
    times_s: Any = np.arange(n) * 1.001
    return VideoHash(
        codes=np.random.default_rng(seed).integers(0, 256, (n, 32), dtype=np.uint8),
        qualities=np.array(qualities),
        frames=np.arange(n) * 30,
        timestamps_s=times_s,
    )


def write(path: Path, video: VideoHash) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(vpdq_lines(video)))
    return path


def read(path: Path, **options: Any) -> HashList:
    return read_list(path, ListReading(**{"harm": "h", **options}))


@pytest.mark.parametrize("least", [None, 0, 50, 51, 100])
def test_the_same_as_through_csv(tmp_path: Path, least: int | None) -> None:
    qualities = [0, 100, 50, 49, 51, 100]
    video = video_of(1, qualities)
    path = write(tmp_path / "clip-7.vpdq.txt", video)
    with (tmp_path / "same.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["entry_id", "hash", "quality", "timestamp_s", "media_type"])
        for code, quality, time_s in zip(
            video.codes, qualities, video.timestamps_s.tolist(), strict=True
        ):
            if quality >= (50 if least is None else least):
                rows.writerow(["clip-7", code.tobytes().hex(), quality, time_s, "video"])
    found, expected = read(path, min_quality=least), read(tmp_path / "same.csv")
    own = ["row_number", "record"]
    assert found.table.drop_columns(own).equals(expected.table.drop_columns(own))
    assert found.n_ignored == 6 - expected.table.num_rows
    kept = [n for n, q in enumerate(qualities, start=1) if q >= (50 if least is None else least)]
    assert found.table["row_number"].to_pylist() == kept
    records = [json.loads(str(record)) for record in found.table["record"].to_pylist()]
    lines = path.read_text().splitlines()
    assert [",".join(record.values()) for record in records] == [lines[n - 1] for n in kept]


def test_ids_are_those_of_the_files_unless_one_is_stated(tmp_path: Path) -> None:
    names = {
        "a.txt": "a",
        "a.b.TXT": "a.b",
        "case 42.vpdq.txt": "case 42",
        "x.VPDQ.txt": "x",
        "é.txt": "é",
    }
    for name, entry_id in names.items():
        assert VPDQ.entry_id_of(name) == entry_id
        path = write(tmp_path / name, video_of(2, [90, 90]))
        assert read(path).table["entry_id"].to_pylist() == [entry_id] * 2
        assert read(path, entry_id=" other ").table["entry_id"].to_pylist() == ["other"] * 2


def test_a_folder_is_a_list_of_videos(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    for number in (10, 9, 1):
        write(folder / f"v-{number}.vpdq.txt", video_of(number, [80, 10, 80]))
    (folder / ".hidden").write_text("not looked at")
    got = read(folder)
    assert got.table["entry_id"].to_pylist() == [f"v-{n}" for n in (1, 10, 9) for _ in range(2)]
    assert got.n_ignored == 3
    for number in (1, 9, 10):
        alone = read(folder / f"v-{number}.vpdq.txt").table
        mask = np.array(got.table["entry_id"].to_pylist()) == f"v-{number}"
        assert got.table.filter(mask).equals(alone)


@pytest.mark.corpus
def test_the_files_of_vpdq_are_a_list(corpus: Path, tmp_path: Path) -> None:
    paths = sorted((corpus / "video").glob("*.vpdq.txt"))
    for path in paths:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    table = read(tmp_path).table
    for path in paths:
        video = read_vpdq(path)
        good = video.qualities >= 50
        mask = np.array(table["entry_id"].to_pylist()) == path.name.removesuffix(".vpdq.txt")
        own = table.filter(mask)
        assert own["code"].to_pylist() == [code.tobytes() for code in video.codes[good]]
        assert own["timestamp_s"].to_pylist() == video.timestamps_s[good].tolist()


HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "a.txt: it has no frames"),
        (f"0,100,{HEX}\n", {}, "a.txt row 1: expected frame,quality,64 hex digits,seconds"),
        (f"\n0,100,{HEX[1:]},0\n", {}, "a.txt row 2: expected frame,quality"),
        (f"1,100,{HEX},1\n1,100,{HEX},2\n", {}, "a.txt row 2: frame numbers must increase"),
        (f"1,100,{HEX},1\n2,100,{HEX},0.5\n", {}, "a.txt row 2: time runs backward"),
        (f"0,49,{HEX},0\n", {}, "a.txt: no frame of quality 50 or more; leave the video out"),
        (f"0,49,{HEX},0\n", {"harm": None}, "a.txt: no frame of quality 50"),
        (f"0,50,{HEX},0\n", {"harm": None}, "a.txt row 1, column harm: empty; name it there"),
    ],
)
def test_what_is_no_such_text_is_refused(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(HashListError) as caught:
        read(tmp_path / "a.txt", **options)
    assert message in str(caught.value)
    assert HEX not in str(caught.value)


def test_folders_that_are_no_list_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    write(folder / "a.txt", video_of(1, [80]))
    with pytest.raises(HashListError, match="entry_id names one entry, and this is a folder"):
        read(folder, entry_id="a")
    write(folder / "a.vpdq.txt", video_of(2, [80]))
    with pytest.raises(HashListError, match=r"vpdq\.txt: a\.txt has the same entry id; keep one"):
        read(folder)
    (folder / "a.vpdq.txt").unlink()
    write(folder / "b.txt", video_of(2, [8]))
    with pytest.raises(HashListError, match=r"b\.txt: no frame of quality 50"):
        read(folder)
    (folder / "b.txt").rename(folder / "b.csv")
    with pytest.raises(HashListError, match=r"b\.csv: a folder can only be a list of vpdq"):
        read(folder)
    (folder / "b.csv").unlink()
    (folder / "c.txt").mkdir()
    with pytest.raises(HashListError, match=r"c\.txt: not a regular file"):
        read(folder)


def test_keys_of_videos_are_for_videos(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"entry_id,hash\na,{HEX}\n")
    with pytest.raises(HashListError, match=r"a\.csv: entry_id is for files of one entry"):
        read(tmp_path / "a.csv", entry_id="a")
    with pytest.raises(HashListError, match=r"a\.csv: min_quality is .* and this is csv"):
        read(tmp_path / "a.csv", min_quality=50)
    with pytest.raises(ValueError, match="min_quality must be from 0 to 100, not 101"):
        read(tmp_path / "a.txt", min_quality=101)


def test_a_name_that_is_not_utf_8_needs_an_id(tmp_path: Path) -> None:
    path = tmp_path / b"n\xe4me.txt".decode("utf-8", "surrogateescape")
    write(path, video_of(1, [80]))
    with pytest.raises(HashListError, match="its name is not UTF-8"):
        read(path)
    assert read(path, entry_id="name").table["entry_id"].to_pylist() == ["name"]
