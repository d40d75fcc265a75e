"""Recall for pictures in borders: `python -m benchmarks.compare_borders PHOTOS --name NAME`.

Every photograph of a folder is an entry; an upload is the photograph in a border of some kind,
which leaves it a share of the area, as a JPEG.  It is found if any view lies within 31 bits; an
entry made from another photograph within 31 bits is a false match.  Quality is ignored.

Adds a column NAME to borders.json and borders.md in benchmarks/results, next to those that are
there, so that two versions of hashmatch can be compared.  Seeds are fixed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.robustness_transforms import encoded
from hashmatch.fingerprint import ViewOptions, fingerprint_media

Levels = NDArray[np.float64]
Ground = Callable[[int, int, np.random.Generator], Levels]

RESULTS = Path(__file__).parent / "results"
RADIUS_BITS = 31
AREA_SHARES = (0.8, 0.5, 0.25, 0.0625)
PHOTO_PX, MOST_PX = 360, 1200  # the longer side of a photograph, and of an upload
TRIMMED = ViewOptions(("trimmed",))


def plain(*colour: int) -> Ground:
    return lambda height, width, _rng: np.full((height, width, 3), colour, np.float64)


def noise(level: int) -> Ground:
    return lambda height, width, rng: level + rng.integers(-12, 13, (height, width, 3))


def two_shades(height: int, width: int, _rng: np.random.Generator) -> Levels:
    return np.where(np.arange(height) < height / 2, 12.0, 24.0)[:, None, None] * np.ones((width, 3))


def gradient(height: int, width: int, _rng: np.random.Generator) -> Levels:
    return np.linspace(40, 200, height)[:, None, None] * np.ones((width, 3))


def four_colours(height: int, width: int, _rng: np.random.Generator) -> Levels:
    levels = np.zeros((height, width, 3))
    rows, columns = np.mgrid[:height, :width]
    down, across = rows / height, columns / width
    levels[down < across] = (200, 30, 60)
    levels[(down >= across) & (down + across > 1)] = (30, 60, 200)
    levels[(down < across) & (down + across > 1)] = (250, 250, 250)
    return levels


def chequers(height: int, width: int, _rng: np.random.Generator) -> Levels:
    rows, columns = np.mgrid[:height, :width]
    return np.where((rows // 16 + columns // 16) % 2, 60.0, 230.0)[..., None] * np.ones(3)


def texture(height: int, width: int, rng: np.random.Generator) -> Levels:
    grains = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(grains).filter(ImageFilter.GaussianBlur(1.5)), np.float64)


GROUNDS: dict[str, Ground] = {
    "black": plain(0, 0, 0),
    "white": plain(255, 255, 255),
    "red": plain(200, 30, 60),
    "noise of 12 levels": noise(128),
    "two shades": two_shades,
    "gradient": gradient,
    "four colours": four_colours,
    "chequers": chequers,
    "texture": texture,
}


def mark(image: Image.Image) -> None:
    image.paste((240, 220, 180), (0, 0, 12, 12))


def caption(image: Image.Image) -> None:
    draw = ImageDraw.Draw(image)
    size = max(8, image.height // 30)
    draw.text((image.width // 20, size // 4), "WAIT FOR IT...", fill="gray", font_size=size)
    draw.text((image.width // 2, image.height - 5 * size // 4), "@name", "gray", font_size=size)


def framed(
    image: Image.Image, share: float, ground: Ground, place: str, rng: np.random.Generator
) -> Image.Image:
    """Lay a picture on a ground of which it takes a share: in a frame, between bars, at one end."""
    scale = share**-0.5 if place == "frame" else 1 / share
    width = round(image.width * (scale if place == "frame" else 1))
    height = round(image.height * scale)
    large = Image.fromarray(ground(height, width, rng).clip(0, 255).astype(np.uint8))
    top = 0 if place == "one bar" else (height - image.height) // 2
    large.paste(image, ((width - image.width) // 2, top))
    return large


def rounded(image: Image.Image, share: float, _rng: np.random.Generator) -> Image.Image:
    mask = Image.new("L", image.size)
    box = (0, 0, image.width - 1, image.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, image.width // 30, fill=255)
    cut = Image.composite(image, Image.new("RGB", image.size, "white"), mask)
    return framed(cut, share, plain(255, 255, 255), "frame", _rng)


def shadowed(image: Image.Image, share: float, _rng: np.random.Generator) -> Image.Image:
    width, height = (round(side * share**-0.5) for side in image.size)
    left, top = (width - image.width) // 2, (height - image.height) // 2
    large = Image.new("RGB", (width, height), (240, 240, 240))
    large.paste(
        (140, 140, 140), (left + 8, top + 8, left + image.width + 8, top + image.height + 8)
    )
    large = large.filter(ImageFilter.GaussianBlur(8))
    large.paste(image, (left, top))
    return large


def on_itself(image: Image.Image, share: float, _rng: np.random.Generator) -> Image.Image:
    """Lay a picture over its own blurred, dimmed enlargement."""
    height = round(image.height / share)
    ground = image.resize((round(image.width / share), height))
    ground = ground.crop((0, 0, image.width, height)).filter(ImageFilter.GaussianBlur(20))
    ground = ground.point(lambda level: 0.7 * level)
    ground.paste(image, (0, (height - image.height) // 2))
    return ground


def bars_in_a_frame(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    bars = framed(image, share**0.5, plain(0, 0, 0), "bars", rng)
    return framed(bars, share**0.5, plain(250, 250, 250), "frame", rng)


Kind = Callable[[Image.Image, float, np.random.Generator], Image.Image]


def of_ground(ground: Ground, place: str, draw: Callable[[Image.Image], None] | None) -> Kind:
    def make(image: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
        large = framed(image, share, ground, place, rng)
        if draw is not None:
            draw(large)
        return large

    return make


KINDS: dict[str, Kind] = {
    **{f"frame: {name}": of_ground(ground, "frame", None) for name, ground in GROUNDS.items()},
    **{f"bars: {name}": of_ground(GROUNDS[name], "bars", None) for name in list(GROUNDS)[2:6]},
    "one bar: white": of_ground(GROUNDS["white"], "one bar", None),
    "one bar: noise of 12 levels": of_ground(GROUNDS["noise of 12 levels"], "one bar", None),
    "frame: black, a mark in the corner": of_ground(GROUNDS["black"], "frame", mark),
    "bars: white, a caption and a name": of_ground(GROUNDS["white"], "bars", caption),
    "rounded corners": rounded,
    "drop shadow": shadowed,
    "its own blurred enlargement": on_itself,
    "bars in a frame": bars_in_a_frame,
}


def codes_of(data: bytes) -> NDArray[np.uint8]:
    return fingerprint_media(data, "picture", ("pdq",), "exact", TRIMMED)["pdq"].unwrap().codes


def measure(paths: list[Path]) -> dict[str, dict[str, float]]:
    """Return recall, false matches and views an upload, by kind and share of the area."""
    images = [Image.open(path).convert("RGB") for path in paths]
    for image in images:
        image.thumbnail((PHOTO_PX, PHOTO_PX))
    entries = np.concatenate([codes_of(encoded(image, quality=90))[:1] for image in images])
    results = {}
    for place, (kind, make) in enumerate(KINDS.items()):
        for share in AREA_SHARES:
            n_found = n_false = n_views = 0
            for number, image in enumerate(images):
                upload = make(image, share, np.random.default_rng((number, place)))
                upload.thumbnail((MOST_PX, MOST_PX))
                codes = codes_of(encoded(upload))
                apart = np.bitwise_count(codes[:, None] ^ entries[None]).sum(axis=2).min(axis=0)
                n_found += int(apart[number] <= RADIUS_BITS)
                n_false += int((np.delete(apart, number) <= RADIUS_BITS).sum())
                n_views += len(codes)
            results[f"{kind}, {share:.3g}"] = {
                "recall": n_found / len(images),
                "false_matches": n_false,
                "views": n_views / len(images),
            }
        print(kind, file=sys.stderr, flush=True)
    return results


def table(columns: dict[str, dict[str, dict[str, float]]], n_photos: int) -> str:
    """Return recall by kind as Markdown, a group of columns for each name."""
    head = [f"{name}, {share:.1%}" for name in columns for share in AREA_SHARES]
    lines = [
        "# Pictures in borders that are still found",
        "",
        f"Recall in percent within {RADIUS_BITS} bits over {n_photos} photographs, by the share of",
        "the area that the picture keeps; made by `python -m benchmarks.compare_borders PHOTOS`.",
        "",
        "| border | " + " | ".join(head) + " |",
        "|---" * (len(head) + 1) + "|",
    ]
    for kind in KINDS:
        cells = [
            f"{100 * column[f'{kind}, {share:.3g}']['recall']:.0f}"
            for column in columns.values()
            for share in AREA_SHARES
        ]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    lines.append("")
    for name, column in columns.items():
        n_false = sum(one["false_matches"] for one in column.values())
        views = sum(one["views"] for one in column.values()) / len(column)
        n_pairs = len(column) * n_photos * (n_photos - 1)
        lines.append(
            f"- {name}: {n_false} false matches of {n_pairs:,} pairs, {views:.2f} views an upload."
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare_borders", description=__doc__.partition("\n\n")[0]
    )
    parser.add_argument("photos", type=Path, help="a folder of photographs")
    parser.add_argument("--name", default="now", help="of the column, such as a version")
    parser.add_argument("--every", type=int, default=1, help="take every n-th photograph only")
    options = parser.parse_args()
    paths = sorted(path for path in options.photos.iterdir() if path.is_file())[:: options.every]
    file = RESULTS / "borders.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    columns = kept["columns"] if kept.get("photographs") == len(paths) else {}
    columns[options.name] = measure(paths)
    file.write_text(json.dumps({"photographs": len(paths), "columns": columns}, indent=1) + "\n")
    (RESULTS / "borders.md").write_text(table(columns, len(paths)))


if __name__ == "__main__":
    main()
