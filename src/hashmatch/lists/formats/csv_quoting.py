"""A guard on the bytes of a CSV file before a parser sees them.

Parsers forgive a quotation mark that is never closed, or text around a quoted field, by swallowing
the rows that follow into one field: entries would vanish without a word. This stream passes a
file on block by block and refuses whatever RFC 4180 would not quote that way.
"""

from __future__ import annotations

import io
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_QUOTE, _COMMA, _LF, _CR = b'",\n\r'
_MAY_OPEN_AFTER = np.array([_COMMA, _LF, _CR, _QUOTE], dtype=np.uint8)
_MAY_FOLLOW_CLOSE = _MAY_OPEN_AFTER
_BOM = b"\xef\xbb\xbf"
_BLOCK_BYTES = 1 << 20


class MisplacedQuoteError(Exception):
    """A quotation mark, `offset` bytes into the file, that breaks the quoting."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(problem)
        self.offset = offset


class QuotingGuard(io.RawIOBase):
    """Readable stream of a CSV file without its byte order mark and with a final line break.

    `read` raises `MisplacedQuoteError` where the quoting goes wrong. One thread at a time.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._offset = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
        file.seek(self._offset)
        self._before = _LF  # last byte of the block before
        self._quoted = False  # whether that byte lies in a quoted field
        self._opened_at = 0
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return `size` checked bytes, fewer only at the end, all where it is negative."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_BLOCK_BYTES), b""))
        if self._ended or size == 0:
            return b""
        block = self._file.read(size)
        if block:
            self._check(np.frombuffer(block, dtype=np.uint8))
        return block if len(block) == size else block + self._end()

    def _check(self, block: NDArray[np.uint8]) -> None:
        if self._before == _QUOTE and not self._quoted and block[0] not in _MAY_FOLLOW_CLOSE:
            raise MisplacedQuoteError(self._offset, "text after a quoted field")
        quotes = np.flatnonzero(block == _QUOTE)
        opening, closing = quotes[int(self._quoted) :: 2], quotes[int(not self._quoted) :: 2]
        before = np.where(opening > 0, block[opening - 1], np.uint8(self._before))
        behind = block[np.minimum(closing + 1, block.size - 1)]  # a quote at the end is left to
        bad = [  # the next block: it is its own successor here, and so allowed
            *opening[~np.isin(before, _MAY_OPEN_AFTER)][:1],
            *closing[~np.isin(behind, _MAY_FOLLOW_CLOSE)][:1],
        ]
        if bad:
            raise MisplacedQuoteError(
                self._offset + int(min(bad)), "quotation mark inside an unquoted field"
            )
        fields = opening[before != _QUOTE]
        if fields.size:
            self._opened_at = self._offset + int(fields[-1])
        self._quoted ^= bool(quotes.size % 2)
        self._before = int(block[-1])
        self._offset += block.size

    def _end(self) -> bytes:
        self._ended = True
        if self._quoted:
            raise MisplacedQuoteError(self._opened_at, "a quotation mark is never closed")
        return b"" if self._before in (_LF, _CR) else b"\n"


def row_at(file: BinaryIO, offset: int) -> int:
    """Return the number, from 1, of the row that holds the byte at `offset`.

    Quoting must be sound before that byte. Reads the file up to it.
    """
    row, quoted, before = 1, False, 0
    while offset > 0:
        data = file.read(min(offset, _BLOCK_BYTES))
        if not data:
            break
        offset -= len(data)
        block = np.frombuffer(data, dtype=np.uint8)
        inside = np.bitwise_xor.accumulate(block == _QUOTE) ^ quoted
        shifted = np.concatenate([np.array([before], dtype=np.uint8), block[:-1]])
        ends = (block == _CR) | ((block == _LF) & (shifted != _CR))
        row += int(np.count_nonzero(ends & ~inside))
        quoted, before = bool(inside[-1]), int(block[-1])
    return row
