"""8-bit grey and its resizing, equal to Pillow's to the last bit and several times as fast.

Both use integers, so rounding cannot make them differ. Grey is (19595 R + 38470 G + 7471 B + 32768)
/ 65536, rounded down. Resizing is Pillow's LANCZOS: along rows and along columns, rounded to 8 bits
in between. The order depends on the version of Pillow: rows first up to Pillow 12; from Pillow 13
on columns first, if the height loses more than twice the pixels of the width, which changes some
bits of the hashes of tall pictures. imagehash follows the Pillow that it runs with, and so does
this module: on first use it resizes a few small pictures both ways. If Pillow uses neither order,
as after a later change, Pillow itself resizes: slower, and by definition equal to imagehash.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hashmatch._core import grey_of_rgb, lanczos_resize

Grey = NDArray[np.uint8]
"""uint8 (H, W)."""

Order = Literal["tall first", "rows first"]
ORDERS: tuple[Order, ...] = ("tall first", "rows first")

_PROBES_PX = (
    ((9, 70), (8, 8)),
    ((70, 9), (8, 8)),
    ((70, 39), (8, 8)),  # 62 is exactly twice 31
    ((71, 39), (8, 8)),
    ((60, 40), (32, 32)),
    ((40, 9), (39, 70)),
    ((3, 2), (8, 9)),
    ((300, 200), (128, 128)),
)
"""(height, width) before and after, on both sides of the point where Pillow 13 changes order."""


def grey_of(pixels: NDArray[np.uint8]) -> Grey:
    """Return uint8 RGB (H, W, 3) as grey, and grey (H, W) as it is.

    ValueError if there are no pixels, or for another dtype or shape.
    """
    if pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be uint8, not {pixels.dtype}")
    return pixels if pixels.ndim == 2 else grey_of_rgb(pixels)


def resize(grey: Grey, height_px: int, width_px: int) -> Grey:
    """Return grey resized as ``Image.resize((width_px, height_px), LANCZOS)`` of Pillow does."""
    return resize_in_order(grey, height_px, width_px, _order_of_pillow())


def resize_in_order(grey: Grey, height_px: int, width_px: int, order: Order | None) -> Grey:
    """Return grey resized in one of the known orders, or by Pillow itself if None."""
    if order is None:
        return _resize_by_pillow(grey, height_px, width_px)
    return lanczos_resize(grey, height_px, width_px, order == "tall first")


def find_order(resize: Callable[[Grey, int, int], Grey]) -> Order | None:
    """Return the known order in which a function resizes, None if it uses neither order."""
    noise = np.random.default_rng(0)
    pictures = [(noise.integers(0, 256, before, np.uint8), after) for before, after in _PROBES_PX]
    expected = [resize(grey, *after) for grey, after in pictures]
    for order in ORDERS:
        found = [resize_in_order(grey, *after, order) for grey, after in pictures]
        if all(map(np.array_equal, found, expected)):
            return order
    return None


@lru_cache(maxsize=1)
def _order_of_pillow() -> Order | None:
    return find_order(_resize_by_pillow)


def _resize_by_pillow(grey: Grey, height_px: int, width_px: int) -> Grey:
    from PIL import Image  # noqa: PLC0415  (for hashes of this family alone)

    image = Image.fromarray(grey).resize((width_px, height_px), Image.Resampling.LANCZOS)
    return np.asarray(image)
