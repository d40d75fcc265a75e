"""Pictures and an index for `benchmarks.compare_hashing`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashmatch import hash_image
from hashmatch.index import build_index

ONE_IN = 100
_TILE_PX = (500, 375)
_RULES = """
version = "1"
mode = "enforce"
default = "allow"
on_error = { action = "review", queue = "undecodable" }
[[rules]]
name = "known"
when = { harm = "spam", max_distance = 31 }
action = "review"
queue = "spam"
priority = "low"
"""


def photo_paths() -> list[Path]:
    """Return the photos of the corpus that have a luma plane, sorted."""
    folder = Path(os.environ["HASHMATCH_TEST_CORPUS"]) / "photos"
    return sorted(path for path in folder.iterdir() if path.is_file())


def listed_photos() -> list[Path]:
    """Return a multiple of 100 photos, so that exactly 1% can be listed."""
    paths = photo_paths()
    return paths[: len(paths) // ONE_IN * ONE_IN]


def textured_luma(side_px: int) -> NDArray[np.uint8]:
    """Return a picture with detail at many scales, whose rounding never needs settling."""
    rng = np.random.default_rng(20261122)
    picture = np.zeros((side_px, side_px))
    for step_px in (2, 4, 8, 16, 32, 64, 128):
        n = side_px // step_px
        picture += np.kron(rng.normal(0, 6 + step_px / 4, (n, n)), np.ones((step_px, step_px)))
    return (picture + 128).clip(0, 255).astype(np.uint8)


def make_index(folder: Path, paths: Sequence[Path], n_unrelated: int) -> Path:
    """Build an index of every hundredth photo and `n_unrelated` random codes."""
    codes = np.random.default_rng(1).integers(0, 256, (n_unrelated, 32), dtype=np.uint8)
    listed = [hash_image(path).hex for path in dict.fromkeys(paths[::ONE_IN])]
    rows = [f"{code},{n}" for n, code in enumerate(listed + [row.tobytes().hex() for row in codes])]
    (folder / "list.csv").write_text("\n".join(["hash,entry_id", *rows]) + "\n")
    (folder / "recipe.toml").write_text(
        'name = "bench"\n[[lists]]\nname = "l"\nfile = "list.csv"\nversion = "1"\nharm = "spam"\n'
    )
    (folder / "policy.toml").write_text(_RULES)
    (folder / "orientations.toml").write_text('views = ["orientations"]' + _RULES)
    build_index(folder)
    return folder


def large_photo(folder: Path, megapixels: int, *, is_progressive: bool) -> Path:
    """Write a JPEG mosaic of photos (quality 85, 4:2:0) with the given number of megapixels.

    Photos keep their size, so there is as much detail to decode as in a sharp picture.
    """
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = width * 3 // 4
    picture = Image.new("RGB", (width, height))
    across = -(-width // _TILE_PX[0])
    photos = cycle(photo_paths())
    for n in range(across * -(-height // _TILE_PX[1])):
        with Image.open(next(photos)) as image:
            tile = image.convert("RGB").resize(_TILE_PX)
        picture.paste(tile, (n % across * _TILE_PX[0], n // across * _TILE_PX[1]))
    path = folder / f"{megapixels}mp-{'progressive' if is_progressive else 'baseline'}.jpg"
    picture.save(path, "JPEG", quality=85, progressive=is_progressive)
    return path
