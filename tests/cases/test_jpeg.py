"""JPEGs without an end, and JPEGs that cost more than they show."""

import io
import time
from pathlib import Path

import numpy as np
import pdqhash
import pytest
from PIL import Image

from hashmatch.fingerprint import hash_image
from tests.cases.conftest import Scan


@pytest.mark.case("jpeg-without-end-marker")
@pytest.mark.parametrize("name", ["whole.jpg", "no-end.jpg", "no-end-then-video.jpg"])
def test_without_its_end_a_jpeg_has_the_hash_of_the_whole(name: str, case: Path) -> None:
    found = hash_image(case / name)
    data = (case / name).read_bytes().partition(b"ftyp")[0]
    with Image.open(io.BytesIO(data + b"\xff\xd9")) as image:
        bits, quality = pdqhash.compute(np.asarray(image.convert("RGB")))
    assert (found.hex, found.quality) == (np.packbits(bits).tobytes().hex(), quality)
    if name == "no-end.jpg":
        assert found == hash_image(case / "whole.jpg")


@pytest.mark.case("jpeg-many-scans")
def test_scans_and_pixels_that_are_only_stated_cost_little(case: Path, scan: Scan) -> None:
    files = [case / "many-scans.jpg", case / "claims-169-mp.jpg"]
    start = time.process_time()
    scans, claims = scan(files, "--workers", "1")
    assert time.process_time() - start < 10  # 5 s for each
    assert (scans["error_kind"], claims["error_kind"]) == ("too_much_work", "damaged")
    assert scans["hashes"]
    assert scans["error"].startswith("too much work: the JPEG was decoded up to scan ")
