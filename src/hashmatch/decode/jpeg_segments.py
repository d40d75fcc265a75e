"""The segments and scans of a JPEG, and the same picture without what surrounds them.

A walk over the markers by the rules of libjpeg (jdmarker.c), which decodes nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hashmatch.decode.limits import DecodeLimits
from hashmatch.errors import DecodeError, ErrorKind

START, END = b"\xff\xd8", b"\xff\xd9"

_NEXT_MARKER = re.compile(rb"\xff([^\x00\xff])")
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
LOSSLESS_FRAME = 0xC3
ARITHMETIC_FRAMES = frozenset((0xC9, 0xCA))
_SEQUENTIAL_FRAMES = frozenset((0xC0, 0xC1, LOSSLESS_FRAME, 0xC9))
_FRAMES = _SEQUENTIAL_FRAMES | frozenset((0xC2, 0xCA))  # the latter are progressive
_FRAMES_NOT_DECODED = frozenset((0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF))
_TABLES = frozenset((0xC4, 0xCC, 0xDB, 0xDD))  # Huffman, arithmetic, quantisation, restarts
_JFIF, _ADOBE = 0xE0, 0xEE
_COMMENT = 0xFE
_SKIPPED = frozenset((0xDC, *range(0xE0, 0xF0))) - {_JFIF, _ADOBE}
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))
_BETWEEN_SCANS = _TABLES | _WITHOUT_LENGTH | {_START_OF_SCAN, _END_OF_IMAGE}
_LENGTH_BYTES, _EMPTY_LENGTH = 2, b"\x00\x02"

_JFIF_BYTES, _JFIF_MAJOR_AT = 18, 9  # from the start of the marker
_ADOBE_BYTES, _ADOBE_TRANSFORM_AT = 16, 15
_YCC, _YCCK = 1, 2
_WHOLE_SPECTRUM = bytes((0, 63, 0))
_COEFFICIENTS = 64
_LEAST_PIXELS = 1 << 16
"""What a segment counts for at least: the time of reading a short one, in pixels of a scan."""


class Scan(NamedTuple):
    """One pass over some components: its selectors, and where its entropy-coded data lie.

    Of every coefficient from `first` to `last`, it gives the bits down to `low_bit`.
    """

    components: tuple[int, ...]
    first: int
    last: int
    low_bit: int
    start: int
    end: int


class Layout(NamedTuple):
    """A JPEG by its markers.

    `frame` is the marker of the frame, and `sampling` the factors (horizontal, vertical) of each
    component.  `scans` are those within the budget; `is_over_budget` says that there are more.
    `is_ended` is True if the marker of the end follows the last of them.  `is_clean` is True if
    nothing between the markers would be skipped, and nothing in the header makes libjpeg warn.
    """

    frame: int
    size: tuple[int, int]
    sampling: tuple[tuple[int, int], ...]
    scans: tuple[Scan, ...]
    is_clean: bool
    is_ended: bool
    is_over_budget: bool
    pieces: tuple[bytes | memoryview, ...]

    def mended(self) -> bytes:
        """Return the picture alone: nothing between its segments, no profiles, and an end."""
        return b"".join((*self.pieces, END))

    @property
    def is_single_scan(self) -> bool:
        """True if one scan holds the whole picture, so that libjpeg stops after it."""
        is_sequential = self.frame in _SEQUENTIAL_FRAMES
        return is_sequential and len(self.scans[0].components) == len(self.sampling)

    @property
    def is_refined(self) -> bool:
        """True if the scans give every coefficient of every component to its last bit."""
        if self.frame in _SEQUENTIAL_FRAMES:
            seen = {component for scan in self.scans for component in scan.components}
            return len(seen) == len(self.sampling)
        low_bits: dict[tuple[int, int], int] = {}
        for scan in self.scans:
            for component in scan.components:
                for coefficient in range(scan.first, min(scan.last + 1, _COEFFICIENTS)):
                    low_bits[component, coefficient] = scan.low_bit
        is_whole = len(low_bits) == _COEFFICIENTS * len(self.sampling)
        return is_whole and not any(low_bits.values())


def read_layout(data: bytes, limits: DecodeLimits, *, to_end: bool) -> Layout:
    """Walk over the segments of a JPEG, as far as its limits allow.

    `max_decoded_pixels` are the pixels of all scans; any segment counts as 65,536 at least.
    Unless `to_end`, the end of a single scan is not looked for, which takes 3% of the time of
    decoding it: the layout is not ended then, and holds all bytes that follow.

    Raises
    ------
    DecodeError
        The picture is too large, or no scan can be decoded, or none within the budget.
    """
    walk = _Walk(data, limits, to_end=to_end)
    while walk.step():
        pass
    return walk.layout()


class _Walk:
    def __init__(self, data: bytes, limits: DecodeLimits, *, to_end: bool) -> None:
        self._data = data
        self._to_end = to_end
        self._at = len(START)
        self._limits = limits
        self._budget = limits.max_decoded_pixels
        self._pieces: list[bytes | memoryview] = [START]
        self._scans: list[Scan] = []
        self._frame = 0
        self._size = (0, 0)
        self._sampling: tuple[tuple[int, int], ...] = ()
        self._is_clean = True
        self._is_ended = False
        self._is_over_budget = False
        self._problem = DecodeError("truncated JPEG", ErrorKind.TRUNCATED)

    def step(self) -> bool:
        """Read the next segment; return False if there is nothing more to read."""
        found = self._find_marker()
        if found is None:
            return False
        marker, start = found
        if marker in _FRAMES_NOT_DECODED and not self._frame:
            self._problem = DecodeError("unsupported JPEG: its frame", ErrorKind.UNSUPPORTED)
            return False
        if not self._is_expected(marker):
            return self._fail(f"marker 0x{marker:02x}")
        length = int.from_bytes(self._data[start + 2 : start + 4], "big")
        self._at = start + 2 + max(length, _LENGTH_BYTES)
        if self._at > len(self._data):
            return False
        segment = self._data[start : self._at]
        if length < _LENGTH_BYTES:
            if marker in _TABLES or marker in _FRAMES or marker == _START_OF_SCAN:
                return self._fail("a segment that does not hold its length")
            segment = segment[:2] + _EMPTY_LENGTH  # as libjpeg takes it
            self._is_clean = False
        return self._take(marker, segment)

    def _find_marker(self) -> tuple[int, int] | None:
        """Return the next marker that begins a segment, and its place; None if there is none."""
        while found := _NEXT_MARKER.search(self._data, self._at):
            marker, start = found[1][0], found.start()
            if start == self._at and marker not in _WITHOUT_LENGTH:
                if marker != _END_OF_IMAGE or not self._scans:
                    return marker, start
                self._is_ended = True
                return None
            # Behind a scan, a viewer skips to the next one; but another file may follow there.
            if self._scans and marker not in _BETWEEN_SCANS:
                return None
            self._is_clean = False
            self._at = found.end() if marker in _WITHOUT_LENGTH else start
        return None

    def _fail(self, reason: str) -> bool:
        self._problem = DecodeError(f"damaged JPEG: {reason}", ErrorKind.DAMAGED)
        return False

    def _is_expected(self, marker: int) -> bool:
        if marker in _FRAMES:
            return not self._frame
        if marker == _START_OF_SCAN:
            return self._frame != 0
        return marker in _TABLES or marker in _SKIPPED or marker in (_JFIF, _ADOBE, _COMMENT)

    def _take(self, marker: int, segment: bytes) -> bool:
        self._budget -= _LEAST_PIXELS
        if self._budget < 0:
            return self._stop()
        if marker == _START_OF_SCAN:
            return self._take_scan(segment)
        if marker in _FRAMES:
            n_components = segment[9] if len(segment) > 9 else 0
            if not n_components or len(segment) != 10 + 3 * n_components:
                return self._fail("its frame header")
            self._frame = marker
            height, width = (int.from_bytes(segment[at : at + 2], "big") for at in (5, 7))
            self._limits.check_pixels(width, height)
            self._size = width, height
            self._sampling = tuple((byte >> 4, byte & 15) for byte in segment[11::3])
        elif segment[4:9] == b"JFIF\0" and len(segment) >= _JFIF_BYTES:
            segment = self._patch(segment, _JFIF_MAJOR_AT, b"\x01")
        if marker not in _SKIPPED:
            self._pieces.append(segment)
        return True

    def _patch(self, segment: bytes, at: int, right: bytes) -> bytes:
        """Put right what libjpeg only warns about, as its first warning hides all others."""
        patched = segment[:at] + right + segment[at + len(right) :]
        self._is_clean &= patched == segment
        return patched

    def _take_scan(self, segment: bytes) -> bool:
        n_components = segment[4] if len(segment) > 4 else 0
        if not n_components or len(segment) != 8 + 2 * n_components:
            return self._fail("its scan header")
        if not self._scans and self._data[self._at : self._at + 2] in (b"", END):
            return self._fail("no data in its first scan")
        if self._frame in _SEQUENTIAL_FRAMES and self._frame != LOSSLESS_FRAME:
            segment = self._patch(segment, len(segment) - 3, _WHOLE_SPECTRUM)
        components = tuple(segment[5 : 5 + 2 * n_components : 2])
        first, last, bits = segment[-3:]
        is_single = self._frame in _SEQUENTIAL_FRAMES and n_components == len(self._sampling)
        is_sought = self._to_end or not is_single
        ended = _END_OF_SCAN.search(self._data, self._at) if is_sought else None
        end = len(self._data) if ended is None else ended.start()
        scan = Scan(components, first, last, bits & 15, self._at, end)
        self._budget -= max(0, self._count_pixels(n_components) - _LEAST_PIXELS)
        if self._budget < 0:
            return self._stop()
        self._scans.append(scan)
        self._pieces += segment, memoryview(self._data)[scan.start : end]
        self._at = end
        if is_single:  # libjpeg stops after it
            self._is_ended = self._data[end : end + 2] == END
        return not is_single

    def _count_pixels(self, n_components: int) -> int:
        """Return the pixels of a scan, in whole blocks; each component counts like the largest."""
        width, height = self._size
        return n_components * -(-width // 8) * -(-height // 8) * _COEFFICIENTS

    def _stop(self) -> bool:
        self._is_over_budget = True
        message = "too much work: the scans of the JPEG have too many pixels in all"
        self._problem = DecodeError(message, ErrorKind.TOO_MUCH_WORK)
        return False

    def layout(self) -> Layout:
        if not self._scans:
            raise self._problem
        return Layout(
            self._frame,
            self._size,
            self._sampling,
            tuple(self._scans),
            is_clean=self._is_clean,
            is_ended=self._is_ended,
            is_over_budget=self._is_over_budget,
            pieces=tuple(self._pieces),
        )
