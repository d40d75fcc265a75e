"""Directories of a TIFF: pages that Pillow does not list, and pages whose data is incomplete."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hashmatch.decode.damage import IRREPARABLE, make_missing_error, mark_lines, show_known
from hashmatch.decode.layers import Layer, Loader
from hashmatch.errors import DecodeError, ErrorKind

_MOST_ENTRIES = 2_000_000
_MOST_COPIED_BYTES = 1 << 32

_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION = 254, 256, 257, 258, 259
_STRIP_OFFSETS, _SAMPLES, _STRIP_LINES, _STRIP_BYTES, _PLANES, _SUBDIRECTORIES = (
    273, 277, 278, 279, 284, 330
)  # fmt: skip
_USED = frozenset((
    _SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _STRIP_OFFSETS, _SAMPLES, _STRIP_LINES,
    _STRIP_BYTES, _PLANES, _SUBDIRECTORIES,
))  # fmt: skip
_REDUCED = 1
_UNCOMPRESSED = 1
_FORMATS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""Field types of unsigned integers; 13 and 18 are offsets of directories."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Byte order, and the widths of a classic TIFF or a BigTIFF."""

    order: str
    is_big: bool

    @property
    def word(self) -> str:
        """Format of an offset, as wide as the value of an entry."""
        return self.order + ("Q" if self.is_big else "I")

    @property
    def entry(self) -> struct.Struct:
        """Tag, type, count and value of an entry; the value as bytes."""
        return struct.Struct(self.order + ("HHQ8s" if self.is_big else "HHI4s"))


@dataclass(frozen=True, slots=True)
class _Entry:
    at: int
    kind: int
    count: int
    value: bytes


class Tiff:
    """The directories of a TIFF, read without Pillow."""

    def __init__(self, data: bytes) -> None:
        order = "<" if data[:2] == b"II" else ">"
        self.data = data
        self._layout = _Layout(order, is_big=43 in data[2:4])
        self._left_entries = _MOST_ENTRIES

    def first(self) -> int:
        """Return the offset of the first directory."""
        return self._unpack(self._layout.word, 8 if self._layout.is_big else 4)

    def _unpack(self, form: str, at: int) -> int:
        value: int = struct.unpack_from(form, self.data, at)[0]
        return value

    def read(self, at: int) -> tuple[dict[int, _Entry], int]:
        """Return the entries of a directory that are used here, and the offset of the next one.

        Raises struct.error where the file ends inside it, DecodeError if there are too many.
        """
        layout = self._layout
        n_entries = self._unpack(layout.order + ("Q" if layout.is_big else "H"), at)
        at += 8 if layout.is_big else 2
        self._left_entries -= n_entries
        if self._left_entries < 0:
            message = f"too many entries in a TIFF: more than {_MOST_ENTRIES}"
            raise DecodeError(message, ErrorKind.TOO_MUCH_WORK)
        entry = layout.entry
        end = at + n_entries * entry.size
        if end > len(self.data):
            raise struct.error
        found = {}
        entries = entry.iter_unpack(memoryview(self.data)[at:end])
        for number, (tag, kind, count, value) in enumerate(entries):
            if tag in _USED:
                found[tag] = _Entry(at + number * entry.size, kind, count, value)
        try:
            return found, self._unpack(layout.word, end)
        except struct.error:
            return found, 0

    def values(self, entry: _Entry | None, most: int = 1 << 20) -> tuple[int, ...]:
        """Return unsigned integers, none for other types; struct.error where they are cut off."""
        if entry is None or entry.kind not in _FORMATS:
            return ()
        form = f"{self._layout.order}{min(entry.count, most)}{_FORMATS[entry.kind]}"
        if struct.calcsize(form) <= len(entry.value):
            return struct.unpack_from(form, entry.value)
        return struct.unpack_from(form, self.data, self._offset_of(entry))

    def _offset_of(self, entry: _Entry) -> int:
        offset: int = struct.unpack(self._layout.word, entry.value)[0]
        return offset

    def value(self, entry: _Entry | None, default: int = 0) -> int:
        """Return the first of the values."""
        return next(iter(self.values(entry, most=1)), default)

    def with_first(self, at: int) -> bytes:
        """Return a copy of the file of which another directory is the first page."""
        start = 8 if self._layout.is_big else 4
        word = struct.pack(self._layout.word, at)
        return b"".join((self.data[:start], word, self.data[start + len(word) :]))

    def with_lines(self, at: int, n_lines: int, n_strips: int) -> bytes:
        """Return a copy of the file whose first page are the first strips of a directory."""
        found, _ = self.read(at)
        copy = bytearray(self.with_first(at))
        self._write(copy, found[_HEIGHT], [n_lines])
        for tag in (_STRIP_OFFSETS, _STRIP_BYTES):
            self._write(copy, found[tag], list(self.values(found[tag])[:n_strips]))
        return bytes(copy)

    def _write(self, copy: bytearray, entry: _Entry, values: list[int]) -> None:
        """Overwrite the count of an entry, and its values if they fit into it."""
        layout = self._layout
        value = entry.value
        packed = struct.pack(f"{layout.order}{len(values)}{_FORMATS[entry.kind]}", *values)
        if len(packed) <= len(value):
            value = packed.ljust(len(value), b"\0")
        tag: int = struct.unpack_from(layout.order + "H", self.data, entry.at)[0]
        layout.entry.pack_into(copy, entry.at, tag, entry.kind, len(values), value)


