"""Bulk hashes, against pdqhash and against each source hashed by itself."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pdqhash
import pytest
from PIL import Image, ImageFile

from hashmatch.backlog import HashedFile, HashResult, hash_files, hash_many
from hashmatch.decode import DecodeLimits
from hashmatch.errors import DecodeError, ErrorKind
from hashmatch.fingerprint import digests, hash_image, hash_segments
from hashmatch.values import Hash
from hashmatch.workers import Isolation


@pytest.mark.parametrize("workers", [1, 2])
def test_every_file_is_hashed_as_the_reference_does(demo: Path, workers: int) -> None:
    rows = list(hash_files([demo / "uploads", demo / "images"], workers=workers))
    assert [row.path for row in rows] == sorted(row.path for row in rows)
    assert len(rows) == 26 + 17
    for row in rows:
        if row.error is not None:
            assert Path(row.path).name in {"empty.jpg", "rocket-truncated.jpg", "text-file.jpg"}
            assert (row.hash, row.quality) == (None, None)
            continue
        with Image.open(row.path) as image:
            bits, quality = pdqhash.compute(np.asarray(image.convert("RGB")))
        assert row == HashedFile(row.path, "pdq", np.packbits(bits).tobytes().hex(), quality, None)


def test_mistakes_are_errors_at_once(demo: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hash_files([demo / "absent"])
    with pytest.raises(ValueError, match="photodna"):
        hash_files([demo / "uploads"], algorithm="photodna")
    with pytest.raises(ValueError, match="fast"):
        hash_files([demo / "uploads"], decode="fast")


def test_running_out_of_memory_is_a_row(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhaust_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", exhaust_memory)
    (row,) = hash_files([demo / "uploads" / "blank.png"])
    assert row.error == "out of memory while decoding PNG"
    (result,) = hash_many([demo / "uploads" / "blank.png"])
    assert result.error_kind is ErrorKind.MEMORY


def sources_of(demo: Path) -> list[Any]:
    paths = sorted((demo / "uploads").rglob("*.*"))
    with Image.open(paths[3]) as image:
        picture = image.convert("RGB")
    return [*paths, paths[0].read_bytes(), picture, np.asarray(picture), str(paths[5]), b"no image"]


@pytest.mark.parametrize("workers", [1, 3])
def test_many_sources_are_each_source_in_order(demo: Path, workers: int) -> None:
    sources = sources_of(demo)
    with sources[4].open("rb") as file:
        found = list(hash_many([*sources, file], workers=workers))
    assert len(found) == len(sources) + 1
    for source, result in zip([*sources, sources[4]], found, strict=True):
        try:
            expected = HashResult(hash_image(source), None)
        except DecodeError as error:
            expected = HashResult(None, str(error).removeprefix(f"{source}: "), error.kind)
        assert result == expected
    assert found[len(sources) - 1].error is not None


@pytest.mark.parametrize("workers", [1, 2])
def test_sources_may_be_endless(demo: Path, workers: int) -> None:
    n_read = 0

    def endless() -> Iterator[Path]:
        nonlocal n_read
        while True:
            n_read += 1
            yield demo / "images" / "cat.jpg"

    found = hash_many(endless(), workers=workers)
    first = [next(found) for _ in range(50)]
    assert len(set(first)) == 1
    assert n_read <= 50 + 16 * workers
    found.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_source_of_a_wrong_type_is_raised_in_its_place(demo: Path, workers: int) -> None:
    found = hash_many([demo / "images" / "cat.jpg"] * 20 + [3], workers=workers)  # type: ignore[list-item]
    good: list[HashResult] = []
    with pytest.raises(TypeError, match="cannot hash int"):
        good.extend(found)
    assert len(good) == 20


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithm": "md55"},
        {"decode": "fast"},
        {"workers": 0},
        {"workers": -1},
    ],
)
def test_wrong_arguments_of_hash_many_are_found_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"md55|fast|at least 1"):
        hash_many([], **wrong)


def test_limits_are_kept(demo: Path) -> None:
    (result,) = hash_many([demo / "images" / "cat.jpg"], limits=DecodeLimits(max_pixels=100))
    assert (result.error or "").startswith("too many pixels")


def test_a_folder_that_cannot_be_listed_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    for isolation in (None, Isolation()):
        (row,) = hash_files([tmp_path], isolation=isolation)
        error = "cannot list the folder: Permission denied"
        assert row == HashedFile(str(tmp_path), "pdq", None, None, error)


def test_many_workers_are_processes_of_several_threads(demo: Path, tmp_path: Path) -> None:
    for copy in range(6):
        for path in (demo / "uploads").rglob("*.*"):
            (tmp_path / f"{copy}-{path.name}").symlink_to(path)
    assert list(hash_files([tmp_path], workers=7)) == list(hash_files([tmp_path]))


@pytest.mark.parametrize("algorithm", ["phash", "crop-resistant", "md5"])
@pytest.mark.parametrize("is_isolated", [False, True])
def test_every_algorithm_gives_the_hashes_of_each_file(
    demo: Path, algorithm: str, *, is_isolated: bool
) -> None:
    paths = [*sorted((demo / "images").iterdir())[:4], demo / "uploads" / "text-file.jpg"]
    paths += [demo / "uploads" / "empty.jpg"]
    expected: list[HashedFile] = []
    for path in map(str, paths):
        try:
            if algorithm == "md5":
                hashes: tuple[Hash, ...] = (digests(path)["md5"],)
            elif algorithm == "crop-resistant":
                hashes = hash_segments(path)
            else:
                hashes = (hash_image(path, algorithm),)
        except DecodeError as error:
            reason = str(error).removeprefix(f"{path}: ")
            expected.append(HashedFile(path, algorithm, None, None, reason))
        else:
            expected += [HashedFile(path, algorithm, one.hex, one.quality, None) for one in hashes]
    isolation = Isolation() if is_isolated else None
    for workers in (1, 3) if is_isolated else (1, 3, 7):
        found = hash_files(paths, algorithm=algorithm, workers=workers, isolation=isolation)
        assert list(found) == sorted(expected, key=lambda row: row.path)


def test_many_digests(demo: Path) -> None:
    large = demo / "uploads" / "coffee-exact-copy.jpg"
    sources: list[Path | bytes] = [large, b"no picture", b"", demo / "absent"]
    found = list(hash_many(sources, algorithm="sha256", limits=DecodeLimits(max_bytes=9)))
    assert [result.hash for result in found[:3]] == [digests(one)["sha256"] for one in sources[:3]]
    assert (found[3].hash, found[3].error) == (None, "no such file")


def test_hash_many_refuses_hashes_of_segments() -> None:
    with pytest.raises(ValueError, match="hash_segments"):
        hash_many([], algorithm="crop-resistant")
