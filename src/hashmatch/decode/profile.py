"""Colours as a viewer shows them that follows the colour profile or gamma in a file.

The reference implementations ignore profiles, and so does the picture as stored.  For most files
that makes no difference to a hash: the profiles of cameras and editors move the luma of a colour by
a few levels.  A profile can also turn a picture into its negative, or show what nobody would see
without it.  `read_profile` returns a profile only if it may change a hash.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode.pixels import Box, fill_blocks

_Pixels = NDArray[np.uint8]
_Convert = Callable[[_Pixels], _Pixels]

_MEAN_LEVELS, _MOST_LEVELS = 12.0, 48  # by which the luma of a tame profile may differ
_TABLES = frozenset((b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1", b"D2B2", b"D2B3"))
_Kind = Literal["RGB", "grey", "CMYK"]
_MODES: dict[tuple[str, str], str] = {
    ("RGB", "RGB "): "RGB", ("grey", "RGB "): "RGB",
    ("grey", "GRAY"): "L", ("CMYK", "CMYK"): "CMYK",
}  # fmt: skip
"""By kind of picture and colour space of the profile: the mode in which pixels are converted."""
_MOST_CACHED_BYTES = 1 << 16  # larger ones hold tables

_SRGB_GAMMA = 0.45455
_SRGB_WHITE_AND_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A profile that changes strongly what a picture looks like.

    `convert` turns pixels as stored, uint8 (h, w, 3), into sRGB. `inks` is the loaded image if it
    is not of red, green and blue but of inks, which are then converted instead.
    """

    convert: _Convert
    inks: Image.Image | None = None

    def apply(self, rgb: _Pixels) -> _Pixels:
        """Return the picture in sRGB, uint8 (H, W, 3), from its pixels as stored."""
        inks = self.inks

        def convert(box: Box) -> _Pixels:
            left, top, right, bottom = box
            stored = rgb[top:bottom, left:right] if inks is None else np.asarray(inks.crop(box))
            return self.convert(stored)

        size = (rgb.shape[1], rgb.shape[0]) if inks is None else inks.size
        return fill_blocks((size[1], size[0], 3), convert)


def read_profile(image: Image.Image) -> Profile | None:
    """Return the profile of an opened image; None if it has none, or one that changes little.

    A damaged profile, or one for other colours than those of the image, is ignored, as by viewers.
    """
    kind = _kind(image)
    icc = image.info.get("icc_profile")
    if isinstance(icc, bytes) and icc:
        if kind != "CMYK" and len(icc) <= _MOST_CACHED_BYTES and _is_tame(icc, kind):
            return None
        convert = _build(icc, kind)
        return convert and Profile(convert, image if kind == "CMYK" else None)
    if image.format == "PNG" and "srgb" not in image.info:
        gamma, places = image.info.get("gamma"), image.info.get("chromaticity")
        if gamma is not None or places is not None:
            convert = _calibrated(gamma or _SRGB_GAMMA, places or _SRGB_WHITE_AND_PRIMARIES)
            return None if _changes_little(convert, kind) else Profile(convert)
    return None


def _kind(image: Image.Image) -> _Kind:
    if image.mode == "CMYK":
        return "CMYK"
    return "grey" if image.mode.startswith(("1", "L", "I", "F")) and image.mode != "LAB" else "RGB"


@lru_cache(maxsize=64)
def _is_tame(icc: bytes, kind: _Kind) -> bool:
    """Return whether a profile is made of curves and a matrix that change little, or useless."""
    n_tags = int.from_bytes(icc[128:132], "big")
    tags = {icc[at : at + 4] for at in range(132, min(132 + 12 * n_tags, len(icc)), 12)}
    if not _TABLES.isdisjoint(tags):
        return False  # a table may treat every colour differently: no few colours tell of the rest
    convert = _build(icc, kind)
    return convert is None or _changes_little(convert, kind)


def _build(icc: bytes, kind: _Kind) -> _Convert | None:
    from PIL import ImageCms  # noqa: PLC0415  (loads LittleCMS, which few pictures need)

    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        mode = _MODES.get((kind, profile.profile.xcolor_space))
        if mode is None:
            return None
        intent = ImageCms.Intent.PERCEPTUAL
        transform = ImageCms.buildTransform(profile, _srgb(), mode, "RGB", intent)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None

    def convert(pixels: _Pixels) -> _Pixels:
        stored = np.ascontiguousarray(pixels[:, :, 0] if mode == "L" else pixels)
        block = Image.frombytes(mode, pixels.shape[1::-1], stored.tobytes())
        return np.asarray(transform.apply(block))

    return convert


@cache
def _srgb() -> Any:
    from PIL import ImageCms  # noqa: PLC0415

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _calibrated(gamma: float, places: tuple[float, ...]) -> _Convert:
    """Return the conversion to sRGB that a PNG's gAMA and cHRM ask for."""
    exponent = 1 / gamma if gamma > 0 else 1 / _SRGB_GAMMA
    light = (np.arange(256) / 255) ** min(exponent, 1000.0)
    mix = np.eye(3)
    with np.errstate(all="ignore"), suppress(np.linalg.LinAlgError, ValueError):
        found = np.linalg.inv(_to_xyz(_SRGB_WHITE_AND_PRIMARIES)) @ _to_xyz(places)
        mix = found if np.isfinite(found).all() else mix
    steps = np.arange(4096) / 4095
    levels = (255 * steps ** (_SRGB_GAMMA)).round().astype(np.uint8)

    def convert(pixels: _Pixels) -> _Pixels:
        linear = light.astype(np.float32)[pixels] @ mix.T.astype(np.float32)
        return levels[(np.clip(linear, 0, 1) * 4095).round().astype(np.uint16)]

    return convert


def _to_xyz(places: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the matrix to CIE XYZ for a white point and three primaries, each given as x and y."""
    x, y = np.array(places, np.float64).reshape(4, 2).T
    columns: NDArray[np.float64] = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    white, primaries = columns[:, 0], columns[:, 1:]
    matrix: NDArray[np.float64] = primaries * np.linalg.solve(primaries, white)
    return matrix


def _changes_little(convert: _Convert, kind: _Kind) -> bool:
    """Return whether a conversion by curves and a matrix leaves luma about as it is."""
    colours = _test_colours()[: 1 if kind == "grey" else None]
    before, after = _luma(colours), _luma(convert(colours))
    apart = np.abs(after - before)
    rises = np.diff(after[:4], axis=1) >= -1
    return bool(apart.mean() <= _MEAN_LEVELS and apart.max() <= _MOST_LEVELS and rises.all())


@cache
def _test_colours() -> _Pixels:
    """Return ramps of grey, red, green and blue, then colours from everywhere; (10, 256, 3)."""
    ramps = [np.outer(np.arange(256), channels) for channels in ((1, 1, 1), *np.eye(3))]
    grid = np.array(list(product(np.linspace(0, 255, 11).round(), repeat=3)))
    colours = np.concatenate([*ramps, grid, grid[: -(len(grid) % -256)]])
    return colours[: len(colours) // 256 * 256].reshape(-1, 256, 3).astype(np.uint8)


def _luma(colours: _Pixels) -> NDArray[np.float64]:
    luma: NDArray[np.float64] = colours @ np.array([0.299, 0.587, 0.114])
    return luma
