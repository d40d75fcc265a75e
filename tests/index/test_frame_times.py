"""Entries of several frames keep the time of each, whatever becomes of the index."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hashmatch.index import (
    Index,
    StorageOptions,
    add_list,
    build_index,
    compact_index,
    disable,
    enable,
    remove_entries,
    replace_list,
)
from hashmatch.lists import ListReading, vpdq_lines
from hashmatch.values import VideoHash
from tests.builders import stored_rows, write_recipe

Frame = tuple[str, str, float | None]
"""Entry id, hash in hex, time."""


def frames_of(entry_id: str, seed: int, n: int) -> list[Frame]:
    codes = np.random.default_rng(seed).integers(0, 256, (n, 32), dtype=np.uint8)
    return [(entry_id, code.tobytes().hex(), at * 0.75) for at, code in enumerate(codes)]


def write_csv(path: Path, frames: list[Frame]) -> Path:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["entry_id", "hash", "timestamp_s", "harm"])
        rows.writerows([one, digits, "" if t is None else t, "h"] for one, digits, t in frames)
    return path


def write_jsonl(path: Path, frames: list[Frame]) -> Path:
    keys = ("entry_id", "hash", "timestamp_s")
    path.write_text("".join(json.dumps(dict(zip(keys, one, strict=True))) + "\n" for one in frames))
    return path


def write_vpdq(path: Path, frames: list[Frame]) -> Path:
    codes = b"".join(bytes.fromhex(digits) for _, digits, _ in frames)
    n = len(frames)
    video = VideoHash(
        codes=np.frombuffer(codes, np.uint8).reshape(n, 32),
        qualities=np.full(n, 90),
        frames=np.arange(n),
        timestamps_s=np.array([time_s for _, _, time_s in frames]),
    )
    path.write_text("".join(vpdq_lines(video)))
    return path


def built(folder: Path, file: str, **keys: str) -> Path:
    write_recipe(folder, {"known": file}, harm='"h"', **keys)
    build_index(folder)
    return folder


def found(folder: Path) -> list[Frame]:
    """Return entry, hash and time of all that may match, in order of entry and time."""
    index = Index.open(folder, verify=True)
    zeros: NDArray[np.uint8] = np.zeros((1, 32), np.uint8)
    rows = np.sort(index.search("pdq", zeros, 256).ids)
    codes = [code.tobytes().hex() for code in index.codes("pdq")]
    ids = index.entry_ids("pdq", rows)
    times = index.entry_timestamps_s("pdq", rows)
    assert [row["timestamp_s"] for row in stored_rows(folder)] == times
    frames = list(zip(ids, codes, times, strict=True))
    return sorted(frames, key=lambda one: (one[0], one[2] is not None, one[2] or 0, one[1]))


CLIP = frames_of("clip", 1, 5)
OTHER = frames_of("other", 2, 4)
STILL: list[Frame] = [("still", "ab" * 32, None)]


@pytest.mark.parametrize("form", ["csv", "jsonl", "folder", "file"])
def test_every_form_gives_the_same_entries(tmp_path: Path, form: str) -> None:
    expected = [*CLIP, *OTHER]
    if form == "csv":
        file = write_csv(tmp_path / "a.csv", expected).name
    elif form == "jsonl":
        file = write_jsonl(tmp_path / "a.jsonl", expected).name
    elif form == "folder":
        file = "videos"
        (tmp_path / file).mkdir()
        write_vpdq(tmp_path / file / "clip.vpdq.txt", CLIP)
        write_vpdq(tmp_path / file / "other.txt", OTHER)
    else:
        file, expected = write_vpdq(tmp_path / "any.txt", CLIP).name, CLIP
    keys = {"entry_id": '"clip"'} if form == "file" else {}
    assert found(built(tmp_path, file, **keys)) == expected
    index = Index.open(tmp_path)
    described = index.describe()
    assert described["n_entries"] == len({one for one, _, _ in expected})
    assert described["lists"][0]["indexed"] == len(expected)


@pytest.mark.parametrize("with_still", [False, True])
def test_times_survive_every_change(tmp_path: Path, with_still: bool) -> None:
    still = STILL if with_still else []
    folder = built(tmp_path, write_csv(tmp_path / "a.csv", [*still, *CLIP]).name)
    assert found(folder) == [*CLIP, *still]
    add_list(folder, write_vpdq(tmp_path / "other.txt", OTHER))
    assert found(folder) == [*CLIP, *OTHER, *still]
    add_list(folder, write_csv(tmp_path / "late.csv", [("late", "cd" * 32, None)]))
    late: list[Frame] = [("late", "cd" * 32, None)]
    assert found(folder) == [*CLIP, *late, *OTHER, *still]
    disable(folder, "known", ["clip"])
    assert found(folder) == [*late, *OTHER, *still]
    compact_index(folder)
    assert found(folder) == [*late, *OTHER, *still]
    enable(folder, "known", ["clip"])
    assert found(folder) == [*CLIP, *late, *OTHER, *still]
    remove_entries(folder, "known", ["other"])
    compact_index(folder)
    assert found(folder) == [*CLIP, *late, *still]
    later = [(one, digits, float(n)) for n, (one, digits, _) in enumerate(CLIP)]
    report = replace_list(folder, write_csv(tmp_path / "new.csv", [*later, *OTHER]))
    assert report.counts is not None
    assert report.counts.removed == len(OTHER)  # the overrides keep it out
    assert found(folder) == later
    add_list(folder, write_vpdq(tmp_path / "other.txt", OTHER), return_removed=True)
    assert found(folder) == [*later, *OTHER]
    build_index(folder, discard_additions=True)
    assert found(folder) == [*CLIP, *still]


def test_a_hash_at_another_time_is_a_repetition_and_the_first_stays(tmp_path: Path) -> None:
    """A scene that stands still costs one row, and a withdrawn hash is gone at every time."""
    (one, digits, _), *rest = CLIP
    again = [(one, digits, 40.0), (one, digits, 41.0)]
    folder = built(tmp_path, write_csv(tmp_path / "a.csv", [*CLIP, *again]).name)
    assert found(folder) == CLIP
    counts = Index.open(folder).describe()["lists"][0]
    assert (counts["rows"], counts["indexed"], counts["duplicates"]) == (7, 5, 2)
    report = add_list(folder, write_csv(tmp_path / "more.csv", [*again, (one, "ef" * 32, 42.0)]))
    assert (report.n_added, report.n_removed) == (1, 0)
    assert found(folder) == [*CLIP, (one, "ef" * 32, 42.0)]
    (tmp_path / "gone.csv").write_text(f"entry_id,hash,status\n,{digits},withdrawn\n")
    add_list(folder, tmp_path / "gone.csv")
    assert found(folder) == [*rest, (one, "ef" * 32, 42.0)]


def test_the_recipe_says_how_good_a_frame_must_be(tmp_path: Path) -> None:
    folder = built(tmp_path, write_vpdq(tmp_path / "clip.txt", CLIP).name, min_quality="90")
    (tmp_path / "other.txt").write_text(
        "".join(
            f"{n},{quality},{digits},{time_s}\n"
            for (n, (_, digits, time_s)), quality in zip(
                enumerate(OTHER), (90, 89, 91, 0), strict=True
            )
        )
    )
    report = add_list(folder, tmp_path / "other.txt")
    assert report.counts is not None
    assert (report.counts.indexed, report.counts.ignored) == (2, 2)
    assert found(folder) == [*CLIP, OTHER[0], OTHER[2]]
    report = add_list(
        folder, tmp_path / "other.txt", reading=ListReading(min_quality=0, entry_id="renamed")
    )
    assert report.n_added == 4
    assert found(folder)[-4:] == [("renamed", *rest) for _, *rest in OTHER]
    # The recipe's key is for vPDQ text; a list in another form can be added all the same.
    add_list(folder, write_csv(tmp_path / "a.csv", STILL))
    assert STILL[0] in found(folder)


@pytest.mark.parametrize("batch_rows", [1, 3])
def test_any_number_of_batches(tmp_path: Path, batch_rows: int) -> None:
    options = StorageOptions(batch_rows=batch_rows, merged_codes=1)
    frames = [*CLIP, *STILL, *OTHER]
    folder = built(tmp_path, write_csv(tmp_path / "a.csv", [("x", "01" * 32, None)]).name)
    add_list(folder, write_csv(tmp_path / "b.csv", frames), options=options)
    expected: list[Frame] = [*CLIP, *OTHER, *STILL, ("x", "01" * 32, None)]
    assert found(folder) == expected
    compact_index(folder, options=options)
    assert found(folder) == expected
