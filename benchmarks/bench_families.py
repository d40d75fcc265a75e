"""Picture files to pHash-family hashes, on one thread, compared with Pillow and imagehash.

Answers are compared with imagehash's before anything is timed. As a script it prints ratios::

    HASHMATCH_TEST_CORPUS=... python benchmarks/bench_families.py

Every round runs all contenders in turn, so other load on the machine affects them equally; a ratio
is the median over the rounds.
"""

import io
import os
import statistics
import sys
import time
from pathlib import Path

import imagehash
import pytest
from PIL import Image

from hashmatch.decode import decode_image
from hashmatch.fingerprint import ViewOptions, fingerprint_media, hash_image
from hashmatch.hashing import get_pixel_hash, grey_of

ORACLES = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "ahash": imagehash.average_hash,
    "whash": imagehash.whash,
}
N_FILES = 60
ROUNDS = 15


def read_files():
    """Return evenly spaced files of the corpus; without a corpus, those of the demo."""
    corpus = os.environ.get("HASHMATCH_TEST_CORPUS")
    demo = Path(__file__).parents[1] / "indexes" / "demo" / "images"
    paths = sorted((Path(corpus) / "photos" if corpus else demo).iterdir())
    step = max(1, len(paths) // N_FILES)
    return [path.read_bytes() for path in paths[::step][:N_FILES]]


def decode_by_pillow(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def hash_all(data):
    made = fingerprint_media(data, "picture", tuple(ORACLES), "exact", ViewOptions(views=()))
    return {name: made[name].unwrap().codes[0] for name in ORACLES}


def check(files):
    for data in files:
        image = decode_by_pillow(data)
        together = hash_all(data)
        for name, oracle in ORACLES.items():
            expected = str(oracle(image))
            assert hash_image(data, name).hex == expected
            assert together[name].tobytes().hex() == expected


@pytest.fixture(scope="module")
def files():
    files = read_files()
    check(files)
    return files


def over(function, items):
    def run():
        for item in items:
            function(item)

    return run


FILES = "Files to hashes, exact decode"


@pytest.mark.benchmark(group=FILES)
def test_decode_alone(benchmark, files):
    benchmark(over(decode_by_pillow, files))


@pytest.mark.benchmark(group=FILES)
@pytest.mark.parametrize("name", ORACLES)
def test_hash_files(benchmark, files, name):
    benchmark(over(lambda data: hash_image(data, name), files))


@pytest.mark.benchmark(group=FILES)
def test_hash_files_all_four(benchmark, files):
    benchmark(over(hash_all, files))


@pytest.mark.benchmark(group=FILES)
@pytest.mark.parametrize("name", ORACLES)
def test_hash_files_imagehash(benchmark, files, name):
    benchmark(over(lambda data: ORACLES[name](decode_by_pillow(data)), files))


@pytest.mark.parametrize("name", ORACLES)
def test_hash_pixels(benchmark, files, name):
    benchmark.group = f"{name} of decoded pixels"
    benchmark(over(get_pixel_hash(name).hash_pixels, [decode_image(one).array for one in files]))


@pytest.mark.parametrize("name", ORACLES)
def test_hash_pixels_imagehash(benchmark, files, name):
    benchmark.group = f"{name} of decoded pixels"
    benchmark(over(ORACLES[name], [decode_by_pillow(one) for one in files]))


def contenders(files):
    pixels = [decode_image(data).array for data in files]
    images = [decode_by_pillow(data) for data in files]
    jobs = {"decode by Pillow": over(decode_by_pillow, files)}
    for name in ORACLES:
        jobs[f"decode + {name}"] = over(lambda data, name=name: hash_image(data, name), files)
    jobs["decode + all four"] = over(hash_all, files)
    jobs["grey"] = over(grey_of, pixels)
    for name, oracle in ORACLES.items():
        jobs[f"{name} of pixels"] = over(get_pixel_hash(name).hash_pixels, pixels)
        jobs[f"{name} by imagehash"] = over(oracle, images)
    return jobs


def main():
    files = read_files()
    check(files)
    jobs = contenders(files)
    times_s = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            started_s = time.perf_counter()
            job()
            times_s[name].append(time.perf_counter() - started_s)

    def ratio(one, other):
        return statistics.median(a / b for a, b in zip(times_s[one], times_s[other], strict=True))

    lines = [f"{len(files)} files, {ROUNDS} rounds, milliseconds a file and ratios, medians", ""]
    for name, times in times_s.items():
        lines.append(f"{name:22} {1000 * statistics.median(times) / len(files):8.3f} ms")
    lines.append("")
    for name in (*ORACLES, "all four"):
        lines.append(
            f"decode + {name:13} {ratio(f'decode + {name}', 'decode by Pillow'):6.2f} x decode"
        )
    for name in ORACLES:
        faster = ratio(f"{name} by imagehash", f"{name} of pixels")
        lines.append(f"{name} of pixels {faster:14.1f} x as fast as imagehash")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
