"""Recall for edited copies: `python -m benchmarks.robustness PHOTOS`.

Every photograph of a folder is an entry of a list; every transform of it is an upload.  An upload
is found within a radius if any of its views is; an entry made from another photograph within the
radius is a false match.  hashmatch and its peers (`pdqhash`, `imagehash`) get the same files.
Quality is ignored, so the false matches of poor pictures count.

Writes robustness.json, .md and .png to benchmarks/results.  Seeds are fixed.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
from numpy.typing import NDArray
from PIL import Image

from benchmarks.robustness_results import plot, write_results
from benchmarks.robustness_transforms import TRANSFORMS, encoded
from hashmatch.fingerprint import ViewOptions, fingerprint_media

Codes = NDArray[np.uint8]

RESULTS = Path(__file__).parent / "results"
FAMILIES = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "average_hash": imagehash.average_hash,
    "whash": imagehash.whash,
}


def of_hashmatch(data: bytes) -> dict[str, Codes]:
    """Return the codes of growing sets of views, selected by the names of the views."""
    made = fingerprint_media(data, "picture", ("pdq",), "exact", ViewOptions())["pdq"].unwrap()
    words = [set(view.split("/")) for view in made.views]
    turned = [not one & {"frame", "on_white", "on_black", "trimmed"} for one in words]
    trimmed = [not one & {"frame", "on_white", "on_black"} for one in words]
    return {
        "hashmatch, as stored": made.codes[:1],
        "hashmatch, orientations": made.codes[turned],
        "hashmatch, and trimmed": made.codes[trimmed],
        "hashmatch, all views": made.codes,
    }


def of_pdqhash(image: Image.Image) -> dict[str, Codes]:
    bits = np.stack(pdqhash.compute_dihedral(np.asarray(image))[0])
    codes = np.packbits(bits, axis=1)
    return {"pdqhash": codes[:1], "pdqhash, dihedral": codes}


def hashed(data: bytes) -> dict[str, Codes]:
    """Return the codes of every contender: hashmatch of the file, peers of Pillow's RGB."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    made = of_hashmatch(data) | of_pdqhash(image)
    for name, function in FAMILIES.items():
        bits = np.asarray(function(image).hash, dtype=bool)
        made[f"imagehash {name}"] = np.packbits(bits.reshape(1, -1), axis=1)
    # The reference implementation must agree before anything is counted.
    if not np.array_equal(made["hashmatch, as stored"], made["pdqhash"]):
        raise SystemExit("hashmatch and pdqhash differ about a picture as stored")
    return made


def entry(path: Path) -> dict[str, Codes]:
    return hashed(encoded(Image.open(path).convert("RGB"), quality=90))


def distances(entries: dict[str, Codes], item: tuple[int, Path]) -> dict[str, dict[str, list[int]]]:
    """Return, by transform and contender, distances of one photograph's copies to all entries."""
    number, path = item
    image = Image.open(path).convert("RGB")
    found: dict[str, dict[str, list[int]]] = {}
    for place, (name, transform) in enumerate(TRANSFORMS.items()):
        made = hashed(transform(image, np.random.default_rng((number, place))))
        found[name] = {
            contender: nearest(codes, entries[contender]).tolist()
            for contender, codes in made.items()
        }
    return found


def nearest(views: Codes, entries: Codes) -> NDArray[np.int64]:
    """Return the distance of the nearest view to each entry."""
    differ = np.bitwise_count(views[:, None, :] ^ entries[None, :, :])
    return differ.sum(axis=2, dtype=np.int64).min(axis=0)


def measure(
    paths: list[Path], workers: int, said: Callable[[str], None]
) -> dict[str, dict[str, dict[str, list[int]]]]:
    """Return, by contender and transform, histograms of the distances of copies and of others."""
    first = [entry(path) for path in paths]
    entries = {name: np.concatenate([made[name][:1] for made in first]) for name in first[0]}
    counted = {
        contender: {
            name: {key: [0] * (8 * codes.shape[1] + 1) for key in ("copies", "others")}
            for name in TRANSFORMS
        }
        for contender, codes in entries.items()
    }
    work = partial(distances, entries)
    with ProcessPoolExecutor(workers) as pool:
        results = pool.map(work, enumerate(paths)) if workers > 1 else map(work, enumerate(paths))
        for number, found in enumerate(results):
            for name, by_contender in found.items():
                for contender, far in by_contender.items():
                    counts = counted[contender][name]
                    counts["copies"][far.pop(number)] += 1
                    for distance in far:
                        counts["others"][distance] += 1
            if number % 20 == 19:
                said(f"{number + 1} of {len(paths)} photographs")
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.robustness", description=__doc__.partition("\n\n")[0]
    )
    parser.add_argument("photos", type=Path, nargs="?", help="a folder of photographs")
    parser.add_argument("--every", type=int, default=1, help="take every n-th photograph only")
    parser.add_argument("--draw", action="store_true", help="the picture again, from the JSON")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    options = parser.parse_args()
    if options.draw:
        plot(json.loads((RESULTS / "robustness.json").read_text()), RESULTS / "robustness.png")
        return
    if options.photos is None:
        parser.error("name a folder of photographs")
    paths = sorted(path for path in options.photos.iterdir() if path.is_file())[:: options.every]
    if len(paths) < 2:
        sys.exit(f"{options.photos}: fewer than two photographs")
    counted = measure(paths, options.workers, lambda line: print(line, file=sys.stderr, flush=True))
    for path in write_results(counted, len(paths), RESULTS):
        print(path)


if __name__ == "__main__":
    main()
