"""Fuzz target of screening: every upload gets its row, and no listed JPEG passes.

Two runs. *Mutated* damages valid files of every format and screens them in isolation: each gives a
row, no exception reaches the caller, and no decoder runs into the limits of time or memory. *JPEGs*
makes random and adversarial JPEGs, lists for each a code that lies 25 to 31 bits from its exact
hash (pdqhash over Pillow's RGB, which share no code with the screening path), and screens them with
the default options: each must meet its entry, or its row must have an error (which is counted).

    python tests/screener/fuzz_screening.py --mutated 200000 --jpegs 100000 --result FILE.json

The seed and the number of a file make its bytes: `--seed 7 --first 1234 --mutated 1` repeats one.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pdqhash
from numpy.typing import NDArray
from PIL import Image, ImageFile
from pillow_heif import register_heif_opener
from simplejpeg import encode_jpeg

import hashmatch
from hashmatch.index import build_index
from hashmatch.screener import Screener, ScreeningOptions
from hashmatch.workers import Isolation

Pixels = NDArray[np.uint8]
ImageFile.MAXBLOCK = 1 << 22  # Pillow's buffer is too small for noise at quality 100

BATCH = 1_000
TIME_LIMIT_S = 10.0
MEMORY_LIMIT_BYTES = 3 << 29  # 1.5 GiB
FORBIDDEN_KINDS = {"timeout", "memory"}
NEAREST_BITS, FARTHEST_BITS = 25, 31
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
RECIPE = """
name = "fuzz"
[[lists]]
name = "listed"
version = "1"
file = "list.csv"
algorithm = "pdq"
harm = "spam"
"""
POLICY = """
version = "1"
default = "allow"
on_error = { action = "review", queue = "undecodable" }
[[rules]]
name = "listed"
when = { list = "listed", max_distance = 31, min_quality = 0 }
action = "block"
queue = "fuzz"
priority = "high"
"""


def make_picture(chooser: np.random.Generator, *, width_px: int, height_px: int) -> Pixels:
    """Return RGB pixels with structure at several scales, different for each state of `chooser`."""
    scene = np.full((height_px, width_px, 3), 128.0)
    for step in (2, 4, 8, 16, 32):
        rows, columns = -(-height_px // step), -(-width_px // step)
        coarse = chooser.normal(0, 6 + step, (rows, columns, 3))
        scene += np.kron(coarse, np.ones((step, step, 1)))[:height_px, :width_px]
    return scene.clip(0, 255).astype(np.uint8)


# Mutated files


def make_seeds() -> dict[str, list[bytes]]:
    """Return small valid files of every format that screening opens."""
    register_heif_opener()
    import_module("pillow_jxl")
    chooser = np.random.default_rng(20261129)
    image = Image.fromarray(make_picture(chooser, width_px=72, height_px=56))
    others = [image.rotate(90 * turn).convert("RGB") for turn in (1, 2)]

    def save(mode: str, kind: str, *, several: bool = False, **options: Any) -> bytes:
        buffer = BytesIO()
        if several:  # copies, since saving leaves the settings of an encoder behind
            options |= {"save_all": True, "append_images": [other.copy() for other in others]}
        image.convert(mode).save(buffer, kind, **options)
        return buffer.getvalue()

    timed: dict[str, Any] = {"several": True, "duration": 80, "loop": 0}
    profile = b"\0" * 200
    return {
        "JPEG": [
            *(save("RGB", "JPEG", subsampling=sampling) for sampling in (0, 1, 2)),
            save("RGB", "JPEG", progressive=True, restart_marker_rows=1),
            *(save(mode, "JPEG") for mode in ("L", "CMYK")),
            save("RGB", "MPO", several=True),
        ],
        "PNG": [
            *(save(mode, "PNG") for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
            save("RGB", "PNG", icc_profile=profile),
            save("RGBA", "PNG", **timed),
        ],
        "GIF": [save("P", "GIF"), save("P", "GIF", **timed)],
        "WebP": [
            save("RGB", "WEBP"),
            save("RGBA", "WEBP", lossless=True),
            save("RGB", "WEBP", **timed),
        ],
        "BMP": [save(mode, "BMP") for mode in ("RGB", "P", "1")],
        "TIFF": [
            *(
                save("RGB", "TIFF", compression=compression)
                for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
            ),
            *(save(mode, "TIFF") for mode in ("1", "L", "I;16", "F", "CMYK")),
            save("RGB", "TIFF", several=True),
        ],
        "AVIF": [save("RGB", "AVIF"), save("RGB", "AVIF", several=True)],
        "HEIF": [save("RGB", "HEIF"), save("RGB", "HEIF", several=True)],
        "JXL": [save("RGB", "JXL")],
        "video": [
            make_clip([image, *others], container, codec)
            for container, codec in (
                ("mp4", "libx264"),
                ("matroska", "mpeg4"),
                ("webm", "libvpx"),
                ("avi", "mjpeg"),
            )
        ],
    }


def make_clip(pictures: list[Image.Image], container: str, codec: str) -> bytes:
    """Return a video of six frames a second apart."""
    file = BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=2)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, 2)
        for number, picture in enumerate(pictures * 2):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture.resize((64, 48))), "rgb24")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def mutate(seeds: dict[str, list[bytes]], number: int, seed: int) -> tuple[str, bytes]:
    """Return the format and the bytes of mutated file `number`."""
    chooser = random.Random(f"{seed}/{number}")
    kind = chooser.choice(sorted(seeds))
    data = bytearray(chooser.choice(seeds[kind]))
    for _ in range(1 + int(chooser.expovariate(0.5))):
        at = chooser.randrange(len(data)) if data else 0
        n_bytes = min(chooser.choice((1, 2, 4, 16, 256)), len(data) - at)
        match chooser.randrange(9):
            case 0:
                data[at : at + 1] = bytes([chooser.randrange(256)])
            case 1:
                data[at : at + n_bytes] = chooser.randbytes(n_bytes)
            case 2:
                del data[at : at + n_bytes]
            case 3:
                data[at:at] = chooser.randbytes(n_bytes)
            case 4:
                data[at:at] = data[at : at + n_bytes] * chooser.choice((1, 2, 50))
            case 5:
                layout = chooser.choice((">H", "<H", ">I", "<I"))
                value = chooser.choice(EXTREMES) & ((1 << 8 * struct.calcsize(layout)) - 1)
                data[at : at + struct.calcsize(layout)] = struct.pack(layout, value)
            case 6:
                del data[at:]
            case 7:
                other = chooser.choice(seeds[chooser.choice(sorted(seeds))])
                data[at:] = other[chooser.randrange(len(other)) :]
            case 8:
                head = min(len(data), 64)
                if head:
                    data[chooser.randrange(head)] ^= 1 << chooser.randrange(8)
    return kind, bytes(data)


def screen_mutated(folder: Path, numbers: range, seed: int, threads: int) -> dict[str, Any]:
    """Screen mutated files; return counts and what went wrong."""
    seeds = make_seeds()
    known = make_picture(np.random.default_rng(0), width_px=128, height_px=96)
    write_list(folder, {"e0": pdqhash.compute(known)[0]})
    kinds: Counter[str] = Counter()
    faults: list[str] = []
    options = ScreeningOptions(
        isolation=Isolation(time_s=TIME_LIMIT_S, memory_bytes=MEMORY_LIMIT_BYTES), threads=threads
    )
    with closing(Screener.open(folder, policy=folder / "policy.toml", options=options)) as screener:
        for batch in batches(numbers):
            files = [mutate(seeds, number, seed) for number in batch]
            decisions = list(screener.screen_many(data for _, data in files))
            assert len(decisions) == len(files)
            for number, (kind, _), decision in zip(batch, files, decisions, strict=True):
                error_kind = decision.to_dict()["error_kind"] or "none"
                kinds[error_kind] += 1
                if error_kind in FORBIDDEN_KINDS:
                    faults.append(f"{kind} {number}: {decision.error}")
                if error_kind != "none" and decision.action == "allow":
                    faults.append(f"{kind} {number}: an error was allowed")
            report("mutated", batch[-1] + 1 - numbers.start, len(numbers), faults)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "files": len(numbers),
        "by_error_kind": dict(kinds.most_common()),
        "faults": faults,
        "peak_child_mib": children.ru_maxrss >> 10,
        "peak_parent_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


# Random and adversarial JPEGs


def plain(chooser: np.random.Generator, width_px: int, height_px: int) -> Image.Image:
    """Return a picture of ordinary colours."""
    return Image.fromarray(make_picture(chooser, width_px=width_px, height_px=height_px))


def two_faced(chooser: np.random.Generator, width_px: int, height_px: int) -> Image.Image:
    """Return planes that have nothing to do with each other, far out of the gamut of RGB."""
    planes = make_picture(chooser, width_px=width_px, height_px=height_px)
    gain = chooser.uniform(0.5, 4)
    planes = ((planes - 128.0) * gain + 128).clip(0, 255).astype(np.uint8)
    return Image.merge("YCbCr", [Image.fromarray(planes[..., channel]) for channel in range(3)])


def clipped(chooser: np.random.Generator, width_px: int, height_px: int) -> Image.Image:
    """Return one picture in the Y plane that clipping by the chroma turns into another."""
    hidden, shown = (
        make_picture(chooser, width_px=width_px, height_px=height_px)[..., 0] for _ in range(2)
    )
    sign = np.where(shown > 128, 1, -1)
    blue = (128 + sign * chooser.integers(60, 128)).clip(0, 255).astype(np.uint8)
    red = (128 - sign * chooser.integers(0, 128)).clip(0, 255).astype(np.uint8)
    return Image.merge("YCbCr", [Image.fromarray(plane) for plane in (hidden, blue, red)])


def halftone(chooser: np.random.Generator, width_px: int, height_px: int) -> Image.Image:
    """Return a picture as dots of two strong colours."""
    grey = make_picture(chooser, width_px=width_px, height_px=height_px)[..., 1]
    dots = Image.fromarray(grey).convert("1")
    colours = chooser.permutation(np.array([[255, 0, 0], [0, 0, 255], [0, 255, 0], [255, 0, 255]]))
    return Image.fromarray(colours[np.asarray(dots).astype(int)].astype(np.uint8))


def false_colours(chooser: np.random.Generator, width_px: int, height_px: int) -> Image.Image:
    """Return RGB planes declared as YCbCr."""
    rgb = make_picture(chooser, width_px=width_px, height_px=height_px)
    channels = chooser.permutation(3)
    return Image.merge("YCbCr", [Image.fromarray(rgb[..., channel]) for channel in channels])


def solarised(chooser: np.random.Generator, width_px: int, height_px: int) -> Image.Image:
    """Return a picture with every channel folded over at a level of its own."""
    rgb = make_picture(chooser, width_px=width_px, height_px=height_px)
    level = chooser.integers(40, 200, 3)
    return Image.fromarray(np.where(rgb > level, 255 - rgb, rgb).astype(np.uint8))


SCENES: tuple[Callable[[np.random.Generator, int, int], Image.Image], ...] = (
    *(plain, two_faced, clipped, halftone, false_colours, solarised),
)


def make_jpeg(number: int, seed: int) -> tuple[str, bytes]:
    """Return the kind of scene and the bytes of JPEG `number`."""
    chooser = np.random.default_rng((seed, number))
    scene = SCENES[number % len(SCENES)]
    width_px, height_px = (int(side) for side in chooser.integers(64, 200, 2))
    image = scene(chooser, width_px, height_px)
    file = BytesIO()
    if chooser.random() < 0.2:
        sampling = str(chooser.choice(["444", "422", "420", "440", "411"]))
        pixels = np.ascontiguousarray(image.convert("RGB"))
        data = encode_jpeg(pixels, int(chooser.integers(5, 101)), colorsubsampling=sampling)
    else:
        options: dict[str, Any] = {"progressive": bool(chooser.random() < 0.3)}
        if chooser.random() < 0.2:
            options["restart_marker_rows"] = 1
        if image.mode == "RGB" and chooser.random() < 0.05:
            image = image.convert(str(chooser.choice(["L", "CMYK"])))
        if image.mode not in ("L", "CMYK"):
            options["subsampling"] = int(chooser.integers(3))
        image.save(file, "JPEG", quality=int(chooser.integers(5, 101)), **options)
        data = file.getvalue()
    if chooser.random() < 0.1:  # behind the header, where most bytes still decode
        damaged = bytearray(data)
        damaged[int(chooser.integers(len(data) * 3 // 4, len(data) - 2))] ^= 1
        data = bytes(damaged)
    return scene.__name__, data


def hash_independently(data: bytes) -> Pixels | None:
    """Return the PDQ bits of a JPEG as pdqhash and Pillow see it; None if they cannot."""
    try:
        rgb = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
    except OSError:
        return None
    bits: Pixels = pdqhash.compute(rgb)[0]
    return bits


def screen_jpegs(folder: Path, numbers: range, seed: int, threads: int) -> dict[str, Any]:
    """Screen JPEGs against an index of codes at the edge of the radius; return what was missed."""
    scenes: Counter[str] = Counter()
    faults: list[str] = []
    with_error: list[str] = []
    for batch in batches(numbers):
        listed: dict[str, Pixels] = {}
        files: dict[str, bytes] = {}
        for number in batch:
            scene, data = make_jpeg(number, seed)
            bits = hash_independently(data)
            if bits is None:
                scenes["not decodable by Pillow"] += 1
                continue
            chooser = np.random.default_rng((seed, number, 1))
            n_bits = int(chooser.integers(NEAREST_BITS, FARTHEST_BITS + 1))
            flipped = bits.copy()
            flipped[chooser.choice(256, n_bits, replace=False)] ^= 1
            entry_id = f"{scene}-{number}-{n_bits}"
            listed[entry_id], files[entry_id] = flipped, data
            scenes[scene] += 1
        write_list(folder, listed)
        options = ScreeningOptions(threads=threads)
        with closing(
            Screener.open(folder, policy=folder / "policy.toml", options=options)
        ) as screener:
            decisions = screener.screen_many(files.values())
            for entry_id, decision in zip(files, decisions, strict=True):
                within = int(entry_id.rsplit("-", 1)[1])
                met = {match.entry_id: match.distance for match in decision.matches}
                if met.get(entry_id, 256) > within:
                    kept = faults if decision.error is None else with_error
                    kept.append(f"{entry_id}: missed, error {decision.error}")
        report("JPEGs", batch[-1] + 1 - numbers.start, len(numbers), faults)
    return {
        "files": len(numbers),
        "by_scene": dict(scenes.most_common()),
        "missed_with_error": with_error,
        "faults": faults,
    }


def write_list(folder: Path, listed: dict[str, Pixels]) -> None:
    """Build an index of PDQ bits, by entry id, with a policy that blocks at 31 bits."""
    folder.mkdir(exist_ok=True)
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "policy.toml").write_text(POLICY)
    with (folder / "list.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["hash", "entry_id"])
        for entry_id, bits in listed.items():
            rows.writerow([np.packbits(bits).tobytes().hex(), entry_id])
    build_index(folder)


def batches(numbers: range) -> Iterator[range]:
    """Yield the numbers in batches, in order."""
    for start in range(numbers.start, numbers.stop, BATCH):
        yield range(start, min(start + BATCH, numbers.stop))


def report(run: str, n_done: int, n_all: int, faults: list[str]) -> None:
    """Print progress."""
    print(f"{run}: {n_done} of {n_all}, {len(faults)} faults", file=sys.stderr, flush=True)


def main() -> int:
    """Run both parts; exit code 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutated", type=int, default=2_000, help="number of mutated files")
    parser.add_argument("--jpegs", type=int, default=2_000, help="number of JPEGs")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--result", type=Path, help="write the counts here, as JSON")
    arguments = parser.parse_args()
    found: dict[str, Any] = {"hashmatch": hashmatch.__version__, "seed": arguments.seed}
    runs = (("mutated", screen_mutated), ("jpegs", screen_jpegs))
    with tempfile.TemporaryDirectory() as folder:
        for name, screen in runs:
            numbers = range(arguments.first, arguments.first + getattr(arguments, name))
            if numbers:
                start_s = time.process_time()
                found[name] = screen(
                    Path(folder) / name, numbers, arguments.seed, arguments.threads
                )
                found[name]["parent_cpu_s"] = round(time.process_time() - start_s, 1)
    text = json.dumps(found, indent=1)
    print(text)
    if arguments.result:
        arguments.result.write_text(text + "\n")
    return int(any(found[name]["faults"] for name, _ in runs if name in found))


if __name__ == "__main__":
    sys.exit(main())
