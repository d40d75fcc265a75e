"""Truncated files: refused, unless the whole process accepts them."""

from __future__ import annotations

from PIL import ImageFile


def accept_truncated() -> None:
    """Have Pillow decode what there is of a truncated file, in this whole process.

    The rest is grey or black. For processes that only decode: `hashmatch.workers.Isolation`.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = True
