"""Put the lists of a recipe together: one table of rows an algorithm, with origins and entries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hashmatch import hashing
from hashmatch.errors import HashListError
from hashmatch.index.ledger import Ledger
from hashmatch.index.manifest import ListCounts, Origin
from hashmatch.index.numbering import first_alike, number_rows
from hashmatch.index.recipe import RECIPE_FILE, Recipe, RecipeList
from hashmatch.lists import Column, cell_bytes, read_list

_CHUNK_ROWS = 1 << 20
_LONGEST_SHOWN_NAME = 15  # characters: the shortest hash has one more


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What goes into one generation.

    `tables` holds, by algorithm in order of name, the rows of all lists in the order of recipe and
    file: the columns of a list with `entry` and `origin` added. `n_entries` counts the distinct
    entries; an entry that a list gives two harms or classifications counts once for each, so that
    no match of one hides the other.
    """

    tables: dict[str, pa.Table]
    origins: tuple[Origin, ...]
    lists: tuple[ListCounts, ...]
    n_entries: int


def code_column(codes: NDArray[np.uint8]) -> Column:
    """Return codes, uint8 (n, bits / 8), as a column; the inverse of `codes_of`."""
    n_bytes = codes.shape[1]
    chunks = []
    for start in range(0, len(codes), _CHUNK_ROWS):
        chunk = np.ascontiguousarray(codes[start : start + _CHUNK_ROWS])
        offsets = np.arange(len(chunk) + 1, dtype=np.int32) * n_bytes
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(chunk.data)]
        chunks.append(pa.BinaryArray.from_buffers(pa.binary(), len(chunk), buffers))
    return pa.chunked_array(chunks, pa.binary())


@dataclass(frozen=True, slots=True, eq=False)
class Intake:
    """What one list brings: the rows to index, those withdrawn, and where all of them went.

    `algorithms` are those of any row, withdrawn ones with them, in order.
    """

    rows: pa.Table
    withdrawn: pa.Table
    counts: ListCounts
    algorithms: tuple[str, ...]


def read_contents(recipe: Recipe, ledger: Ledger) -> Contents:
    """Read every list of a recipe; HashListError names file, row and column of what is wrong.

    Entries that the ledger says are removed are left out.
    """
    claimed: set[str] = set()
    tables: list[pa.Table] = []
    origins: list[Origin] = []
    counts: list[ListCounts] = []
    n_entries = 0
    for source in recipe.lists:
        intake = read_source(source, ledger.removed_of(source.name))
        rows = intake.rows
        numbering = number_rows(rows)
        entry = pa.array(numbering.entry + n_entries, pa.int64())
        origin = pa.array(numbering.origin + len(origins), pa.int32())
        tables.append(rows.append_column("entry", entry).append_column("origin", origin))
        origins += [Origin(source.name, source.version, *pair) for pair in numbering.origins]
        counts.append(intake.counts)
        n_entries += numbering.n_entries
        claimed.update(intake.algorithms)
    every = pa.concat_tables(tables)
    by_algorithm = {name: rows_of_algorithm(every, name) for name in sorted(claimed)}
    return Contents(by_algorithm, tuple(origins), tuple(counts), n_entries)


def codes_of(rows: pa.Table, bits: int) -> NDArray[np.uint8]:
    """Return the codes of rows of one algorithm, uint8 (n, bits / 8)."""
    column: Any = rows["code"]
    data = [cell_bytes(chunk) for chunk in column.chunks]
    return np.concatenate([np.empty(0, dtype=np.uint8), *data]).reshape(-1, bits // 8)


def read_source(source: RecipeList, removed: Collection[str], came_by: str = "build") -> Intake:
    """Read one list and sort out its rows; those of the entries `removed` are left out."""
    hash_list = read_list(source.file, source.reading)
    rows = hash_list.table
    _check_algorithms(rows, source)
    first = first_alike(rows)
    _check_statuses(rows, first, source)
    is_first = first == np.arange(rows.num_rows)
    is_withdrawn = is_first & _mask(rows, "status", "withdrawn")
    ids = pa.array(sorted(removed), pa.string())
    is_removed: Any = pc.is_in(rows["entry_id"], ids)
    is_removed = is_removed.to_numpy() & is_first & ~is_withdrawn
    kept = is_first & ~is_withdrawn & ~is_removed
    counts = ListCounts(
        list=source.name,
        list_version=source.version,
        rows=rows.num_rows + hash_list.n_ignored,
        indexed=int(kept.sum()),
        withdrawn=int(is_withdrawn.sum()),
        ignored=hash_list.n_ignored,
        duplicates=int((~is_first).sum()),
        removed=int(is_removed.sum()),
        came_by=came_by,
    )
    # A list yet or again empty has its segment, so that policies can count on it.
    algorithms = _algorithms(rows) or [source.reading.default_algorithm]
    withdrawn = rows.filter(pa.array(is_withdrawn))
    return Intake(rows.filter(pa.array(kept)), withdrawn, counts, tuple(algorithms))


def _check_algorithms(rows: pa.Table, source: RecipeList) -> None:
    """Raise HashListError for the first row of an unknown algorithm or a code of another width."""
    n_bytes = pc.binary_length(rows["code"]).to_numpy()
    known = hashing.algorithms()
    faults: list[tuple[int, str, str]] = []
    for name in _algorithms(rows):
        has_name = _mask(rows, "algorithm", name)
        if name not in known:
            problem = (
                f"{_shown(name)} is not among the algorithms known ({', '.join(sorted(known))}); "
                f"name it in ignore_algorithms in {RECIPE_FILE} to leave such rows out"
            )
            faults.append((int(np.argmax(has_name)), "algorithm", problem))
            continue
        bits = known[name].bits
        other_width = has_name & (n_bytes != bits // 8)
        if other_width.any():
            problem = f"expected {bits // 4} hex digits, as {name} has {bits} bits"
            faults.append((int(np.argmax(other_width)), "hash", problem))
    if faults:
        row, column, problem = min(faults)
        raise _error(rows, row, source, problem, column)


def _check_statuses(rows: pa.Table, first: NDArray[np.int64], source: RecipeList) -> None:
    """Raise HashListError where a row repeats an earlier one but for its status."""
    status = np.asarray(rows["status"].to_numpy())
    differs = np.flatnonzero(status != status[first])
    if differs.size:
        row = int(differs[0])
        earlier = rows["row_number"][int(first[row])].as_py()
        problem = f"row {earlier} gives the same entry and hash another status; keep one of them"
        raise _error(rows, row, source, problem, "status")


def _error(
    rows: pa.Table, row: int, source: RecipeList, problem: str, column: str
) -> HashListError:
    number = rows["row_number"][row].as_py()
    name = source.reading.column(column)
    return HashListError(f"{source.file} row {number}, column {name}: {problem}")


def _algorithms(rows: pa.Table) -> list[str]:
    names: Any = pc.unique(rows["algorithm"])
    return sorted(names.to_pylist())


def _mask(rows: pa.Table, column: str, value: str) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = pc.equal(rows[column], pa.scalar(value)).to_numpy()
    return mask


def rows_of_algorithm(rows: pa.Table, name: str) -> pa.Table:
    """Return the rows of one algorithm, in order."""
    return rows.filter(pa.array(_mask(rows, "algorithm", name)))


def _shown(name: str) -> str:
    short = len(name) <= _LONGEST_SHOWN_NAME and name.isprintable()
    return name if short else "this"
