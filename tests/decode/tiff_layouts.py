"""A writer of TIFF in any layout, from known samples."""

from __future__ import annotations

import itertools
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
"""(height, width, samples of a pixel)."""

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, SEPARATED, YCBCR, CIELAB = *range(7), 8
UNSIGNED, SIGNED, FLOAT, UNDEFINED, COMPLEX_INT, COMPLEX = range(1, 7)
NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 7, 8, 32946, 32773, 34925, 50000

_SHORT, _LONG, _LONG8 = 3, 4, 16
_SIZES = {_SHORT: 2, _LONG: 4, _LONG8: 8}
_CODES = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}


@dataclass(frozen=True)
class Layout:
    """Everything about a TIFF but its samples.

    `extra` are the kinds of samples beyond the colours: 0 unspecified, 1 premultiplied alpha, 2
    plain alpha.
    `tags` are further tags, or replace others; an empty value leaves a tag out.
    """

    photometric: int = BLACK_IS_ZERO
    bits: int = 8
    sample_format: int = UNSIGNED
    planar: bool = False
    order: str = "<"
    compression: int = NONE
    predictor: int = 1
    is_tiled: bool = False
    is_big: bool = False
    fill_order: int = 1
    rows_per_strip: int = 7
    extra: tuple[int, ...] = ()
    tags: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = [
            f"{name}={value}"
            for name, value in vars(self).items()
            if value != getattr(Layout, name, {})
        ]
        return " ".join(shown) or "plain"


def write_tiff(samples: Samples, layout: Layout, body: bytes = b"") -> bytes:
    """Write a TIFF. `body`, if given, takes the place of the strips; `tags` then tell where."""
    height, width, n_samples = samples.shape
    planes = [samples[:, :, [s]] for s in range(n_samples)] if layout.planar else [samples]
    chunks = [_encode(chunk, layout) for plane in planes for chunk in _cut(plane, layout)]
    tags: dict[int, tuple[int, ...]] = {
        256: (width,), 257: (height,), 258: (layout.bits,) * n_samples, 259: (layout.compression,),
        262: (layout.photometric,), 266: (layout.fill_order,), 277: (n_samples,),
        284: (2 if layout.planar else 1,), 317: (layout.predictor,),
        339: (layout.sample_format,) * n_samples,
    }  # fmt: skip
    if layout.extra:
        tags[338] = layout.extra
    start = 16 if layout.is_big else 8
    offsets = tuple(itertools.accumulate((len(c) + len(c) % 2 for c in chunks[:-1]), initial=start))
    counts = tuple(map(len, chunks))
    if layout.is_tiled:
        tags |= {322: (16,), 323: (16,), 324: offsets, 325: counts}
    else:
        tags |= {273: offsets, 278: (layout.rows_per_strip,), 279: counts}
    tags |= layout.tags
    body = body or b"".join(chunk + b"\x00" * (len(chunk) % 2) for chunk in chunks)
    return _assemble(body, {tag: tags[tag] for tag in sorted(tags) if tags[tag]}, layout)


def _cut(plane: Samples, layout: Layout) -> Iterator[Samples]:
    height, width = plane.shape[:2]
    if not layout.is_tiled:
        for top in range(0, height, layout.rows_per_strip):
            yield plane[top : top + layout.rows_per_strip]
        return
    padded = np.pad(plane, ((0, -height % 16), (0, -width % 16), (0, 0)))
    for top in range(0, height, 16):
        for left in range(0, width, 16):
            yield padded[top : top + 16, left : left + 16]


def _encode(chunk: Samples, layout: Layout) -> bytes:
    if layout.predictor == 2:
        differences = chunk.copy()
        differences[:, 1:] -= chunk[:, :-1]
        chunk = differences & ((1 << layout.bits) - 1) if layout.bits < 8 else differences
    if layout.predictor == 3:
        raw = _spread_bytes(chunk)
    elif layout.bits in (8, 16, 32, 64, 128):
        raw = chunk.astype(np.dtype(layout.order + chunk.dtype.str[1:])).tobytes()
    else:
        raw = _pack_bits(chunk, layout.bits)
    data = _compress(raw, len(chunk), layout.compression)
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in data) if layout.fill_order == 2 else data


def _spread_bytes(chunk: Samples) -> bytes:
    # Floating-point predictor: of each row all first bytes, then all second ones, and so on, of
    # which the differences are stored.
    rows, step = len(chunk), chunk.shape[2]
    flat = chunk.astype(chunk.dtype.newbyteorder(">")).reshape(rows, -1)
    spread = (
        flat.view(np.uint8)
        .reshape(rows, -1, chunk.dtype.itemsize)
        .transpose(0, 2, 1)
        .reshape(rows, -1)
    )
    differences = spread.copy()
    differences[:, step:] -= spread[:, :-step]
    return differences.tobytes()


def _pack_bits(chunk: Samples, bits: int) -> bytes:
    values = chunk.reshape(len(chunk), -1)
    places = np.arange(bits - 1, -1, -1)
    each = (values[:, :, None].astype(np.int64) >> places & 1).astype(np.uint8)
    return np.packbits(each.reshape(len(chunk), -1), axis=1).tobytes()


def _compress(raw: bytes, n_rows: int, compression: int) -> bytes:
    compressors: dict[int, Callable[[bytes], bytes]] = {
        NONE: bytes, LZW: lambda data: bytes(imagecodecs.lzw_encode(data)),
        DEFLATE: zlib.compress, OLD_DEFLATE: zlib.compress, LZMA: lzma.compress,
        ZSTD: lambda data: bytes(imagecodecs.zstd_encode(data)),
    }  # fmt: skip
    if compression == PACKBITS:
        step = len(raw) // n_rows
        return b"".join(_literals(raw[at : at + step]) for at in range(0, len(raw), step))
    return compressors[compression](raw)


def _literals(row: bytes) -> bytes:
    parts = [row[at : at + 128] for at in range(0, len(row), 128)]
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def _assemble(body: bytes, tags: Mapping[int, tuple[int, ...]], layout: Layout) -> bytes:
    order, is_big = layout.order, layout.is_big
    start = 16 if is_big else 8
    at = start + len(body)
    entry_bytes, inline_bytes = (20, 8) if is_big else (12, 4)
    beyond = at + (8 if is_big else 2) + entry_bytes * len(tags) + (8 if is_big else 4)
    entries, outside = b"", b""
    for tag, values in tags.items():
        kind = _SHORT if max(values) < 65536 and tag not in (273, 279, 324, 325) else _LONG
        data = struct.pack(f"{order}{len(values)}{_CODES[kind]}", *values)
        head = struct.pack(order + ("HHQ" if is_big else "HHI"), tag, kind, len(values))
        if len(data) > inline_bytes:
            place = beyond + len(outside)
            outside += data + b"\x00" * (len(data) % 2)
            data = struct.pack(order + ("Q" if is_big else "I"), place)
        entries += head + data.ljust(inline_bytes, b"\x00")
    count = struct.pack(order + ("Q" if is_big else "H"), len(tags))
    mark = {"<": b"II", ">": b"MM"}[order]
    if is_big:
        head = mark + struct.pack(order + "HHHQ", 43, 8, 0, at)
    else:
        head = mark + struct.pack(order + "HI", 42, at)
    return head + body + count + entries + bytes(8 if is_big else 4) + outside
