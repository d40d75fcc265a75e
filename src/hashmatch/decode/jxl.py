"""The JPEG XL header (size, unsupported kinds), read first as the plug-in decodes on opening."""

from __future__ import annotations

from hashmatch.errors import DecodeError, ErrorKind

_CONTAINER = b"\x00\x00\x00\x0cJXL "
_CODESTREAM = b"\xff\x0a"
_BOX_BYTES, _LONG_BOX_BYTES, _PART_NUMBER_BYTES = 8, 16, 4
_HEADER_BYTES = 64
_SIZE_BITS = (9, 13, 18, 30)
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


class _Bits:
    """Bits of a codestream, the least significant of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")
        self._n_left = 8 * len(data)

    def take(self, n_bits: int) -> int:
        if n_bits > self._n_left:
            raise DecodeError("truncated JPEG XL", ErrorKind.TRUNCATED)
        value = self._left & ((1 << n_bits) - 1)
        self._left >>= n_bits
        self._n_left -= n_bits
        return value


def jxl_size(data: bytes) -> tuple[int, int]:
    """Read width and height in px from the header (ISO/IEC 18181-1, annex D).

    Raises DecodeError if the header is damaged, or announces a preview picture or an animation (the
    plug-in would read only one frame).
    """
    bits = _Bits(_find_codestream(data))
    size = _read_size(bits)
    is_plain = bits.take(1)
    if not is_plain and bits.take(1):
        bits.take(3)  # orientation
        if bits.take(1):
            _read_size(bits)  # intended for display
        for feature in ("with a preview picture", "an animation"):
            if bits.take(1):
                raise DecodeError(f"unsupported JPEG XL: {feature}", ErrorKind.UNSUPPORTED)
    return size


def _read_size(bits: _Bits) -> tuple[int, int]:
    in_eights = bits.take(1)
    height = _read_length(bits, in_eights)
    ratio = bits.take(3)
    if ratio == 0:
        return _read_length(bits, in_eights), height
    numerator, denominator = _RATIOS[ratio - 1]
    return height * numerator // denominator, height


def _read_length(bits: _Bits, in_eights: int) -> int:
    if in_eights:
        return 8 * (1 + bits.take(5))
    return 1 + bits.take(_SIZE_BITS[bits.take(2)])


def _find_codestream(data: bytes) -> bytes:
    """Return the beginning of the codestream, after its signature."""
    at = _find_codestream_box(data) if data.startswith(_CONTAINER) else 0
    if data[at : at + 2] != _CODESTREAM:
        raise DecodeError("damaged JPEG XL: no codestream", ErrorKind.DAMAGED)
    return data[at + 2 : at + 2 + _HEADER_BYTES]


def _find_codestream_box(data: bytes) -> int:
    """Return the offset of the codestream in its container, or the end if there is none."""
    at = 0
    while at + _BOX_BYTES <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        inner = at + (_LONG_BOX_BYTES if size == 1 else _BOX_BYTES)
        if kind == b"jxlc":
            return inner
        if kind == b"jxlp":
            return inner + _PART_NUMBER_BYTES
        if size == 1:
            size = int.from_bytes(data[at + _BOX_BYTES : at + _LONG_BOX_BYTES], "big")
        if size < inner - at:
            break  # the last box, or not a box
        at += size
    return len(data)
