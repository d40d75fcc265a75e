"""BMP that Pillow cannot decode: files that are cut short, and run-length codes.

Pillow decodes run-length codes pixel by pixel in Python, in minutes for a picture within the
limits, and gives nothing of a file that is cut short.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from hashmatch.decode.damage import make_missing_error, mark_lines, show_known
from hashmatch.decode.layers import Layer, Loader
from hashmatch.errors import DecodeError, ErrorKind

_MOST_RUNS = 4_000_000
_FILE_BYTES, _INFO_BYTES = 14, 40
_INFO = struct.Struct("<IiiHHIIiiII")
_CORE_HEADER_BYTES = 12
_RLE8, _RLE4 = 1, 2
_END_OF_LINE, _END, _MOVE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of a BMP; the lines are stored from the bottom up unless `is_top_down`."""

    offset: int
    width: int
    height: int
    bits: int
    compression: int
    is_top_down: bool

    @property
    def line_bytes(self) -> int:
        """Bytes of a line that is not compressed."""
        return (self.width * self.bits + 31) // 32 * 4

    @property
    def code_bits(self) -> int | None:
        """Bits of a pixel in run-length code; None if there is no such code."""
        bits = {_RLE8: 8, _RLE4: 4}.get(self.compression)
        return bits if bits == self.bits and not self.is_top_down else None


def show_bmp(data: bytes, loader: Loader, *, alpha: bool, frames: bool) -> Iterator[Layer]:
    """Yield the picture, as far as it is there."""
    header = _read_header(data)
    if header is None:
        yield loader.load_first(data, alpha=alpha)
        return
    loader.limits.check_pixels(header.width, header.height)
    if header.code_bits is not None:
        yield _show_runs(data, header, loader)
    else:
        yield _show_lines(data, header, loader, alpha=alpha)


def _read_header(data: bytes) -> _Header | None:
    """Read the header; None for one of a kind that is left to Pillow."""
    if len(data) < _FILE_BYTES + _INFO_BYTES:
        return None
    offset = int.from_bytes(data[10:14], "little")
    size, width, height, _, bits, compression, *_ = _INFO.unpack_from(data, _FILE_BYTES)
    if size <= _CORE_HEADER_BYTES or width <= 0 or not (height and offset and bits):
        return None
    return _Header(offset, width, abs(height), bits, compression, is_top_down=height < 0)


def _show_lines(data: bytes, header: _Header, loader: Loader, *, alpha: bool) -> Layer:
    try:
        return loader.load_first(data, alpha=alpha)
    except DecodeError as error:
        n_lines = max(0, len(data) - header.offset) // max(1, header.line_bytes)
        if error.kind is not ErrorKind.TRUNCATED or not 0 < n_lines < header.height:
            raise
    missing_bytes = header.offset + header.line_bytes * header.height - len(data)
    layer = loader.load_first(data + bytes(missing_bytes), alpha=True)
    lines = slice(n_lines) if header.is_top_down else slice(-n_lines, None)
    known = mark_lines(header.width, header.height, lines)
    missing = make_missing_error("BMP", ErrorKind.TRUNCATED, n_lines / header.height)
    return show_known(layer.rgb, layer.alpha, known, missing)


def _show_runs(data: bytes, header: _Header, loader: Loader) -> Layer:
    """Decode run-length code, and have Pillow read the result as a BMP without compression."""
    stream, n_lines, damage = _decode_to_stream(data, header)
    layer = loader.load_first(stream, alpha=False)
    if damage is None:
        return layer
    if n_lines == 0:
        raise DecodeError(f"{damage.replace('_', ' ')} BMP", damage)
    known = mark_lines(header.width, header.height, slice(-n_lines, None))
    missing = make_missing_error("BMP", damage, n_lines / header.height)
    return show_known(layer.rgb, layer.alpha, known, missing)


def _decode_to_stream(data: bytes, header: _Header) -> tuple[bytes, int, ErrorKind | None]:
    """Return the picture as a BMP of 8 bits, how many lines were begun, and the damage."""
    lines, n_lines, damage = _decode_runs(data, header)
    info = bytearray(data[_FILE_BYTES : header.offset])
    colours = int.from_bytes(info[32:36], "little") or 1 << header.bits
    info[14:20] = struct.pack("<HI", 8, 0)  # bits and compression
    info[32:36] = colours.to_bytes(4, "little")
    return b"".join((data[:_FILE_BYTES], info, lines)), n_lines, damage


def _decode_runs(data: bytes, header: _Header) -> tuple[bytearray, int, ErrorKind | None]:
    """Return lines of indices from the bottom up, how many were begun, and the damage.

    Lines are padded to multiples of 4 bytes.
    What is not coded has index 0.
    """
    width, height, is_half = header.width, header.height, header.code_bits == 4
    line_bytes = (width + 3) // 4 * 4
    lines = bytearray(line_bytes * height)
    at, x, y = header.offset, 0, 0
    damage: ErrorKind | None = ErrorKind.TOO_MUCH_WORK
    for _ in range(_MOST_RUNS):
        if at + 2 > len(data):
            damage = ErrorKind.TRUNCATED
            break
        count, value = data[at], data[at + 1]
        at += 2
        if count == 0 and value == _END_OF_LINE:
            x, y = 0, y + 1
        elif count == 0 and value == _END:
            damage = None
            break
        elif count == 0 and value == _MOVE:
            move = data[at : at + 2].ljust(2, b"\0")
            at, x, y = at + 2, x + move[0], y + move[1]
        else:
            if count:
                run = _make_run(count, value, is_half=is_half)
            else:
                count = value
                n_bytes = (count + 1) // 2 if is_half else count
                run = _unpack(data[at : at + n_bytes], count, is_half=is_half)
                at += n_bytes + (n_bytes & 1)
            run = run[: max(0, width - x)]
            if y < height:
                start = y * line_bytes + x
                lines[start : start + len(run)] = run
            x += count
        if y >= height:
            damage = None
            break
    return lines, min(height, y + (x > 0)), damage


def _make_run(count: int, value: int, *, is_half: bool) -> bytes:
    if is_half:
        return (bytes((value >> 4, value & 15)) * ((count + 1) // 2))[:count]
    return bytes((value,)) * count


def _unpack(packed: bytes, count: int, *, is_half: bool) -> bytes:
    if is_half:
        return bytes(half for byte in packed for half in (byte >> 4, byte & 15))[:count]
    return packed
