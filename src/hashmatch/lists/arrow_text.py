"""Functions on columns of text cells, fast if all of the text is ASCII."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Column: TypeAlias = Any
"""A `pyarrow.Array`: the stubs of pyarrow's functions do not know all that these take and give."""

_ASCII_WHITESPACE = " \t\n\v\f\r\x1c\x1d\x1e\x1f"


def cell_bytes(cells: Column) -> NDArray[np.uint8]:
    """Return the UTF-8 of all cells, concatenated, uint8, without a copy."""
    _, offsets, text = cells.buffers()
    if not len(cells) or text is None:
        return np.empty(0, dtype=np.uint8)
    bounds = np.frombuffer(offsets, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    return np.frombuffer(text, np.uint8)[bounds[0] : bounds[-1]]


def trim(cells: Column) -> Column:
    """Return the cells without white space around them, as `str.strip` does."""
    if cell_bytes(cells).max(initial=0) < 0x80:
        return pc.ascii_trim(cells, _ASCII_WHITESPACE)
    return pc.utf8_trim_whitespace(cells)


def empty_to_null(cells: Column) -> Column:
    """Return the cells, with null in place of empty cells."""
    return pc.if_else(pc.equal(cells, pa.scalar("")), pa.scalar(None, pa.string()), cells)


def has_control(cells: Column) -> Column:
    """Return a mask of the cells that hold a line break or other ASCII control character."""
    data = cell_bytes(cells)
    if data.min(initial=0x20) >= 0x20 and not (data == 0x7F).any():
        return pa.repeat(pa.scalar(False), len(cells))
    return pc.match_substring_regex(cells, r"[\x00-\x1f\x7f]")


def has_other_than_hex(cells: Column) -> Column:
    """Return a mask of the cells that hold anything but hex digits."""
    if _IS_HEX[cell_bytes(cells)].all():
        return pa.repeat(pa.scalar(False), len(cells))
    return pc.match_substring_regex(cells, "[^0-9A-Fa-f]")


def split_labels(cells: Column) -> Column:
    """Return the labels of each cell, separated by semicolons; null if there are none."""
    parts: Column = pc.split_pattern(cells, ";")
    labels = trim(parts.flatten())
    is_filled = pc.binary_length(labels).cast(pa.bool_())
    rows: Column = pc.list_parent_indices(parts)
    counts = np.bincount(rows.filter(is_filled).to_numpy(), minlength=len(cells))
    offsets: Column = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    labels = labels.filter(is_filled)
    return pa.ListArray.from_arrays(offsets, labels, mask=pa.array(counts == 0))


def pack_hex(digits: Column) -> Column:
    """Return the bytes of hex digits, which must be valid and without nulls."""
    n_rows = len(digits)
    if not n_rows:
        return pa.array([], pa.binary())
    bounds = np.frombuffer(digits.buffers()[1], np.int32)
    bounds = bounds[digits.offset : digits.offset + n_rows + 1]
    packed = bytes.fromhex(str(cell_bytes(digits).data, "ascii"))
    offsets = (bounds - bounds[0]) // 2
    return pa.BinaryArray.from_buffers(
        pa.binary(), n_rows, [None, pa.py_buffer(offsets), pa.py_buffer(packed)]
    )


def json_objects(cells: Mapping[str, Column]) -> Column:
    """Return one JSON object per row: its cells by the names of their columns, in order."""
    pieces: list[Any] = []
    for name, column in cells.items():
        pieces += [',"' if pieces else '{"', json.dumps(name, ensure_ascii=False)[1:-1], '":"']
        pieces += [_escape(column), '"']
    return pc.binary_join_element_wise(*pieces, "}", "")


def _escape(column: Column) -> Column:
    data = cell_bytes(column)
    if (data == ord("\\")).any():
        column = pc.replace_substring(column, "\\", "\\\\")
    if (data == ord('"')).any():
        column = pc.replace_substring(column, '"', '\\"')
    for code in np.unique(data[data < 0x20]).tolist():
        column = pc.replace_substring(column, chr(code), f"\\u{code:04x}")
    return column


_IS_HEX = np.zeros(256, dtype=np.bool_)
_IS_HEX[list(b"0123456789abcdefABCDEF")] = True
