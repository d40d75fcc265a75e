"""Writer of the files and pinned hashes of `hashmatch selfcheck`; run by hand, results committed.

    python tests/selfcheck/make_files.py

makes the missing files from pictures of indexes/demo, and pins the hashes of all. A pin that
changes for an unchanged file is drift: explain its cause in CHANGELOG.md.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401  (registers JPEG XL with Pillow, for saving)
from PIL import Image

from hashmatch.decode import DEFAULT_LIMITS
from hashmatch.decode.codecs import PLAIN_JPEG, VIDEO
from hashmatch.decode.formats import JPEG, identify
from hashmatch.decode.jpeg import load_jpeg
from hashmatch.fingerprint import hash_image, hash_video
from hashmatch.selfcheck import FOLDER

IMAGES = Path(__file__).parents[2] / "indexes" / "demo" / "images"
SIZE = (160, 120)
ALGORITHMS = ("pdq", "phash", "dhash", "ahash", "whash")
LUMA_ALGORITHMS = ("pdq",)
VIDEO_SUFFIXES = (".mp4", ".webm")
VIDEO_SIZE = (128, 96)


def encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def sample_oddly(image: Image.Image) -> bytes:
    """Encode with chroma of a quarter of the lines: Pillow, not simplejpeg, decodes.

    Each component is encoded as a grey JPEG; their scans are joined under one frame.
    """
    width, height = image.size
    luma, *chroma = image.convert("YCbCr").split()
    planes = [luma, *(plane.resize((width, -(-height // 4))) for plane in chroma)]
    files = [encode(plane, "JPEG", quality=75) for plane in planes]
    frame, scan = (files[0].index(marker) for marker in (b"\xff\xc0", b"\xff\xda"))
    components = bytes((1, 0x14, 0, 2, 0x11, 0, 3, 0x11, 0))
    joined = files[0][:frame] + b"\xff\xc0\x00\x11" + files[0][frame + 4 : frame + 9]
    joined += b"\x03" + components + files[0][frame + 13 : scan]
    for number, file in enumerate(files, start=1):
        data = file[file.index(b"\xff\xda") + 10 : -2]
        joined += b"\xff\xda\x00\x08\x01" + bytes((number, 0, 0, 63, 0)) + data
    return joined + b"\xff\xd9"


def film(container: str, codec: str, **options: str) -> bytes:
    """Encode three pictures, one a second."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as clip:
        stream: Any = clip.add_stream(codec, rate=1, options=options)
        stream.width, stream.height = VIDEO_SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for number, name in enumerate(("coffee", "cat", "rocket")):
            image = Image.open(IMAGES / f"{name}.jpg").convert("RGB").resize(VIDEO_SIZE)
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            frame.pts = number
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
    return buffer.getvalue()


def files() -> dict[str, Callable[[], bytes]]:
    """Return a maker by file name; each file takes another path through the decoders."""
    coffee, cat = (
        Image.open(IMAGES / f"{name}.jpg").convert("RGB").resize(SIZE) for name in ("coffee", "cat")
    )
    grey = np.asarray(cat.convert("L")).astype(np.uint16)
    faded = coffee.convert("RGBA")
    faded.putalpha(Image.linear_gradient("L").resize(SIZE))
    pillow_heif.register_heif_opener()
    return {
        "baseline.jpg": lambda: encode(coffee, "JPEG", quality=80),
        "full-chroma.jpg": lambda: encode(cat, "JPEG", quality=80, subsampling=0),
        "progressive.jpg": lambda: encode(coffee, "JPEG", quality=80, progressive=True),
        "odd-sampling.jpg": lambda: sample_oddly(coffee),
        "grey.jpg": lambda: encode(coffee.convert("L"), "JPEG", quality=80),
        "cmyk.jpg": lambda: encode(coffee.convert("CMYK"), "JPEG", quality=70),
        "palette.png": lambda: encode(coffee.quantize(32), "PNG"),
        "sixteen-bit.png": lambda: encode(Image.fromarray(grey * 257), "PNG"),
        "alpha.png": lambda: encode(faded.resize((80, 60)), "PNG"),
        "palette.gif": lambda: encode(cat.quantize(64), "GIF"),
        "lossy.webp": lambda: encode(coffee, "WEBP", quality=70),
        "lossless.webp": lambda: encode(cat.resize((80, 60)), "WEBP", lossless=True),
        "lossy.avif": lambda: encode(coffee, "AVIF", quality=70),
        "deflate.tiff": lambda: encode(
            cat.resize((80, 60)), "TIFF", compression="tiff_adobe_deflate"
        ),
        "jpeg.tiff": lambda: encode(coffee, "TIFF", compression="jpeg"),
        "plain.bmp": lambda: encode(cat.resize((80, 60)), "BMP"),
        "lossy.heic": lambda: encode(coffee, "HEIF", quality=70),
        "lossy.jxl": lambda: encode(coffee, "JXL", quality=80),
        "h264.mp4": lambda: film("mp4", "libx264", crf="28"),
        "vp9.webm": lambda: film("webm", "libvpx-vp9", crf="36"),
    }


def decoder_of(data: bytes) -> str:
    accepted = identify(data)
    is_jpeg = accepted is JPEG
    is_plain = is_jpeg and not load_jpeg(data, DEFAULT_LIMITS, luma=False).by_pillow
    return PLAIN_JPEG if is_plain else accepted.name


def picture_pins(path: Path) -> Iterator[dict[str, Any]]:
    decoder = decoder_of(path.read_bytes())
    for algorithm in ALGORITHMS:
        has_luma = algorithm in LUMA_ALGORITHMS and decoder in (JPEG.name, PLAIN_JPEG)
        for decode in ("exact", "luma") if has_luma else ("exact",):
            found = hash_image(path, algorithm, decode)
            row = {"file": path.name, "decoder": decoder, "algorithm": algorithm}
            yield {**row, "decode": decode, "hex": found.hex, "quality": found.quality}


def video_pins(path: Path) -> Iterator[dict[str, Any]]:
    video = hash_video(path, interval_s=0)
    assert video.error is None
    for code, quality, timestamp_s in zip(
        video.codes, video.qualities.tolist(), video.timestamps_s.tolist(), strict=True
    ):
        row = {"file": path.name, "decoder": VIDEO, "algorithm": "pdq", "decode": VIDEO}
        yield {**row, "hex": code.tobytes().hex(), "quality": quality, "timestamp_s": timestamp_s}


def pins() -> Iterator[dict[str, Any]]:
    for path in sorted((FOLDER / "files").iterdir()):
        yield from video_pins(path) if path.suffix in VIDEO_SUFFIXES else picture_pins(path)


if __name__ == "__main__":
    (FOLDER / "files").mkdir(parents=True, exist_ok=True)
    for name, make in files().items():
        path = FOLDER / "files" / name
        if not path.exists():
            path.write_bytes(make())
    lines = ",\n".join(f" {json.dumps(row)}" for row in pins())
    (FOLDER / "pinned.json").write_text(f"[\n{lines}\n]\n")
