"""Edits applied to a picture before it is uploaded again, seeded by the picture's number."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

Transform = Callable[[Image.Image, np.random.Generator], bytes]
Change = Callable[[Image.Image], Image.Image]

FLIP = Image.Transpose.FLIP_LEFT_RIGHT


def encoded(image: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    options = {"quality": 80, **options} if file_format in {"JPEG", "WEBP", "AVIF"} else options
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def as_file(file_format: str, **options: Any) -> Transform:
    return lambda image, _rng: encoded(image, file_format, **options)


def changed(change: Change) -> Transform:
    return lambda image, _rng: encoded(change(image))


def resized(scale: float) -> Change:
    return lambda image: image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))),
        Image.Resampling.BICUBIC,
    )


def cropped(share: float) -> Transform:
    """Crop away a share of the area, at a random place."""

    def crop(image: Image.Image, rng: np.random.Generator) -> bytes:
        keep = (1 - share) ** 0.5
        width, height = round(image.width * keep), round(image.height * keep)
        left = int(rng.integers(0, image.width - width + 1))
        top = int(rng.integers(0, image.height - height + 1))
        return encoded(image.crop((left, top, left + width, top + height)))

    return crop


def turned(degrees: float) -> Change:
    """Rotate by a few degrees; the corners are black."""
    return lambda image: image.rotate(degrees, Image.Resampling.BICUBIC)


def framed(across: float, along: float, colour: tuple[int, int, int]) -> Change:
    """Add a border, its width and height as shares of the picture's."""

    def frame(image: Image.Image) -> Image.Image:
        right, down = round(image.width * across), round(image.height * along)
        large = Image.new("RGB", (image.width + 2 * right, image.height + 2 * down), colour)
        large.paste(image, (right, down))
        return large

    return frame


def noisy(sigma: float) -> Transform:
    def add(image: Image.Image, rng: np.random.Generator) -> bytes:
        levels = np.asarray(image) + rng.normal(0, sigma, (image.height, image.width, 3))
        return encoded(Image.fromarray(levels.clip(0, 255).astype(np.uint8)))

    return add


def gamma(power: float) -> Change:
    table = [round(255 * (level / 255) ** power) for level in range(256)] * 3
    return lambda image: image.point(table)


def few_colours(image: Image.Image, n_colours: int) -> Image.Image:
    return image.quantize(n_colours, Image.Quantize.FASTOCTREE)


def captioned(image: Image.Image) -> Image.Image:
    copy = image.copy()
    draw = ImageDraw.Draw(copy)
    height = image.height // 7
    draw.rectangle((0, image.height - height, image.width, image.height), fill="white")
    where = (image.width // 20, image.height - height)
    draw.text(where, "WAIT FOR IT...", fill="black", font_size=3 * height // 4)
    return copy


def watermarked(image: Image.Image) -> Image.Image:
    layer = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(layer)
    size = image.height // 8
    for row in range(0, image.height, 3 * size):
        draw.text(
            (image.width // 8, row + size), "SAMPLE", fill=(255, 255, 255, 90), font_size=size
        )
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def screenshot(image: Image.Image) -> Image.Image:
    """Return a phone's screen: the picture at full width, a clock above, a word below."""
    width = 720
    picture = image.resize((width, round(image.height * width / image.width)))
    screen = Image.new("RGB", (width, picture.height + 500), "black")
    screen.paste(picture, (0, 250))
    draw = ImageDraw.Draw(screen)
    draw.text((24, 12), "12:34", fill="white", font_size=26)
    draw.text((24, screen.height - 60), "Share", fill="white", font_size=30)
    return screen


def hidden_in_a_frame(image: Image.Image, _rng: np.random.Generator) -> bytes:
    cover = Image.radial_gradient("L").resize(image.size).convert("RGB")
    return encoded(cover, "WEBP", save_all=True, append_images=[image, cover], duration=500)


def drawn_in_alpha(image: Image.Image, _rng: np.random.Generator) -> bytes:
    """Return black pixels whose alpha channel carries the picture."""
    alpha = image.convert("L").point(lambda level: 255 - level)
    return encoded(Image.merge("LA", (Image.new("L", image.size), alpha)), "PNG", compress_level=1)


BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (200, 30, 60)

TRANSFORMS: dict[str, Transform] = {
    **{
        f"JPEG quality {quality}": as_file("JPEG", quality=quality)
        for quality in (95, 75, 50, 30, 10)
    },
    "WebP": as_file("WEBP"),
    "AVIF": as_file("AVIF", speed=9),
    "PNG, 64 colours": lambda image, _rng: encoded(few_colours(image, 64), "PNG"),
    "GIF": lambda image, _rng: encoded(few_colours(image, 256), "GIF"),
    "CMYK JPEG": changed(lambda image: image.convert("CMYK")),
    **{f"resize x{scale}": changed(resized(scale)) for scale in (0.25, 0.5, 2)},
    "squeeze to a square": changed(lambda image: image.resize((400, 400))),
    **{f"crop {round(100 * share)}%": cropped(share) for share in (0.01, 0.02, 0.05, 0.1, 0.2)},
    **{f"rotate {degrees} degrees": changed(turned(degrees)) for degrees in (1, 2, 5)},
    "rotate 90 degrees": changed(lambda image: image.transpose(Image.Transpose.ROTATE_90)),
    "mirror": changed(lambda image: image.transpose(FLIP)),
    "letterbox 10%, black": changed(framed(0, 0.1, BLACK)),
    "letterbox 30%, black": changed(framed(0, 0.3, BLACK)),
    "pillars 30%, black": changed(framed(0.3, 0, BLACK)),
    "border 2%, white": changed(framed(0.02, 0.02, WHITE)),
    "border 5%, red": changed(framed(0.05, 0.05, RED)),
    "border 20%, white, mirror": changed(
        lambda image: framed(0.2, 0.2, WHITE)(image).transpose(FLIP)
    ),
    "screenshot": changed(screenshot),
    "blur 1 px": changed(lambda image: image.filter(ImageFilter.GaussianBlur(1))),
    "blur 4 px": changed(lambda image: image.filter(ImageFilter.GaussianBlur(4))),
    "noise 10": noisy(10),
    "noise 30": noisy(30),
    "contrast x0.5": changed(lambda image: ImageEnhance.Contrast(image).enhance(0.5)),
    "contrast x1.5": changed(lambda image: ImageEnhance.Contrast(image).enhance(1.5)),
    "gamma 0.6": changed(gamma(0.6)),
    "gamma 1.6": changed(gamma(1.6)),
    "caption": changed(captioned),
    "watermark": changed(watermarked),
    "drawn in alpha": drawn_in_alpha,
    "a frame of an animation": hidden_in_a_frame,
}
