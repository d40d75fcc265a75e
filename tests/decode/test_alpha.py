"""Flattened pictures, against Pillow's own compositing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hashmatch.decode import flatten


@pytest.mark.parametrize("ground", [0, 255])
@pytest.mark.parametrize("block_bytes", [1, 5000, 1 << 22])
def test_flatten_equals_pillows_composite(ground: int, block_bytes: int) -> None:
    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 256, (41, 67, 3), dtype=np.uint8)
    alpha = rng.integers(0, 256, (41, 67), dtype=np.uint8)
    alpha[:3] = 0
    alpha[3:6] = 255
    plain = Image.new("RGB", (67, 41), (ground,) * 3)
    expected = Image.composite(Image.fromarray(rgb), plain, Image.fromarray(alpha))
    found = flatten(rgb, alpha, ground, block_bytes=block_bytes)
    np.testing.assert_array_equal(found, np.asarray(expected))
