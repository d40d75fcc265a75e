"""A picture, an encoder, and Pillow's own load of an encoded file as the reference."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Encode = Callable[..., bytes]


def _picture() -> Image.Image:
    x, y = np.meshgrid(np.arange(61), np.arange(47))
    planes = [x * 4, y * 5, (x + y) * 2]
    image = Image.fromarray(np.stack(planes, axis=2).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse((5, 8, 30, 40), fill=(250, 240, 20))
    draw.rectangle((35, 3, 55, 20), fill=(10, 40, 200))
    draw.line((0, 46, 60, 25), fill=(200, 10, 60), width=3)
    return image


@pytest.fixture
def picture() -> Image.Image:
    """61 x 47 px, RGB, with edges, colours and no symmetry."""
    return _picture()


@pytest.fixture
def encode() -> Encode:
    def to_bytes(image: Image.Image, file_format: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, file_format, **options)
        return buffer.getvalue()

    return to_bytes


@pytest.fixture
def pillow_rgb() -> Callable[[bytes], NDArray[np.uint8]]:
    """Load by `Image.open(...).convert("RGB")`, the reference for 8-bit modes."""

    def load(data: bytes) -> NDArray[np.uint8]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    return load
