"""Scaled decoding: within its bound where it is done, the same as luma where it is not."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from hashmatch import hash_image, hash_many
from hashmatch.cli import main
from hashmatch.decode import decode_cells

BOUND_BITS = 8  # docs/decode.md


def enlarged(image: Image.Image, shorter_px: int) -> bytes:
    factor = shorter_px / min(image.size)
    size = tuple(max(shorter_px, round(side * factor)) for side in image.size)
    buffer = io.BytesIO()
    image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@pytest.mark.corpus
@pytest.mark.parametrize(("shorter_px", "every"), [(2048, 32), (4096, 110)])
def test_drift_is_bounded(shorter_px, every, corpus):
    distances = []
    for path in sorted((corpus / "photos").iterdir())[::every]:
        data = enlarged(Image.open(path), shorter_px)
        assert decode_cells(data) is not None
        exact, scaled = hash_image(data), hash_image(data, decode="scaled")
        if exact.quality >= 50:
            distances.append(exact.distance(scaled))
    assert len(distances) >= 3
    assert max(distances) <= BOUND_BITS


@pytest.fixture(scope="module")
def large() -> bytes:
    scene = np.random.default_rng(5).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return enlarged(Image.fromarray(scene), 2048)


def test_drift_of_a_picture_made_up_is_bounded(large):
    assert hash_image(large).distance(hash_image(large, decode="scaled")) <= BOUND_BITS


def test_what_is_not_scaled_is_hashed_from_luma(large, tmp_path):
    image = Image.open(io.BytesIO(large))
    small = io.BytesIO()
    image.resize((500, 400)).save(small, "JPEG")
    png = io.BytesIO()
    image.save(png, "PNG")
    (tmp_path / "small.jpg").write_bytes(small.getvalue())
    for source in (small.getvalue(), png.getvalue(), tmp_path / "small.jpg", image):
        found, expected = hash_image(source, decode="scaled"), hash_image(source, decode="luma")
        assert (found.hex, found.quality) == (expected.hex, expected.quality)


def test_only_pdq_is_scaled(large):
    with pytest.raises(ValueError, match='^decode "scaled" is for pdq, not for phash$'):
        hash_image(large, "phash", "scaled")


def test_many_and_the_command_line(large, tmp_path, capsys):
    path = tmp_path / "large.jpg"
    path.write_bytes(large)
    expected = hash_image(large, decode="scaled").hex
    assert [made.hash.hex for made in hash_many([path, large], decode="scaled")] == [expected] * 2
    output = tmp_path / "rows.jsonl"
    assert main(["hash", str(path), "--decode", "scaled", "-o", str(output)]) == 0
    assert json.loads(output.read_text())["hash"] == expected
    wrong = ["hash", str(path), "--decode", "scaled", "--algorithm", "ahash"]
    assert main(wrong) == 2
    assert "is for pdq, not for ahash" in capsys.readouterr().err
