"""Nearest codes compared with faiss: `python -m benchmarks.compare_nearest --codes 1e6`.

Both answer the same queries in turn in one process, on one thread each; the ratio is the median of
the ratios of all rounds, so other load on the machine affects both. Distances are compared with
those of faiss, and ids with brute force, before anything is timed. Random codes are uniform;
natural ones are PDQ codes of crops of the photos of HASHMATCH_TEST_CORPUS (beyond 200,000, copies
of them with four bits flipped). A near query differs from a code in 20 bits. A far one is a random
code, or a crop of a photo that is not in the index. Writes benchmarks/results/nearest-<codes>.md
and .json.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import faiss
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.hashing_data import photo_paths
from hashmatch.hamming import HammingIndex
from hashmatch.hashing import pdq
from hashmatch.interop import describe_machine

RESULTS = Path(__file__).parent / "results"
N_HELD_OUT = 30  # photos of which only queries are made
N_QUERIES = 256
MAX_CROPS = 200_000
NEAR_BITS = 20

Codes = NDArray[np.uint8]


def crops(photos: list[Path], n: int, generator: np.random.Generator) -> Codes:
    """Return PDQ codes of random crops, as many of each photo."""
    codes = []
    for number, path in enumerate(photos):
        with Image.open(path) as image:
            image.draft("L", (256, 256))
            small = image.convert("L")
            small.thumbnail((256, 256))
        pixels = np.asarray(small)
        for _ in range(n * (number + 1) // len(photos) - n * number // len(photos)):
            height, width = (int(generator.integers(side // 3, side)) for side in pixels.shape)
            top = int(generator.integers(pixels.shape[0] - height))
            left = int(generator.integers(pixels.shape[1] - width))
            crop = np.ascontiguousarray(pixels[top : top + height, left : left + width])
            codes.append(pdq.hash(crop)[0])
    return np.stack(codes)


def flipped(codes: Codes, n_bits: int, generator: np.random.Generator) -> Codes:
    """Return the codes with as many random bits flipped."""
    places = generator.random((len(codes), 256)).argpartition(n_bits, 1)[:, :n_bits]
    bits = np.unpackbits(codes, axis=1)
    np.put_along_axis(bits, places, 1 - np.take_along_axis(bits, places, 1), 1)
    return np.packbits(bits, axis=1)


def make_codes(kind: str, n: int) -> tuple[Codes, dict[str, Codes]]:
    """Return n codes, and near and far queries."""
    generator = np.random.default_rng(12)
    if kind == "random":
        codes = generator.integers(0, 256, (n, 32), dtype=np.uint8)
        far = generator.integers(0, 256, (N_QUERIES, 32), dtype=np.uint8)
    else:
        photos = photo_paths()
        distinct = crops(photos[N_HELD_OUT:], min(n, MAX_CROPS), generator)
        parts = [distinct]
        while sum(map(len, parts)) < n:
            parts.append(flipped(distinct, 4, generator))
        codes = np.concatenate(parts)[:n]
        far = generator.permutation(crops(photos[:N_HELD_OUT], N_QUERIES, generator))
    chosen = codes[generator.integers(0, n, N_QUERIES)]
    return codes, {"near": flipped(chosen, NEAR_BITS, generator), "far": far}


def check(index: HammingIndex, flat: faiss.IndexBinaryFlat, queries: Codes, k: int) -> None:
    """Compare all distances with those of faiss, and some ids with brute force."""
    ids, distances = index.nearest(queries, k)
    assert np.array_equal(distances, flat.search(queries, k)[0])
    codes = index.codes.view(np.uint64)
    for query, found in zip(queries[:3].view(np.uint64), ids, strict=False):
        everything = np.bitwise_count(codes ^ query).sum(1, dtype=np.int64)
        assert np.array_equal(found, np.argsort(everything, kind="stable")[:k])


def timed_us(search: object, queries: Codes, k: int) -> float:
    """Return the microseconds of CPU time per query of one call."""
    start_s = time.process_time()
    search(queries, k)  # type: ignore[operator]
    return (time.process_time() - start_s) * 1e6 / len(queries)


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codes", type=float, default=1e6)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    n = int(given.codes)
    faiss.omp_set_num_threads(1)
    rows = []
    for kind in ("random", "natural"):
        codes, all_queries = make_codes(kind, n)
        flat = faiss.IndexBinaryFlat(256)
        flat.add(codes)
        index = HammingIndex.build(codes)
        for distance, queries in all_queries.items():
            for k in (1, 10, 100):
                check(index, flat, queries[:64], k)
                for batch in (1, 16, 256):
                    pairs = []
                    for start in np.resize(np.arange(0, N_QUERIES, batch), given.rounds).tolist():
                        some = queries[start : start + batch]
                        pairs.append(
                            (timed_us(index.nearest, some, k), timed_us(flat.search, some, k))
                        )
                    ours, theirs = (median(times) for times in zip(*pairs, strict=True))
                    ratio = median(own / other for own, other in pairs)
                    rows.append([kind, distance, k, batch, ours, theirs, ratio])
                    print(*rows[-1][:4], *(f"{figure:.3g}" for figure in rows[-1][4:]), flush=True)
    command = f"python -m benchmarks.compare_nearest --codes {given.codes:.0e}"
    name = f"nearest-{given.codes:.0e}".replace("e+0", "e")
    machine = describe_machine()
    lines = [
        f"# Nearest codes beside faiss, {n:,} codes of 256 bits",
        "",
        f"{machine['cpu']}, kernel {machine['kernel']}, one thread each,",
        f"faiss {version('faiss-cpu')} IndexBinaryFlat, {given.rounds} rounds in turn, `{command.replace('e+0', 'e')}`. Medians of CPU time, us",
        "a query; a ratio is the median of the rounds' ratios, hashmatch over faiss.",
        "",
        "| codes | neighbours | k | batch | hashmatch, us | faiss, us | ratio |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {' | '.join(map(str, row[:4]))} | {row[4]:,.0f} | {row[5]:,.0f} | {row[6]:.2f} |"
            for row in rows
        ),
    ]
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.json").write_text(json.dumps(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
