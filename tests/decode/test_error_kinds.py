"""Each kind of decode error is documented, and given for contents of that kind."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import (
    DecodeLimits,
    VideoLimits,
    decode_image,
    decode_pictures,
    open_video,
    read_content,
)
from hashmatch.decode.pillow_errors import translate_errors
from hashmatch.errors import Attempt, DecodeError, ErrorKind
from hashmatch.fingerprint import hash_image
from hashmatch.hashing import register
from hashmatch.workers import IsolatedExecutor, Isolation
from tests.workers.processes import AS_JSON

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "decode.md").read_text()
OF_OTHER_PACKAGES = {ErrorKind.INCOMPLETE, ErrorKind.CRASHED, ErrorKind.NOT_HASHED}


def test_the_page_lists_every_kind_and_no_other() -> None:
    _, _, table = PAGE.partition("| kind | meaning |")
    listed = re.findall(r"^\| `(\w+)` \|", table.partition("\n\n")[0], re.MULTILINE)
    assert listed == [kind.value for kind in ErrorKind]


def test_each_kind_of_decode(
    picture: Image.Image,
    encode: Callable[..., bytes],
    make_clip: Callable[..., bytes],
    pictures: list[NDArray[np.uint8]],
    tmp_path: Path,
) -> None:
    png, jpeg, clip = encode(picture, "PNG"), encode(picture, "JPEG"), make_clip(pictures[:3])
    pages = encode(picture, "TIFF", save_all=True, append_images=[picture])

    def run_out_of_memory() -> NoReturn:
        with translate_errors("PNG"):
            raise MemoryError

    def decode_late() -> None:
        with open_video(clip, limits=VideoLimits(max_wall_s=1e-9)):
            pass

    attempts: dict[ErrorKind, Callable[[], object]] = {
        ErrorKind.UNREADABLE: lambda: read_content(tmp_path / "absent"),
        ErrorKind.EMPTY: lambda: decode_image(b""),
        ErrorKind.NOT_MEDIA: lambda: decode_image(b"words"),
        ErrorKind.UNSUPPORTED: lambda: decode_image(clip),
        ErrorKind.TRUNCATED: lambda: decode_image(jpeg[: len(jpeg) // 2]),
        ErrorKind.DAMAGED: lambda: decode_image(png[:30] + bytes(4) + png[34:]),
        ErrorKind.TOO_LARGE: lambda: decode_image(png, limits=DecodeLimits(max_pixels=9)),
        ErrorKind.TOO_MANY_FRAMES: lambda: list(
            decode_pictures(pages, frames=True, limits=DecodeLimits(max_frames=1))
        ),
        ErrorKind.TOO_MUCH_WORK: lambda: decode_image(
            jpeg, limits=DecodeLimits(max_decoded_pixels=1)
        ),
        ErrorKind.TIMEOUT: decode_late,
        ErrorKind.MEMORY: run_out_of_memory,
    }
    for kind, attempt in attempts.items():
        with pytest.raises(DecodeError) as caught:
            attempt()
        assert caught.value.kind is kind
    assert set(attempts) == set(ErrorKind) - OF_OTHER_PACKAGES


class FailingHash:
    name = "failing"
    bits = 64
    default_radius = 9
    consumes = "grey"

    def hash_pixels(self, _pixels: Any) -> NoReturn:
        raise ZeroDivisionError


def test_a_failing_algorithm_is_not_hashed() -> None:
    with register(FailingHash()), pytest.raises(DecodeError) as caught:
        hash_image(np.zeros((9, 9), np.uint8), "failing")
    assert caught.value.kind is ErrorKind.NOT_HASHED


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="isolation needs Linux")
def test_a_process_that_dies_is_crashed() -> None:
    with IsolatedExecutor(os._exit, Isolation(), **AS_JSON) as executor:
        (result,) = executor.map([Attempt(value=7)])
    assert result.error is not None
    assert result.error.kind is ErrorKind.CRASHED
