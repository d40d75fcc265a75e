"""Damaged PNG data, made whole: what can be decompressed, with empty lines in place of the rest."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from hashmatch.decode.damage import mark_lines, show_known
from hashmatch.decode.formats import USUAL_PEAK_BYTES
from hashmatch.decode.layers import Layer, Pixels
from hashmatch.decode.limits import DecodeLimits
from hashmatch.decode.png import Piece, Png
from hashmatch.errors import DecodeError

_BLOCK_BYTES = 1 << 16
_FILTERS = bytes(range(5))
_DAMAGED_PEAK_BYTES = 17  # a pixel
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_INTERLACED = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip
"""Adam7: first column and line of each pass, and the steps between its columns and lines."""
_CELLS = ((8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2), (1, 1))
"""Width and height of the cells whose upper left pixels are known after each of those passes."""


class _Pass(NamedTuple):
    """Lines of pixels: their number, their bytes, and the pixels in each."""

    n_lines: int
    line_bytes: int
    width: int


class Repaired(NamedTuple):
    """A PNG that Pillow can read, and how much of it is known.

    `n_known` is the number of whole lines of each pass, `n_begun` the number of pixels of the line
    after those.
    """

    stream: bytes
    passes: list[_Pass]
    n_known: list[int]
    n_begun: int

    @property
    def share(self) -> float:
        """Share of the pixels that are known."""
        known = sum(n * part.width for n, part in zip(self.n_known, self.passes, strict=True))
        return known / max(1, sum(part.n_lines * part.width for part in self.passes))

    def reveal(self, rgb: Pixels, alpha: Pixels | None, missing: DecodeError) -> Layer:
        """Return the pixels that are known; if interlaced, they fill the cells around them."""
        height, width = rgb.shape[:2]
        n_lines, n_begun = self.n_known[0], self.n_begun
        if len(self.passes) > 1:
            rgb = rgb.copy()
            alpha = None if alpha is None else alpha.copy()
            n_lines, n_begun = _fill_cells(rgb, alpha, self.passes, self.n_known), 0
        known = mark_lines(width, height, slice(n_lines))
        known[n_lines : n_lines + 1, :n_begun] = True
        return show_known(rgb, alpha, known, missing)


def _fill_cells(rgb: Pixels, alpha: Pixels | None, passes: list[_Pass], n_known: list[int]) -> int:
    """Fill cells in place, from the finest downwards; return the number of lines filled."""
    height, width = rgb.shape[:2]
    top = 0
    for number in reversed(range(len(passes))):
        lines = n_known[number] * _INTERLACED[number][3]
        if passes[number].n_lines == n_known[number]:
            lines = height
        bottom = min(height, lines)
        if bottom > top and passes[number].width:
            cell_width, cell_height = _CELLS[number]
            rows = np.arange(top, bottom) // cell_height * cell_height
            columns = np.arange(width) // cell_width * cell_width
            for pixels in (rgb,) if alpha is None else (rgb, alpha):
                pixels[top:bottom] = pixels[rows][:, columns]
            top = bottom
    return top


def repair_pixels(png: Png, header: bytes, pieces: list[Piece]) -> Repaired:
    """Rebuild a PNG whose pixels are cut short or damaged.

    Memory: a copy of the compressed pixels. The cost is that of compressing the picture once.
    """
    passes = _list_passes(header)
    n_known = [0] * len(passes)
    deflater = zlib.compressobj(1)
    parts = []
    n_bytes = total_bytes = sum(part.n_lines * part.line_bytes for part in passes)
    for lines in _take_lines(png.data, pieces, passes, n_known):
        parts.append(deflater.compress(lines))
        n_bytes -= len(lines)
    known_bytes = sum(n * part.line_bytes for n, part in zip(n_known, passes, strict=True))
    begun_bytes = total_bytes - n_bytes - known_bytes
    for start in range(0, n_bytes, _BLOCK_BYTES):
        parts.append(deflater.compress(bytes(min(_BLOCK_BYTES, n_bytes - start))))
    parts.append(deflater.flush())
    stream = png.wrap(header, [b"".join(parts)])
    return Repaired(stream, passes, n_known, max(0, begun_bytes - 1) * 8 // _pixel_bits(header))


def has_every_line(png: Png, header: bytes, pieces: list[Piece]) -> bool:
    """Return whether the compressed pixels are as many as the header says; inflates them."""
    n_bytes = sum(map(len, _inflate(_split(png.data, pieces))))
    return n_bytes >= sum(part.n_lines * part.line_bytes for part in _list_passes(header))


def check_damaged_size(header: bytes, limits: DecodeLimits) -> None:
    """Raise DecodeError for a damaged picture that is too large: it is held several times."""
    limits.check_pixels(*_read_size(header), share=USUAL_PEAK_BYTES / _DAMAGED_PEAK_BYTES)


def _read_size(header: bytes) -> tuple[int, int]:
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")


def _pixel_bits(header: bytes) -> int:
    return max(1, header[8] * _CHANNELS.get(header[9], 1))


def _list_passes(header: bytes) -> list[_Pass]:
    width, height = _read_size(header)
    pixel_bits = _pixel_bits(header)

    def make(columns: int, lines: int) -> _Pass:
        line_bytes = 1 + (columns * pixel_bits + 7) // 8
        return _Pass(lines if columns else 0, line_bytes, columns)

    if not header[12]:
        return [make(width, height)]
    return [
        make(-(-(width - x) // dx) if width > x else 0, -(-(height - y) // dy) if height > y else 0)
        for x, y, dx, dy in _INTERLACED
    ]


def _take_lines(
    data: bytes, pieces: list[Piece], passes: list[_Pass], n_known: list[int]
) -> Iterator[bytes]:
    """Yield whole lines, up to the first that is missing or has no filter; count them.

    The beginning of the line after those comes last, and is not counted.
    """
    pending = bytearray()
    blocks = _inflate(_split(data, pieces))
    for number, part in enumerate(passes):
        while n_known[number] < part.n_lines:
            n_whole = min(len(pending) // part.line_bytes, part.n_lines - n_known[number])
            if n_whole == 0:
                block = next(blocks, None)
                if block is None:
                    if pending and pending[0] in _FILTERS:
                        yield bytes(pending)
                    return
                pending += block
                continue
            filters = pending[: n_whole * part.line_bytes : part.line_bytes]
            unknown = filters.translate(None, _FILTERS)
            bad = filters.index(unknown[0]) if unknown else n_whole
            n_bytes = bad * part.line_bytes
            n_known[number] += bad
            yield bytes(pending[:n_bytes])
            del pending[:n_bytes]
            if bad < n_whole:
                return


def _split(data: bytes, pieces: list[Piece]) -> Iterator[bytes]:
    for start, end in pieces:
        for at in range(start, end, _BLOCK_BYTES):
            yield data[at : min(at + _BLOCK_BYTES, end)]


def _inflate(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress up to the end or the first error, in blocks of bounded size."""
    inflater = zlib.decompressobj()
    for block in blocks:
        left = block
        while left:
            before = inflater.copy()
            try:
                inflated = inflater.decompress(left, _BLOCK_BYTES)
            except zlib.error:
                yield _inflate_to_error(before, left)
                return
            yield inflated
            left = inflater.unconsumed_tail
        if inflater.eof:
            return
    yield inflater.flush()


def _inflate_to_error(inflater: zlib._Decompress, block: bytes) -> bytes:
    """Decompress byte by byte, since an error discards what the call had decompressed."""
    inflated = []
    try:
        for at in range(len(block)):
            inflated.append(inflater.decompress(block[at : at + 1]))
    except zlib.error:
        pass
    return b"".join(inflated)
