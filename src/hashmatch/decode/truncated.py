"""Truncated files: refused, unless a process that does nothing else asks for what can be had."""

from __future__ import annotations

from PIL import ImageFile


def hand_over_truncated() -> None:
    """Have Pillow hand over what it can decode of a truncated file, in this whole process.

    What is missing is grey or black. For processes that only decode: `hashmatch.decode.Isolation`.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = True
