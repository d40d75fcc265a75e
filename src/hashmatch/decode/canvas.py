"""The screen of an animation, onto which its frames are drawn one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from PIL import Image

from hashmatch.decode.layers import Layer, Pixels
from hashmatch.decode.pixels import packed_pixels

_OPAQUE = 255


class Disposal(Enum):
    """The change to the screen after a frame was shown, before the next is drawn."""

    KEEP = "keep"
    CLEAR = "clear"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where, for how long and how one frame is drawn.

    A frame is shown for `duration_ms`. With `over`, what is transparent in it shows the screen
    below; otherwise it replaces the screen, transparency included.
    """

    left: int
    top: int
    width: int
    height: int
    duration_ms: float
    disposal: Disposal
    over: bool


class Canvas:
    """RGB and alpha of a screen, at first transparent; `ground` is the colour under transparency.

    A frame that reaches over an edge is cut off there.
    """

    def __init__(self, width: int, height: int, ground: tuple[int, ...] = (0, 0, 0)) -> None:
        self.rgb = np.empty((height, width, 3), np.uint8)
        self.rgb[:] = ground
        self.alpha = np.zeros((height, width), np.uint8)

    def show(
        self, layer: Layer, where: Placement, ground: tuple[int, ...] = (0, 0, 0)
    ) -> Iterator[Layer]:
        """Draw a frame, yield the screen as it is then, and dispose of the frame.

        The pixels yielded change when the iterator goes on.
        """
        area = (
            slice(where.top, where.top + where.height),
            slice(where.left, where.left + where.width),
        )
        before = None
        if where.disposal is Disposal.RESTORE:
            before = self.rgb[area].copy(), self.alpha[area].copy()
        self._draw(layer, area, over=where.over)
        yield Layer(self.rgb, self.alpha, layer.missing)
        if before is not None:
            self.rgb[area], self.alpha[area] = before
        elif where.disposal is Disposal.CLEAR:
            self.rgb[area], self.alpha[area] = ground, 0

    def _draw(self, layer: Layer, area: tuple[slice, slice], *, over: bool) -> None:
        below_rgb, below_alpha = self.rgb[area], self.alpha[area]
        height, width = below_alpha.shape
        rgb = layer.rgb[:height, :width]
        if layer.alpha is None:
            below_rgb[:], below_alpha[:] = rgb, _OPAQUE
            return
        alpha = layer.alpha[:height, :width]
        if not over:
            below_rgb[:], below_alpha[:] = rgb, alpha
        elif alpha.size:
            _lay_over(below_rgb, below_alpha, rgb, alpha)


def _lay_over(below_rgb: Pixels, below_alpha: Pixels, rgb: Pixels, alpha: Pixels) -> None:
    # By Pillow, which copies by a mask several times as fast as numpy.
    lower, upper = Image.fromarray(below_rgb), Image.fromarray(rgb)
    is_mixed = (alpha > 0) & (alpha < _OPAQUE)
    if is_mixed.any():
        lower.putalpha(Image.fromarray(below_alpha))
        upper.putalpha(Image.fromarray(alpha))
        joined = np.asarray(Image.alpha_composite(lower, upper))
        shows = alpha > 0
        np.copyto(below_rgb, joined[:, :, :3], where=shows[:, :, None])
        np.copyto(below_alpha, joined[:, :, 3], where=shows)
        return
    lower.paste(upper, (0, 0), Image.fromarray(alpha))
    below_rgb[:] = packed_pixels(lower, "RGB")
    np.maximum(below_alpha, alpha, out=below_alpha)
