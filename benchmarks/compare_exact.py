"""Cost of exact decoding beside luma first, in CPU time: `python -m benchmarks.compare_exact`.

Screening of photos (0.2 megapixels) and of mosaics of them (4.7), and where the difference arises:
decoding, and the hashes of eight orientations, of which some need the arithmetic of the reference.
Beside them the decode of Y, Cb and Cr by Pillow, the only one of the installed decoders that hands
out planes, from which the luma of clipped RGB could be computed without RGB being written. All jobs
of a picture size run in turn in every round; ratios are medians of the rounds' ratios. Photos come
from the corpus that HASHMATCH_TEST_CORPUS names. Writes benchmarks/results/exact.md.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.hashing_data import make_index, photo_paths
from hashmatch.decode import decode_image
from hashmatch.hashing import pdq
from hashmatch.interop import describe_machine
from hashmatch.screener import Screener, ScreeningOptions

RESULT = Path(__file__).parent / "results" / "exact.md"
MOSAIC_PX = (2503, 1877)
N_MOSAICS = 12

Job = Callable[[], object]


def mosaics() -> list[bytes]:
    """Return JPEGs (quality 85, 4:2:0) of 4.7 megapixels, each of other photos."""
    tiles = []
    for path in photo_paths():
        with Image.open(path) as image:
            tiles.append(image.convert("RGB").resize((418, 313)))
    found = []
    for number in range(N_MOSAICS):
        picture = Image.new("RGB", MOSAIC_PX)
        for n in range(36):
            tile = tiles[(36 * number + n) % len(tiles)]
            picture.paste(tile, (n % 6 * tile.width, n // 6 * tile.height))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=85)
        found.append(file.getvalue())
    return found


def planes_by_pillow(data: bytes) -> object:
    image = Image.open(io.BytesIO(data))
    image.draft("YCbCr", image.size)
    return np.asarray(image)


def jobs(files: Sequence[bytes], index: Path) -> dict[str, tuple[Job, Job]]:
    """Return pairs: with exact decoding, and with luma."""
    exact, luma = (
        Screener.open(index, index / "policy.toml", options=ScreeningOptions(decode=way))
        for way in ("exact", "luma")
    )
    rgb, planes = (
        [decode_image(data, decode=way).array for data in files] for way in ("exact", "luma")
    )
    return {
        "screening": (lambda: exact.screen_many(files), lambda: luma.screen_many(files)),
        "decoding": (
            lambda: [decode_image(data) for data in files],
            lambda: [decode_image(data, decode="luma") for data in files],
        ),
        "decoding to Y, Cb, Cr by Pillow": (
            lambda: [planes_by_pillow(data) for data in files],
            lambda: [decode_image(data, decode="luma") for data in files],
        ),
        "hashes": (
            lambda: [pdq.dihedral(one) for one in rgb],
            lambda: [pdq.dihedral(one, tolerance_bits=8) for one in planes],
        ),
        "hashes, nothing settled by the reference": (
            lambda: [pdq.dihedral(one, tolerance_bits=256) for one in rgb],
            lambda: [pdq.dihedral(one, tolerance_bits=256) for one in planes],
        ),
    }


def timed(job: Job) -> float:
    start = time.process_time()
    job()
    return time.process_time() - start


def rows_of(size: str, files: Sequence[bytes], index: Path, rounds: int) -> list[str]:
    pairs = jobs(files, index)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in pairs}
    for _ in range(rounds):
        for name, (exact, luma) in pairs.items():
            times[name].append((timed(exact), timed(luma)))
    rows = []
    for name, measured in times.items():
        exact_ms, luma_ms = (
            statistics.median(column) / len(files) * 1e3 for column in zip(*measured, strict=True)
        )
        ratio = statistics.median(one / other for one, other in measured)
        rows.append(f"| {size} | {name} | {exact_ms:.2f} ms | {luma_ms:.2f} ms | {ratio:.2f} |")
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    paths = photo_paths()
    with tempfile.TemporaryDirectory() as folder:
        index = make_index(Path(folder), paths, n_unrelated=1000)
        photos = [path.read_bytes() for path in paths[1:]]  # of which 1% are listed
        rows = rows_of("0.2 MP", photos, index, args.rounds)
        rows += rows_of("4.7 MP", mosaics(), index, args.rounds)
    machine = describe_machine()
    lines = [
        "# Exact decoding beside luma first",
        "",
        f"Made by `python -m benchmarks.compare_exact`; {machine['cpu']}, kernel "
        f"{machine['kernel']}, simplejpeg {version('simplejpeg')}, Pillow {version('pillow')}. "
        "CPU time a picture, on one thread; medians of the rounds.",
        "",
        "| size | job | exact | luma | ratio |",
        "|---|---|---|---|---|",
        *rows,
    ]
    RESULT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
