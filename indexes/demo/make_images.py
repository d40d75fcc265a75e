"""Make the demo's pictures: `images/` (what the lists hold) and `uploads/` (what is scanned).

Run from anywhere, in an environment with numpy, pillow and scikit-image 0.26.0 (needed only for
its photographs; hashmatch does not depend on it)::

    python indexes/demo/make_images.py

The results are committed, so nobody needs to run this to use the demo.  After a change, run
`make_lists.py` and then `make golden`.  Where each picture comes from is in README.md.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

HERE = Path(__file__).parent
WIDTH, HEIGHT = 384, 288
Plane = NDArray[np.float64]

LISTED_PHOTOS = {
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "clock": "clock_motion.png",
    "cat": "chelsea.png",
    "galaxies": "hubble_deep_field.jpg",
    "retina": "retina.jpg",
    "bricks": "brick.png",
    "gravel": "gravel.png",
}
UNRELATED_PHOTOS = {"grass": "grass.png", "cameraman": "camera.png"}


def photograph(file_name: str) -> Image.Image:
    """Return one of scikit-image's public-domain photographs, downscaled."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("make_images.py needs scikit-image 0.26.0: pip install scikit-image==0.26.0")
    path = Path(spec.submodule_search_locations[0]) / "data" / file_name
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    return picture


def fractal(shape: tuple[int, ...], slope: float, rng: np.random.Generator) -> Plane:
    """Return noise whose amplitude falls as 1 / f**slope, scaled to 0..1."""
    spectrum = np.fft.fftn(rng.standard_normal(shape))
    frequencies = np.meshgrid(*[np.fft.fftfreq(n) * n for n in shape], indexing="ij")
    radius = np.sqrt(sum(f**2 for f in frequencies))
    radius.flat[0] = np.inf
    field = np.fft.ifftn(spectrum / radius**slope).real
    return (field - field.min()) / (field.max() - field.min())


def to_picture(red: Plane, green: Plane, blue: Plane) -> Image.Image:
    """Return three planes in 0..1 as an RGB picture."""
    stacked = np.stack([red, green, blue], axis=-1)
    return Image.fromarray((stacked.clip(0, 1) * 255).round().astype(np.uint8))


def landscape(seed: int) -> Image.Image:
    """Draw ridges behind ridges under a low sun."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
    sun_x, sun_y = rng.uniform(0.15, 0.85), rng.uniform(0.1, 0.35)
    glow = np.exp(-(((x - sun_x) * 1.3) ** 2 + (y - sun_y) ** 2) / 0.03)
    clouds = fractal((HEIGHT, WIDTH), 1.7, rng) * (0.55 - y).clip(0, 1) * 1.6
    red = 0.45 + 0.4 * y + 0.5 * glow + clouds * 0.5
    green = 0.5 + 0.2 * y + 0.35 * glow + clouds * 0.5
    blue = 0.75 - 0.2 * y + 0.1 * glow + clouds * 0.4
    tint = rng.uniform(0.6, 1.0, 3)
    for depth in np.linspace(0, 1, 5):
        height = fractal((4 * WIDTH,), 1.6, rng)[:WIDTH]
        ridge = 0.42 + 0.5 * depth - 0.38 * (height - 0.3)
        inside = y > ridge
        texture = 0.7 + 0.6 * fractal((HEIGHT, WIDTH), 1.2, rng)
        shade = (0.62 - 0.5 * depth) * texture
        for plane, strength in zip((red, green, blue), tint, strict=True):
            plane[inside] = (shade * strength)[inside]
    return to_picture(red, green, blue)


def julia(c: complex, zoom: float) -> Image.Image:
    """Colour a Julia set smoothly."""
    y, x = np.mgrid[-0.75 : 0.75 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    z = (x + 1j * y) * zoom
    escape = np.full(z.shape, 60.0)
    for step in range(60):
        z = np.where(np.abs(z) < 4, z * z + c, z)
        left = (np.abs(z) >= 4) & (escape == 60)
        escape[left] = step + 1 - np.log2(np.log(np.abs(z[left])))
    level = np.sqrt(escape.clip(0) / 60)
    return to_picture(
        0.5 - 0.5 * np.cos(5 * level), 0.5 - 0.5 * np.cos(7 * level), 0.5 - 0.5 * np.cos(11 * level)
    )


def pebbles(seed: int, n_stones: int) -> Image.Image:
    """Draw round stones, each lit from the upper left."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform((0, 0), (HEIGHT, WIDTH), (n_stones, 2))
    colours = rng.uniform(0.25, 0.95, n_stones)[:, None] * rng.uniform(0.8, 1.0, (n_stones, 3))
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    distance = np.hypot(y[..., None] - centres[:, 0], x[..., None] - centres[:, 1])
    order = np.argsort(distance, axis=-1)[..., :2]
    nearest, second = (
        np.take_along_axis(distance, order[..., k : k + 1], -1)[..., 0] for k in (0, 1)
    )
    edge = ((second - nearest) / 14).clip(0, 1)
    stone = order[..., 0]
    light = 0.75 - 0.012 * ((y - centres[stone, 0]) + (x - centres[stone, 1]))
    grain = 0.85 + 0.3 * fractal((HEIGHT, WIDTH), 1.0, rng)
    lit = (edge * light * grain)[..., None] * colours[stone]
    return to_picture(lit[..., 0], lit[..., 1], lit[..., 2])


