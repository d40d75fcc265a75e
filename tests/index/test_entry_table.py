from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashmatch.errors import IndexFormatError
from hashmatch.index.entry_table import ENTRY_SCHEMA, EntryTable, EntryWriter

BATCH_ROWS = 8


def rows_of(n: int) -> list[dict[str, Any]]:
    return [
        {
            "entry": row // 2,
            "origin": row % 3,
            "row_number": row + 2,
            "entry_id": f"e-{row // 2}é",
            "quality": row if row % 5 else None,
            "timestamp_s": row / 4 if row % 3 else None,
            "severity": None,
            "labels": [str(label) for label in range(row % 4)] or None,
            "status": "active",
            "member_id": "m" * (row % 7),
            "media_type": None,
            "first_seen": None,
            "last_seen": "2026",
            "record": json.dumps({"row": row}),
        }
        for row in range(n)
    ]


def write(file: io.IOBase, tables: list[pa.Table]) -> None:
    writer = EntryWriter(file, BATCH_ROWS)
    for table in tables:
        writer.append(table)
    writer.close()


def saved(path: Path, n: int) -> Path:
    with path.open("wb") as file:
        write(file, [pa.Table.from_pylist(rows_of(n), ENTRY_SCHEMA)])
    return path


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 50])
def test_every_cell_is_read_back(tmp_path: Path, n: int) -> None:
    expected = rows_of(n)
    table = EntryTable.open(saved(tmp_path / "e.arrow", n), n)
    assert len(table) == n
    order = np.random.default_rng(n).permutation(n).astype(np.int64)
    order = np.concatenate([order, order[:3]])
    for name in ENTRY_SCHEMA.names:
        assert table.cells(name, order) == [expected[row][name] for row in order.tolist()]
    assert table.entries(order).tolist() == [expected[row]["entry"] for row in order.tolist()]
    assert table.origins(order).tolist() == [expected[row]["origin"] for row in order.tolist()]
    assert table.entries(order).dtype == np.int64
    assert table.origins(order).dtype == np.int32


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "é", "𐀀", "zz"]), st.integers(0, 3)), min_size=1),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_first_ids_are_among_few_others(ids: list[tuple[str, int]], data: st.DataObject) -> None:
    """Equal ids, in any order and number of batches; ids that UTF-16 would order otherwise."""
    texts = [text * repeats for text, repeats in ids]
    rows = data.draw(st.lists(st.integers(0, len(ids) - 1), max_size=40))
    if data.draw(st.booleans()):
        rows = sorted(set(rows))
    n = data.draw(st.integers(1, 12))
    table = rows_of(len(texts))
    for row, text in zip(table, texts, strict=True):
        row["entry_id"] = text
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "entries"
        with path.open("wb") as file:
            write(file, [pa.Table.from_pylist(table, ENTRY_SCHEMA)])
        opened = EntryTable.open(path, len(texts))
        found = opened.with_first_ids(np.array(rows, dtype=np.int64), n).tolist()
    assert len(set(found)) == len(found)
    first = sorted((texts[row], place) for place, row in enumerate(rows))[:n]
    assert {place for _, place in first} <= set(found)


def test_the_file_is_plain_arrow(tmp_path: Path) -> None:
    with pa.ipc.open_file(str(saved(tmp_path / "e.arrow", 50))) as reader:
        table = reader.read_all()
    assert table.schema.equals(ENTRY_SCHEMA)
    assert table.to_pylist() == rows_of(50)


def test_batches_are_whole_but_for_the_last(tmp_path: Path) -> None:
    with pa.ipc.open_file(str(saved(tmp_path / "e.arrow", 50))) as reader:
        batches = [reader.get_batch(at).num_rows for at in range(reader.num_record_batches)]
    assert batches == [8, 8, 8, 8, 8, 8, 2]


def test_rows_that_are_not_there_are_refused(tmp_path: Path) -> None:
    table = EntryTable.open(saved(tmp_path / "e.arrow", 20), 20)
    for row in (-1, 20, 2**62, -(2**63)):
        with pytest.raises(IndexFormatError, match=r"e\.arrow: it has no such row"):
            table.cells("entry_id", np.array([3, row]))
        with pytest.raises(IndexFormatError, match="no such row"):
            table.origins(np.array([row]))


def test_another_shape_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "e.arrow", 20)
    for n in (0, 19, 21, 200):
        with pytest.raises(IndexFormatError, match=r"e\.arrow: damaged or not an entry table"):
            EntryTable.open(path, n)
    whole = path.read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(IndexFormatError, match="damaged or not an entry table"):
            EntryTable.open(path, 20)
    with pa.ipc.new_file(str(path), pa.schema([("entry", pa.int64())])) as writer:
        writer.write_table(pa.table({"entry": list(range(20))}))
    with pytest.raises(IndexFormatError, match="damaged or not an entry table"):
        EntryTable.open(path, 20)


@given(st.lists(st.integers(0, 50), max_size=6))
def test_equal_rows_give_equal_bytes_however_appended(cuts: list[int]) -> None:
    table = pa.Table.from_pylist(rows_of(50), ENTRY_SCHEMA)
    bounds = sorted([0, *cuts, 50])
    pieces = [table.slice(a, b - a) for a, b in pairwise(bounds)]
    filtered = pa.concat_tables([table, table]).filter(pa.array([row < 50 for row in range(100)]))
    files = [io.BytesIO() for _ in range(3)]
    for file, tables in zip(files, ([table], pieces, [filtered]), strict=True):
        write(file, tables)
    assert files[0].getvalue() == files[1].getvalue() == files[2].getvalue()


READ_EVERYTHING = """
import sys
from itertools import pairwise
from pathlib import Path
import numpy as np
from hashmatch.errors import IndexFormatError
from hashmatch.index.entry_table import EntryTable

whole = Path(sys.argv[1]).read_bytes()
path = Path(sys.argv[1] + ".damaged")
rows = np.array([0, 9, 10])
refused = 0
for position in range(len(whole)):
    damaged = bytearray(whole)
    damaged[position] ^= (0x01, 0x80, 0xFF)[position % 3]
    path.write_bytes(damaged)
    try:
        table = EntryTable.open(path, 11)
        table.entries(rows), table.origins(rows)
        for name in ("quality", "timestamp_s", "entry_id", "labels", "record"):
            table.cells(name, rows)
    except IndexFormatError:
        refused += 1
    path.unlink()
print(refused, len(whole))
"""


def test_no_flipped_byte_crashes_a_reader(tmp_path: Path) -> None:
    path = saved(tmp_path / "e.arrow", 11)
    done = subprocess.run(
        [sys.executable, "-c", READ_EVERYTHING, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    refused, n_bytes = map(int, done.stdout.split())
    assert n_bytes == path.stat().st_size
    assert refused > n_bytes // 10
