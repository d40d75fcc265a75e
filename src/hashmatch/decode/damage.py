"""Pictures of which only some pixels could be decoded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashmatch.decode.layers import Layer, Pixels
from hashmatch.errors import DecodeError, ErrorKind

IRREPARABLE = frozenset((ErrorKind.TOO_LARGE, ErrorKind.MEMORY, ErrorKind.UNSUPPORTED))
"""Kinds of errors after which nothing more of a picture is tried."""

_ONE_PERCENT = 0.01


def make_missing_error(subject: str, kind: ErrorKind, share: float) -> DecodeError:
    """Return the error that stands beside the pixels of a damaged picture.

    Parameters
    ----------
    subject : str
        The picture as the message names it: ``"PNG"``, ``"GIF frame 3"``.
    kind : ErrorKind
        ``TRUNCATED``, ``DAMAGED`` or ``TOO_MUCH_WORK``.
    share : float
        Share of the pixels that were decoded, 0 to 1; rounded down, so that 100% means all.
    """
    percent = f"{int(100 * share)}%" if share >= _ONE_PERCENT else "less than 1%"
    word = kind.replace("_", " ")
    return DecodeError(f"{word} {subject}: {percent} of the pixels were decoded", kind)


def show_known(
    rgb: Pixels, alpha: Pixels | None, known: NDArray[np.bool_], missing: DecodeError
) -> Layer:
    """Return a picture whose missing pixels are transparent, as in viewers that go as far.

    The colours under them are those of the last line above that is known, or of the first one at
    all: PDQ then hardly differs from the whole picture's where a few lines are missing.  `known`,
    (H, W), says which pixels are; where no line is, the picture is transparent as it is.
    """
    shown = known.astype(np.uint8) * np.uint8(255)
    if alpha is not None:
        np.minimum(shown, alpha, out=shown)
    is_whole = known.all(axis=1)
    if is_whole.any():
        rgb = rgb.copy()
        above = int(np.argmax(is_whole))
        for line in np.flatnonzero(~is_whole).tolist():
            above = line - 1 if line > above else above  # itself filled, or whole
            rgb[line] = np.where(known[line, :, None], rgb[line], rgb[above])
    return Layer(rgb, shown, missing)


def mark_lines(width: int, height: int, lines: slice) -> NDArray[np.bool_]:
    """Return a mask, (H, W), of some lines."""
    known = np.zeros((height, width), bool)
    known[lines] = True
    return known