RENDERED: dict[str, Callable[[], Image.Image]] = {
    "ridges-1": lambda: landscape(11),
    "ridges-2": lambda: landscape(12),
    "ridges-3": lambda: landscape(13),
    "pebbles-1": lambda: pebbles(21, 40),
    "pebbles-2": lambda: pebbles(22, 70),
    "julia-1": lambda: julia(-0.8 + 0.156j, 1.5),
    "julia-2": lambda: julia(-0.4 + 0.6j, 1.4),
    "julia-3": lambda: julia(0.285 + 0.01j, 1.2),
}


def captioned(picture: Image.Image) -> Image.Image:
    """Return the picture with a price written across its lower left."""
    copy = picture.copy()
    width, height = copy.size
    where = (width // 20, int(0.86 * height))
    ImageDraw.Draw(copy).text(where, "ONLY 9.99!", fill="white", font_size=height // 10)
    return copy


def letterboxed(picture: Image.Image) -> Image.Image:
    """Return the picture between black bars, as a phone's screenshot would show it."""
    width, height = picture.size
    tall = Image.new("RGB", (width, int(1.6 * height)))
    tall.paste(picture, (0, int(0.3 * height)))
    return tall


def encoded(picture: Image.Image, suffix: str, **options: object) -> bytes:
    """Encode the picture in the format of the suffix."""
    buffer = io.BytesIO()
    picture.save(buffer, Image.registered_extensions()[suffix], **options)
    return buffer.getvalue()


def as_jpeg(picture: Image.Image, quality: int = 80) -> bytes:
    """Encode the picture as JPEG."""
    return encoded(picture, ".jpg", quality=quality)


def listed_files() -> dict[str, bytes]:
    """Return the bytes of every listed picture by file name."""
    files = {f"{name}.jpg": as_jpeg(photograph(file)) for name, file in LISTED_PHOTOS.items()}
    files |= {f"{name}.jpg": as_jpeg(render()) for name, render in RENDERED.items()}
    files["gravel-advert.jpg"] = as_jpeg(captioned(opened(files["gravel.jpg"])))
    return files


def opened(data: bytes) -> Image.Image:
    """Decode a picture."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def upload_files(listed: dict[str, bytes]) -> dict[str, bytes]:
    """Return the bytes of every upload by file name, made from listed files."""
    coffee, rocket, cat, retina, julia_1, advert = (
        opened(listed[f"{name}.jpg"])
        for name in ("coffee", "rocket", "cat", "retina", "julia-1", "gravel-advert")
    )
    half = (rocket.width // 2, rocket.height // 2)
    mirror, quarter_turn = Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90
    files = {
        "advert-on-two-lists.jpg": as_jpeg(advert, 60),
        "album/cat-greyscale.jpg": as_jpeg(cat.convert("L"), 75),
        "album/cat.gif": encoded(cat, ".gif"),
        "album/cat.webp": encoded(cat, ".webp", quality=70),
        "album/julia-blurred.jpg": as_jpeg(julia_1.filter(ImageFilter.GaussianBlur(2))),
        "allow-listed.jpg": listed["galaxies.jpg"],
        "blank.png": encoded(Image.new("RGB", (320, 240), "white"), ".png"),
        "clock-too-blurry.jpg": listed["clock.jpg"],
        "coffee-captioned.jpg": as_jpeg(captioned(coffee)),
        "coffee-cmyk.jpg": as_jpeg(coffee.convert("CMYK")),
        "coffee-exact-copy.jpg": listed["coffee.jpg"],
        "coffee-recompressed.jpg": as_jpeg(coffee, 25),
        "coffee-rotated-90.jpg": as_jpeg(coffee.transpose(quarter_turn)),
        "empty.jpg": b"",
        "retina-mirrored.jpg": as_jpeg(retina.transpose(mirror)),
        "retina-resized-up.jpg": as_jpeg(retina.resize((560, 560), Image.Resampling.BICUBIC), 60),
        "rocket-letterboxed.jpg": as_jpeg(letterboxed(rocket)),
        "rocket-palette.png": encoded(rocket.resize((288, 192)).quantize(48), ".png"),
        "rocket-resized.jpg": as_jpeg(rocket.resize(half, Image.Resampling.LANCZOS)),
        "rocket-truncated.jpg": listed["rocket.jpg"][:6000],
        "text-file.jpg": b"This is a text file with the name of a picture.\n",
    }
    for name, file_name in UNRELATED_PHOTOS.items():
        files[f"unrelated-{name}.jpg"] = as_jpeg(photograph(file_name), 70)
    files["unrelated-ridges.jpg"] = as_jpeg(landscape(31))
    files["unrelated-pebbles.jpg"] = as_jpeg(pebbles(32, 55), 70)
    files["unrelated-julia.png"] = encoded(julia(-0.70176 - 0.3842j, 1.5).quantize(64), ".png")
    return files


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Replace the contents of the folder with these files."""
    for old in [path for path in folder.rglob("*") if path.is_file()]:
        old.unlink()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{folder.name}: {len(files)} files, {sum(map(len, files.values())):,} bytes")


if __name__ == "__main__":
    listed = listed_files()
    write(HERE / "images", listed)
    write(HERE / "uploads", upload_files(listed))
