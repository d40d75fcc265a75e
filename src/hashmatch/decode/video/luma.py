"""The luma plane of a decoded frame, from which its hash is computed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame

LIMITED_RANGE_GAIN = 255 / 219  # spreads luma of 16..235, as in most video, over all of 8 bits
_BLOCK_PX = 1 << 18
_BLACK = 16  # in 8-bit luma of limited range
_FULL_RANGE, _LIMITED_RANGE = 2, 1  # AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG
_LUMA_FIRST = re.compile(
    r"(?P<grey>gray)(?P<grey_bits>9|10|12|14|16)?(?P<grey_order>le|be)?"
    r"|(?P<full>yuvj)4\d\dp"
    r"|yuva?4\d\dp(?P<bits>9|10|12|14|16)?(?P<order>le|be)?"
    r"|nv(12|21|16|24|42)"
)

_CELL_POINTS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Luma:
    """Pixels from which a frame is hashed.

    `pixels` are uint8 (H, W), the plane as decoded, which the frame still owns; float32 (H, W)
    where the plane has more than 8 bits; uint8 (H, W, 3), RGB, where there is no luma plane. `gain`
    is the factor that turns differences of luma into those of the picture as shown, `black` the
    level of black in `pixels`.
    """

    pixels: NDArray[np.uint8] | NDArray[np.float32]
    gain: float
    black: float = 0.0

    def as_shown(self) -> NDArray[np.uint8]:
        """Return uint8 pixels that span 0..255: grey (H, W), or (H, W, 3).

        Rounded to nearest; levels beyond black and white are clipped. May return `pixels` itself.
        """
        if self.pixels.dtype != np.uint8:
            return self._narrow()
        if self.gain == 1.0 and not self.black:
            return np.ascontiguousarray(self.pixels, dtype=np.uint8)
        shown = ((np.arange(256) - self.black) * self.gain).round().clip(0, 255).astype(np.uint8)
        # In less than half the time of indexing by the plane.
        levels = self.pixels.tobytes().translate(shown.tobytes())
        return np.frombuffer(levels, np.uint8).reshape(self.pixels.shape)

    def _narrow(self) -> NDArray[np.uint8]:
        """Return deep pixels in 8 bits, made in blocks of rows: the sums are of 4 bytes."""
        shown = np.empty(self.pixels.shape, np.uint8)
        n_rows = max(1, _BLOCK_PX // self.pixels.shape[1])
        for top in range(0, len(shown), n_rows):
            rows = slice(top, top + n_rows)
            deep = (self.pixels[rows] - np.float32(self.black)) * np.float32(self.gain)
            shown[rows] = deep.round().clip(0, 255)
        return shown


def read_luma(frame: VideoFrame) -> Luma:
    """Return the luma of a frame.

    The plane comes straight from the decoder, neither scaled nor turned. Formats without such a
    plane (RGB, palettes, packed YUV) are converted to RGB by FFmpeg. As in FFmpeg, luma counts as
    limited to 16..235 unless the frame says otherwise, and grey as full range.
    """
    form = _LUMA_FIRST.fullmatch(frame.format.name)
    if form is None or frame.planes[0].line_size < 0:  # stored bottom up
        rgb: NDArray[Any] = frame.to_ndarray(format="rgb24")
        return Luma(rgb, 1.0)
    is_limited = not form["full"] and frame.color_range != _FULL_RANGE
    if form["grey"]:
        is_limited = frame.color_range == _LIMITED_RANGE
    gain, black = (LIMITED_RANGE_GAIN, _BLACK) if is_limited else (1.0, 0.0)
    bits = int(form["bits"] or form["grey_bits"] or 8)
    if bits == 8:
        return Luma(_read_plane(frame, np.dtype(np.uint8)), gain, black)
    order = ">" if "be" in (form["order"], form["grey_order"]) else "<"
    deep = _read_plane(frame, np.dtype(f"{order}u2"))
    luma = deep.astype(np.float32)
    luma *= np.float32(gain / (1 << (bits - 8)))
    return Luma(luma, 1.0, black * gain)


def read_grid(frame: VideoFrame) -> NDArray[np.float32]:
    """Return the frame in coarse: float32 (256,), mean luma in 16 x 16 cells, 0..255.

    Each mean is over 8 pixels at even distances, and a sum of small integers, so exact.
    """
    form = _LUMA_FIRST.fullmatch(frame.format.name)
    plane = frame.planes[0]
    if form is None or plane.line_size < 0:
        rgb = read_luma(frame).pixels
        places = _cell_places(frame.height, frame.width, frame.width)
        points = rgb.reshape(-1, 3).take(places, axis=0).sum(axis=1, dtype=np.float32)
        return _mean_of_cells(points, scale=3)
    bits = int(form["bits"] or form["grey_bits"] or 8)
    order = ">" if "be" in (form["order"], form["grey_order"]) else "<"
    dtype = np.dtype(np.uint8 if bits == 8 else f"{order}u2")
    items: NDArray[Any] = np.frombuffer(plane, dtype)  # type: ignore[call-overload]
    places = _cell_places(frame.height, frame.width, plane.line_size // dtype.itemsize)
    return _mean_of_cells(items.take(places), scale=1 << (bits - 8))


def _mean_of_cells(points: NDArray[Any], scale: int) -> NDArray[np.float32]:
    cells = points.astype(np.float32).reshape(-1, _CELL_POINTS)
    return np.asarray(cells @ _mean_weights(scale))


@cache
def _mean_weights(scale: int) -> NDArray[np.float32]:
    return np.full(_CELL_POINTS, 1 / (_CELL_POINTS * scale), np.float32)


@lru_cache(maxsize=16)
def _cell_places(height_px: int, width_px: int, row_items: int) -> NDArray[np.intp]:
    """Return where in a plane the pixels of each cell lie, 8 for each of the 256 in turn."""
    rows = (2 * np.arange(32) + 1) * height_px // 64
    columns = (2 * np.arange(64) + 1) * width_px // 128
    places: NDArray[np.intp] = rows[:, None] * row_items + columns
    return places.reshape(16, 2, 16, 4).swapaxes(1, 2).reshape(-1).astype(np.intp)


def _read_plane(frame: VideoFrame, dtype: np.dtype[np.generic]) -> NDArray[np.uint8]:
    plane = frame.planes[0]
    rows: NDArray[np.uint8] = np.frombuffer(plane, dtype)  # type: ignore[call-overload]
    row_items = plane.line_size // dtype.itemsize
    return rows[: row_items * frame.height].reshape(frame.height, row_items)[:, : frame.width]
