"""Folders that earlier versions built, as they were; data/format-N never changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from hashmatch.index import Index


def unpack(number: int, folder: Path) -> Path:
    """Copy what format `number` built to `folder`, where it can be changed."""
    shutil.copytree(Path(__file__).parent / "data" / f"format-{number}", folder)
    (folder / "files").rename(folder / "built")
    return folder


def entry_ids(folder: Path) -> list[str]:
    """Return the entry of every row that can be found, after a check of every byte."""
    index = Index.open(folder, verify=True)
    rows = index.search("pdq", np.zeros((1, 32), np.uint8), 256).ids
    return sorted(index.entry_ids("pdq", rows))
