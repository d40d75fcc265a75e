"""Make what `hashmatch selfcheck` hashes, and pin the hashes: run by hand, results are committed.

    python tests/selfcheck/make_files.py          # files from indexes/demo, and pins
    python tests/selfcheck/make_files.py --pins   # the pins alone, for new rows of ROWS

A pin that changes for a file that did not is drift: say in CHANGELOG.md what moved it.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401  (registers JPEG XL with Pillow, for saving)
from PIL import Image

from hashmatch.decode.formats import identify
from hashmatch.fingerprint import hash_image
from hashmatch.selfcheck import FOLDER

IMAGES = Path(__file__).parents[2] / "indexes" / "demo" / "images"
SIZE = (160, 120)
ALGORITHMS = ("pdq",)


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    """File name -> bytes, each a different road through the decoders."""
    coffee, cat = (
        Image.open(IMAGES / f"{name}.jpg").convert("RGB").resize(SIZE) for name in ("coffee", "cat")
    )
    grey = np.asarray(cat.convert("L")).astype(np.uint16)
    faded = coffee.convert("RGBA")
    faded.putalpha(Image.linear_gradient("L").resize(SIZE))
    pillow_heif.register_heif_opener()
    return {
        "baseline.jpg": encoded(coffee, "JPEG", quality=80),
        "full-chroma.jpg": encoded(cat, "JPEG", quality=80, subsampling=0),
        "progressive.jpg": encoded(coffee, "JPEG", quality=80, progressive=True),
        "grey.jpg": encoded(coffee.convert("L"), "JPEG", quality=80),
        "cmyk.jpg": encoded(coffee.convert("CMYK"), "JPEG", quality=70),
        "palette.png": encoded(coffee.quantize(32), "PNG"),
        "sixteen-bit.png": encoded(Image.fromarray(grey * 257), "PNG"),
        "alpha.png": encoded(faded.resize((80, 60)), "PNG"),
        "palette.gif": encoded(cat.quantize(64), "GIF"),
        "lossy.webp": encoded(coffee, "WEBP", quality=70),
        "lossless.webp": encoded(cat.resize((80, 60)), "WEBP", lossless=True),
        "lossy.avif": encoded(coffee, "AVIF", quality=70),
        "deflate.tiff": encoded(cat.resize((80, 60)), "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tiff": encoded(coffee, "TIFF", compression="jpeg"),
        "plain.bmp": encoded(cat.resize((80, 60)), "BMP"),
        "lossy.heic": encoded(coffee, "HEIF", quality=70),
        "lossy.jxl": encoded(coffee, "JXL", quality=80),
    }


def pins() -> list[dict[str, Any]]:
    rows = []
    for path in sorted((FOLDER / "files").iterdir()):
        decoder = identify(path.read_bytes()).name
        for algorithm in ALGORITHMS:
            for decode in ("exact", "luma") if decoder == "JPEG" else ("exact",):
                made = hash_image(path, algorithm, decode)
                row = {"file": path.name, "decoder": decoder, "algorithm": algorithm}
                rows.append({**row, "decode": decode, "hex": made.hex, "quality": made.quality})
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--pins", action="store_true", help="leave the files as they are")
    if not parser.parse_args().pins:
        (FOLDER / "files").mkdir(parents=True, exist_ok=True)
        for name, data in files().items():
            (FOLDER / "files" / name).write_bytes(data)
    lines = ",\n".join(f" {json.dumps(row)}" for row in pins())
    (FOLDER / "pinned.json").write_text(f"[\n{lines}\n]\n")
