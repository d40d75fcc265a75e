"""Hashing compared with its peers, as ratios: `python -m benchmarks.compare_hashing`.

Each row is one job that two contenders do in turn in one process, on one thread unless it says
otherwise; the ratio is the median of the ratios of all rounds, so other load on the machine affects
both. Answers are compared before anything is timed. Photos come from the corpus that
HASHMATCH_TEST_CORPUS names; large ones are composed of them. Writes benchmarks/results/hashing.md
and .json.

    python -m benchmarks.compare_hashing                  # some minutes
    python -m benchmarks.compare_hashing --jobs array files --rounds 5
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pdqhash
from PIL import Image

from benchmarks.hashing_data import (
    large_photo,
    listed_photos,
    make_index,
    photo_paths,
    textured_luma,
)
from benchmarks.hashing_measure import Row, compare, peak_of, repeated
from hashmatch import hash_image, hash_many
from hashmatch.backlog import scan
from hashmatch.hashing import pdq
from hashmatch.interop import describe_machine
from hashmatch.screener import Screener, ScreeningOptions
from hashmatch.workers import Isolation

RESULTS = Path(__file__).parent / "results"
LARGE_MP = (8, 40, 100)


def luma_of_files(paths: Sequence[Path]) -> None:
    for path in paths:
        with Image.open(path) as image:
            image.draft("L", image.size)
            image.load()


def rgb_of_files(paths: Sequence[Path]) -> None:
    for path in paths:
        with Image.open(path) as image:
            image.load()
            if image.mode != "RGB":
                image.convert("RGB")


def peer_hashes(paths: Sequence[Path]) -> list[str]:
    found = []
    for path in paths:
        with Image.open(path) as image:
            bits, _quality = pdqhash.compute(np.asarray(image.convert("RGB")))
        found.append(np.packbits(bits).tobytes().hex())
    return found


def hashes(paths: Sequence[Path], **options: object) -> list[str]:
    return [made.hash.hex for made in hash_many(paths, **options)]  # type: ignore[arg-type, union-attr]


def array_rows(rounds: int) -> Iterator[Row]:
    luma = textured_luma(512)
    grey = np.stack([luma] * 3, axis=-1)
    bits, quality = pdqhash.compute(grey)
    code, same = pdq.hash(luma)
    assert np.array_equal(code, np.packbits(bits))
    assert same == quality
    expected = [np.packbits(bits) for bits in pdqhash.compute_dihedral(grey)[0]]
    assert np.array_equal(pdq.dihedral(luma)[0], expected)
    one = "PDQ of 512 x 512 uint8 luma"
    # Repeated in proportion to their speeds, so that each takes about a second in total.
    fast = repeated(2000, lambda: pdq.hash(luma))
    slow = repeated(20, lambda: pdqhash.compute(grey))
    row = compare((one, fast), ("pdqhash.compute", slow), ">= 100", rounds=rounds)
    yield Row(
        *(row.what, row.beside, row.what_s / 2000, row.beside_s / 20, row.ratio * 100),
        row.wanted,
    )
    row = compare(
        ("eight hashes of it", repeated(2000, lambda: pdq.dihedral(luma))),
        ("one hash", fast),
        "<= 1.3, or 8 us more",
        rounds=rounds,
    )
    more_us = (row.what_s - row.beside_s) / 2000 * 1e6
    yield Row(
        *(row.what, row.beside, row.what_s / 2000, row.beside_s / 2000, row.ratio, row.wanted),
        f"{more_us:.1f} us more",
    )


def file_rows(rounds: int) -> Iterator[Row]:
    paths = photo_paths()
    exact = peer_hashes(paths)
    assert hashes(paths) == exact  # not one bit differs
    luma = hashes(paths, decode="luma")
    drifts = [
        (int(one, 16) ^ int(other, 16)).bit_count() for one, other in zip(luma, exact, strict=True)
    ]
    assert max(drifts) <= 8
    assert hashes(paths, workers=2) == exact
    luma_alone = ("Pillow, luma alone", lambda: luma_of_files(paths))
    rgb_alone = ("Pillow, RGB alone", lambda: rgb_of_files(paths))
    by_luma = ("files to PDQ, luma", lambda: hashes(paths, decode="luma"))
    by_exact = ("files to PDQ, exact", lambda: hashes(paths))
    two = ("two threads, exact", lambda: hashes(paths, workers=2))
    peer = ("Pillow RGB + pdqhash", lambda: peer_hashes(paths))
    yield compare(by_luma, luma_alone, "<= 1.15", rounds=rounds)
    yield compare(by_luma, peer, ">= 2.5", rounds=rounds)
    yield compare(by_exact, rgb_alone, "<= 1.2", rounds=rounds)
    yield compare(two, ("one thread", by_exact[1]), ">= 1.8", rounds=rounds)


def screening_rows(rounds: int) -> Iterator[Row]:
    paths = listed_photos()
    with tempfile.TemporaryDirectory() as folder:
        index = make_index(Path(folder), paths, n_unrelated=1000)
        for policy, wanted in ("orientations.toml", "<= 1.2"), ("policy.toml", "reported"):
            yield screening_row(paths, index, policy, wanted, rounds)


def screening_row(paths: Sequence[Path], index: Path, policy: str, wanted: str, rounds: int) -> Row:
    screener = Screener.open(index, index / policy, options=ScreeningOptions(decode="luma"))
    exact = Screener.open(index, index / policy, options=ScreeningOptions(decode="exact"))
    found = [decision.n_matches for decision in screener.screen_many(paths)]
    assert found == [decision.n_matches for decision in exact.screen_many(paths)]
    share = sum(n > 0 for n in found) / len(paths)
    assert 0.01 <= share <= 0.02
    views = "eight orientations" if wanted.startswith("<=") else "all views"
    return compare(
        (f"screening by {views}, luma first", lambda: screener.screen_many(paths)),
        ("Pillow, luma alone", lambda: luma_of_files(paths)),
        wanted,
        rounds=rounds,
        note=f"{share:.1%} match; 1,000 codes in the index",
    )


def isolation_rows(rounds: int) -> Iterator[Row]:
    paths = photo_paths() * 3  # long enough for process start-up to be negligible
    assert hashes(paths[:50], isolation=Isolation()) == hashes(paths[:50])
    for workers in (1, 2):
        plain, isolated = {"workers": workers}, {"workers": workers, "isolation": Isolation()}
        yield compare(
            (f"hashing in isolation, {workers} worker(s)", lambda o=isolated: hashes(paths, **o)),
            ("without", lambda o=plain: hashes(paths, **o)),
            "reported",
            rounds=max(3, rounds // 3),
            note="with the start of the processes",
        )
    with tempfile.TemporaryDirectory() as folder:
        index = make_index(Path(folder), paths, n_unrelated=1000)
        options = {"index": index, "policy": index / "policy.toml", "output": "/dev/null"}
        photos = [paths[0].parent]
        plain, isolated = (
            ScreeningOptions(decode="exact", isolation=isolation)
            for isolation in (None, Isolation())
        )
        for workers in (1, 2):
            options["workers"] = workers
            yield compare(
                (
                    f"scan --isolate, {workers} worker(s)",
                    lambda o=dict(options): scan(photos, **o, options=isolated),
                ),
                ("scan", lambda o=dict(options): scan(photos, **o, options=plain)),
                "reported",
                rounds=max(3, rounds // 3),
                note=f"{len(paths) // 3} files, with the start of the processes",
            )


def large_rows(rounds: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for is_progressive in (False, True):
            for mp in LARGE_MP:
                path = large_photo(Path(folder), mp, is_progressive=is_progressive)
                yield large_row(path, mp, max(1, rounds // 5), is_progressive=is_progressive)
                path.unlink()


def large_row(path: Path, mp: int, rounds: int, *, is_progressive: bool) -> Row:
    exact, luma = hash_image(path), hash_image(path, decode="luma")
    assert exact.hex == peer_hashes([path])[0]
    assert exact.distance(luma) <= 8
    with Image.open(path) as image:
        plane_bytes = image.width * image.height
    peak_bytes, exact_bytes = peak_of(path, "luma"), peak_of(path, "exact")
    kind = "progressive" if is_progressive else "baseline"
    bound = 2 * plane_bytes + (64 << 20)
    note = (
        f"peak {peak_bytes >> 20} MiB above idle = {peak_bytes / plane_bytes:.2f} luma planes, "
        f"{peak_bytes / bound:.0%} of 2 planes + 64 MiB; exact {exact_bytes >> 20} MiB "
        f"= {exact_bytes / plane_bytes:.2f} planes"
    )
    return compare(
        (f"{mp} MP {kind}, luma", lambda: hash_image(path, decode="luma")),
        ("Pillow RGB + pdqhash", lambda: peer_hashes([path])),
        ">= 7 asked of baseline" if is_progressive else ">= 7",
        rounds=rounds,
        note=note,
    )


JOBS = {
    "array": array_rows,
    "files": file_rows,
    "screening": screening_rows,
    "large": large_rows,
    "isolation": isolation_rows,
}


def table(rows: Sequence[Row], machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {one}" for name, one in machine["versions"].items())
    lines = [
        "# Hashing beside its peers",
        "",
        f"Made by `python -m benchmarks.compare_hashing` on photographs; {machine['cpu']}, kernel "
        f"{machine['kernel']}, {machine['system']}, Python {machine['python']}, {versions}. "
        "Times are medians, ratios medians of the rounds' ratios.",
        "",
        "| job | time | beside | time | ratio | wanted | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.what} | {seconds(row.what_s)} | {row.beside} | {seconds(row.beside_s)} "
        f"| {row.ratio:.3g} | {row.wanted} | {row.note} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def seconds(value: float) -> str:
    return f"{value * 1e6:.1f} us" if value < 1e-3 else f"{value * 1e3:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", nargs="+", choices=sorted(JOBS), default=list(JOBS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, default=RESULTS / "hashing")
    args = parser.parse_args()
    if not os.environ.get("HASHMATCH_TEST_CORPUS"):
        parser.error("HASHMATCH_TEST_CORPUS must name the corpus of pictures")
    Image.MAX_IMAGE_PIXELS = None
    rows = []
    for name in args.jobs:
        for row in JOBS[name](args.rounds):
            rows.append(row)
            print(
                f"{row.what} / {row.beside}: {row.ratio:.3g} ({row.wanted}) {row.note}", flush=True
            )
    machine = describe_machine()
    machine["versions"] |= {name: version(name) for name in ("pillow", "simplejpeg", "pdqhash")}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.with_suffix(".md").write_text(table(rows, machine))
    whole = {"machine": machine, "rows": [asdict(row) for row in rows]}
    args.output.with_suffix(".json").write_text(json.dumps(whole, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
