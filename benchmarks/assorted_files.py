"""Make 2,000 assorted files from a corpus: copies, edits, damage, animations, no pictures at all.

    python benchmarks/assorted_files.py FOLDER [--corpus DIR]

The corpus (`HASHMATCH_TEST_CORPUS`) is not part of the repository. The same corpus, the same Pillow
and the same seed give the same files.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

N_FILES = 2_000
_SEED = 20261129
_PICTURE_SUFFIXES = {".jpeg", ".jpg", ".png", ".webp"}
_THUMBNAIL_PX = 320

Make = Callable[[bytes, Image.Image, random.Random], bytes]


def _encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _small(picture: Image.Image) -> Image.Image:
    small = picture.copy()
    small.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
    return small


def _animate(picture: Image.Image, kind: str, n_frames: int) -> bytes:
    first = _small(picture).convert("RGB")
    others = [ImageOps.posterize(first.rotate(3 * step), 4) for step in range(1, n_frames)]
    return _encode(first, kind, save_all=True, append_images=others, duration=80, loop=0)


def _cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def _flip_bytes(data: bytes, chooser: random.Random, n_bytes: int) -> bytes:
    damaged = bytearray(data)
    for _ in range(n_bytes):
        damaged[chooser.randrange(min(200, len(damaged) - 1), len(damaged))] ^= chooser.randrange(
            1, 256
        )
    return bytes(damaged)


def _transparent(picture: Image.Image) -> bytes:
    small = _small(picture).convert("RGBA")
    mask = Image.new("L", small.size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, *small.size), fill=255)
    small.putalpha(mask)
    return _encode(small, "PNG")


def _pages(picture: Image.Image) -> bytes:
    small = _small(picture).convert("RGB")
    pages = [ImageOps.mirror(small), ImageOps.grayscale(small)]
    return _encode(small, "TIFF", save_all=True, append_images=pages, compression="tiff_lzw")


_MAKERS: dict[str, Make] = {
    "copy": lambda data, _picture, _chooser: data,
    "tail.jpg": lambda data, _picture, _chooser: data + b"\0" * 37,
    "cut-90.jpg": lambda data, _picture, _chooser: _cut(data, 0.9),
    "cut-40.jpg": lambda data, _picture, _chooser: _cut(data, 0.4),
    "cut-2.jpg": lambda data, _picture, _chooser: _cut(data, 0.02),
    "flipped.jpg": lambda data, _picture, chooser: _flip_bytes(data, chooser, 3),
    "broken.jpg": lambda data, _picture, chooser: _flip_bytes(data, chooser, 60),
    "quality-30.jpg": lambda _data, picture, _chooser: _encode(picture, "JPEG", quality=30),
    "progressive.jpg": lambda _data, picture, _chooser: _encode(
        picture, "JPEG", quality=85, progressive=True
    ),
    "grey.jpg": lambda _data, picture, _chooser: _encode(picture.convert("L"), "JPEG"),
    "cmyk.jpg": lambda _data, picture, _chooser: _encode(_small(picture).convert("CMYK"), "JPEG"),
    "small.png": lambda _data, picture, _chooser: _encode(_small(picture), "PNG"),
    "palette.png": lambda _data, picture, _chooser: _encode(_small(picture).quantize(64), "PNG"),
    "transparent.png": lambda _data, picture, _chooser: _transparent(picture),
    "cut.png": lambda _data, picture, _chooser: _cut(_encode(_small(picture), "PNG"), 0.7),
    "bordered.png": lambda _data, picture, _chooser: _encode(
        ImageOps.expand(_small(picture), (0, 40, 0, 40), "black"), "PNG"
    ),
    "bordered.jpg": lambda _data, picture, _chooser: _encode(
        ImageOps.expand(_small(picture), 25, "white"), "JPEG", quality=80
    ),
    "turned.jpg": lambda _data, picture, _chooser: _encode(
        picture.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=85
    ),
    "mirrored.webp": lambda _data, picture, _chooser: _encode(
        ImageOps.mirror(_small(picture)), "WEBP", quality=70
    ),
    "lossless.webp": lambda _data, picture, _chooser: _encode(
        _small(picture), "WEBP", lossless=True, method=0
    ),
    "plain.bmp": lambda _data, picture, _chooser: _encode(_small(picture), "BMP"),
    "animated.gif": lambda _data, picture, chooser: _animate(picture, "GIF", chooser.randint(2, 9)),
    "animated.webp": lambda _data, picture, chooser: _animate(
        picture, "WEBP", chooser.randint(2, 5)
    ),
    "animated.png": lambda _data, picture, chooser: _animate(picture, "PNG", chooser.randint(2, 4)),
    "cut-animated.gif": lambda _data, picture, _chooser: _cut(_animate(picture, "GIF", 5), 0.6),
    "pages.tiff": lambda _data, picture, _chooser: _pages(picture),
    "text.jpg": lambda data, _picture, _chooser: hashlib.sha256(data).hexdigest().encode(),
    "blank.png": lambda _data, picture, _chooser: _encode(
        Image.new("RGB", _small(picture).size, (9, 90, 200)), "PNG"
    ),
    "empty.jpg": lambda _data, _picture, _chooser: b"",
}


def make_files(corpus: Path, folder: Path) -> None:
    """Write the files into `folder`, which must not exist."""
    folder.mkdir(parents=True)
    chooser = random.Random(_SEED)
    sources = sorted(path for path in corpus.rglob("*") if path.suffix.lower() in _PICTURE_SUFFIXES)
    videos = sorted(corpus.rglob("*.mp4"))
    for number, path in enumerate(videos):
        shutil.copy(path, folder / f"video-{number}.mp4")
        data = path.read_bytes()
        (folder / f"video-{number}-cut.mp4").write_bytes(_cut(data, 0.6))
        (folder / f"video-{number}-flipped.mp4").write_bytes(_flip_bytes(data, chooser, 40))
    names = list(_MAKERS)
    for number in range(N_FILES - 3 * len(videos)):
        path, name = sources[number % len(sources)], names[number % len(names)]
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as opened:
            picture = opened.convert("RGB")
        suffix = path.suffix if name == "copy" else f"-{name}"
        target = folder / f"{number % 7}" / f"{number:04d}{suffix}"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(_MAKERS[name](data, picture, chooser))


def main() -> None:
    """Read the arguments and make the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--corpus", type=Path, default=os.environ.get("HASHMATCH_TEST_CORPUS"))
    arguments = parser.parse_args()
    if arguments.corpus is None:
        parser.error("name the corpus: --corpus DIR or HASHMATCH_TEST_CORPUS")
    make_files(arguments.corpus, arguments.folder)


if __name__ == "__main__":
    main()