def list_hidden_pages(data: bytes, most: int) -> list[int]:
    """Return the offsets of pages that hang below others instead of following them.

    Reduced copies (thumbnails, pyramids) are left out; at most `most`, and one more if there are
    more.  DecodeError if the directories have too many entries to be read.
    """
    tiff = Tiff(data)
    chain: set[int] = set()
    below: list[int] = []
    hidden: list[int] = []
    try:
        at = tiff.first()
        while at and at not in chain and len(chain) <= most:
            chain.add(at)
            found, at = tiff.read(at)
            below += tiff.values(found.get(_SUBDIRECTORIES), most=most + 1)
        seen = set(chain)
        while below and len(hidden) <= most:
            at = below.pop(0)
            if at in seen:
                continue
            seen.add(at)
            found, after = tiff.read(at)
            below += [after] if after else []
            below += tiff.values(found.get(_SUBDIRECTORIES), most=most + 1)
            if not tiff.value(found.get(_SUBFILE_TYPE)) & _REDUCED and _HEIGHT in found:
                hidden.append(at)
    except struct.error:
        pass
    return hidden


def load_hidden_pages(data: bytes, offsets: list[int], loader: Loader) -> Iterator[Layer]:
    """Yield the pages at the given offsets."""
    tiff = Tiff(data)
    for number, at in enumerate(offsets):
        if number * len(data) > _MOST_COPIED_BYTES:
            message = f"too many pages below others: more than {number}"
            raise DecodeError(message, ErrorKind.TOO_MUCH_WORK)
        yield loader.load_first(tiff.with_first(at), alpha=True)


def rescue_page(
    data: bytes, number: int, subject: str, loader: Loader, error: DecodeError
) -> Layer:
    """Decode the strips of page `number`, from 0, that are there; raise `error` if none is."""
    if error.kind in IRREPARABLE:
        raise error
    try:
        layer = _load_strips(Tiff(data), number, subject, loader, error)
    except (struct.error, KeyError, OverflowError):
        layer = None
    if layer is None:
        raise error
    return layer


def _load_strips(
    tiff: Tiff, number: int, subject: str, loader: Loader, error: DecodeError
) -> Layer | None:
    at = tiff.first()
    for _ in range(number):
        _, at = tiff.read(at)
    found, _ = tiff.read(at)
    height = tiff.value(found[_HEIGHT])
    lines = min(height, tiff.value(found.get(_STRIP_LINES), height))
    offsets, sizes = tiff.values(found[_STRIP_OFFSETS]), tiff.values(found[_STRIP_BYTES])
    if not lines or tiff.value(found.get(_PLANES), 1) != 1:
        return None
    ends = [start + size for start, size in zip(offsets, sizes, strict=False)]
    n_whole = next((n for n, end in enumerate(ends) if end > len(tiff.data)), len(ends))

    def attempt(n_strips: int) -> Layer | None:
        if n_strips == 0:
            return None
        try:
            return loader.load_first(
                tiff.with_lines(at, min(height, n_strips * lines), n_strips), alpha=True
            )
        except DecodeError:
            return None

    layer = _bisect(attempt, n_whole)
    if tiff.value(found.get(_COMPRESSION), _UNCOMPRESSED) == _UNCOMPRESSED and n_whole < len(ends):
        line_bytes = sizes[0] // lines
        n_more = (len(tiff.data) - offsets[n_whole]) // line_bytes if line_bytes else 0
        if n_more > 0:
            n_lines = n_whole * lines + n_more
            layer = loader.load_first(tiff.with_lines(at, n_lines, n_whole + 1), alpha=True)
    loader.limits.check_pixels(tiff.value(found[_WIDTH]), height)
    kind = ErrorKind.TRUNCATED if n_whole < len(ends) else error.kind
    return None if layer is None else _extend(layer, height, subject, kind)


def _bisect(attempt: Callable[[int], Layer | None], most: int) -> Layer | None:
    """Return the result for the largest number that gives one, at most `most`."""
    best = attempt(most)
    low, high = (most, most) if best is not None else (0, most)
    while high - low > 1:
        middle = (low + high) // 2
        found = attempt(middle)
        if found is None:
            high = middle
        else:
            low, best = middle, found
    return best


def _extend(layer: Layer, height: int, subject: str, kind: ErrorKind) -> Layer:
    """Return a picture of full height; the lines that are missing are transparent."""
    n_known, width = layer.rgb.shape[:2]
    rgb = np.zeros((height, width, 3), np.uint8)
    alpha = np.zeros((height, width), np.uint8)
    rgb[:n_known] = layer.rgb
    alpha[:n_known] = 255 if layer.alpha is None else layer.alpha
    missing = make_missing_error(subject, kind, n_known / height)
    return show_known(rgb, alpha, mark_lines(width, height, slice(n_known)), missing)
