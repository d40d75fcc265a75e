"""Write `lists/`: hashes of the pictures in `images/`, as invented sources would list them.

    python indexes/demo/make_lists.py

Needs hashmatch itself.  The results are committed; after a change, run `make golden`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import hashmatch as hm

HERE = Path(__file__).parent

HOTLINE = {"coffee": "A1", "gravel": "B2", "ridges-1": "A1", "julia-2": "B1"}
COUNTER_TERROR = {
    "rocket": ["propaganda", "launch"],
    "bricks": ["manual"],
    "pebbles-1": ["propaganda"],
}
OWN_IMAGES = {
    "clock": "active",
    "retina": "active",
    "julia-1": "active",
    "ridges-2": "withdrawn",
}
SPAM = ("cat", "galaxies", "gravel-advert", "julia-3", "pebbles-2", "ridges-3")
KNOWN_GOOD = ("galaxies",)


def hashed(names: dict[str, object] | tuple[str, ...]) -> Iterator[tuple[int, str, hm.Hash]]:
    """Yield number, name and hash of each picture."""
    for number, name in enumerate(names, start=1):
        yield number, name, hm.hash_image(HERE / "images" / f"{name}.jpg")


def write_csv(file_name: str, header: list[str], rows: list[list[object]]) -> None:
    """Write one list as CSV."""
    with (HERE / "lists" / file_name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def write_lists() -> None:
    """Write every list, each in a form its source might choose."""
    (HERE / "lists").mkdir(exist_ok=True)
    write_csv(
        "hotline.csv",
        ["case", "pdq", "pdq_quality", "grade", "reported"],
        [
            [f"H-{1000 + number}", made.hex, made.quality, HOTLINE[name], f"2026-0{number}-15"]
            for number, name, made in hashed(HOTLINE)
        ],
    )
    with (HERE / "lists" / "counter-terror.jsonl").open("w", encoding="utf-8") as file:
        for number, name, made in hashed(COUNTER_TERROR):
            labels = COUNTER_TERROR[name]
            entry = {"entry_id": f"ct-{number}", "hash": made.hex, "labels": labels}
            file.write(json.dumps(entry) + "\n")
    write_csv(
        "own-images.csv",
        ["entry_id", "hash", "status"],
        [
            [f"case-{40 + number}", made.hex, OWN_IMAGES[name]]
            for number, name, made in hashed(OWN_IMAGES)
        ],
    )
    for file_name, names in (("spam.csv", SPAM), ("known-good.csv", KNOWN_GOOD)):
        write_csv(
            file_name,
            ["entry_id", "hash", "quality"],
            [[name, made.hex, made.quality] for _, name, made in hashed(names)],
        )


if __name__ == "__main__":
    write_lists()
