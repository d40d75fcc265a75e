"""Hashes of files in bulk, against pdqhash."""

from pathlib import Path

import numpy as np
import pdqhash
import pytest
from PIL import Image

from hashmatch.scan import HashedFile, hash_files


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


def test_mistakes_are_found_at_once(demo: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hash_files([demo / "absent"])
    with pytest.raises(ValueError, match="md5"):
        hash_files([demo / "uploads"], algorithm="md5")
    with pytest.raises(ValueError, match="fast"):
        hash_files([demo / "uploads"], decode="fast")


def test_want_of_memory_is_a_row(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def starved(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("hashmatch.scan.hashes.hash_image", starved)
    (row,) = hash_files([demo / "uploads" / "blank.png"])
    assert row.error == "out of memory"
