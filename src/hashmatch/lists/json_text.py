"""Rows of text columns as JSON objects, a column at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from hashmatch.lists.arrow_text import Column, cell_bytes


def json_objects(cells: Mapping[str, Column]) -> Column:
    """Return one JSON object a row, of every cell under the name of its column, in order."""
    pieces: list[Any] = []
    for name, column in cells.items():
        pieces += [',"' if pieces else '{"', json.dumps(name, ensure_ascii=False)[1:-1], '":"']
        pieces += [_escaped(column), '"']
    return pc.binary_join_element_wise(*pieces, "}", "")


def _escaped(column: Column) -> Column:
    data = cell_bytes(column)
    if (data == ord("\\")).any():
        column = pc.replace_substring(column, "\\", "\\\\")
    if (data == ord('"')).any():
        column = pc.replace_substring(column, '"', '\\"')
    for code in np.unique(data[data < 0x20]).tolist():
        column = pc.replace_substring(column, chr(code), f"\\u{code:04x}")
    return column
