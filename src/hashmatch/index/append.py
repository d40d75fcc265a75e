"""Append a list file to a transaction: the step that build, add and replace have in common."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hashmatch.index.dedup import Int64s, KeyMap, RowKeys
from hashmatch.index.list_rows import WITHDRAWN, RowChunk, read_chunks
from hashmatch.index.manifest import ChangeKind, ListCounts, Origin
from hashmatch.index.recipe import RecipeList
from hashmatch.index.row_lookup import KnownRows, find_rows
from hashmatch.index.transaction import Transaction
from hashmatch.lists import Column


def append_list(
    transaction: Transaction, source: RecipeList, came_by: ChangeKind, *, readmit: bool = False
) -> tuple[ListCounts, int]:
    """Append the rows of a list file while reading it; call once per list and transaction.

    If the index has a row already, with the same status, the new row is a duplicate; with another
    status it replaces the old row. A withdrawn row removes the old row. Known entries keep their
    ordinal. Entries that the overrides list as removed are left out, unless `readmit` is true: then
    they are added, and deleted from the overrides.

    Returns
    -------
    counts : ListCounts
        The row counts of this file alone.
    n_returned : int
        Removed entries that were readmitted.

    Notes
    -----
    Rows are written to disk as they are read. Memory grows by 24 bytes for each distinct row and 24
    for each new entry; every 65,536 rows cost a scan of the ids that the index has for the list.
    """
    appending = _Appending(transaction, source, readmit=readmit)
    for chunk in read_chunks(source, appending.keys, transaction.options.chunk_rows):
        appending.append(chunk)
    return appending.finish(came_by)


class _Appending:
    """The state of appending one list."""

    def __init__(self, transaction: Transaction, source: RecipeList, *, readmit: bool) -> None:
        self.keys = RowKeys()
        self._transaction = transaction
        self._source = source
        self._readmit = readmit
        removed = transaction.overrides.removed_of(source.name)
        self._removed = pa.array(sorted(removed), pa.string())
        self._returned: set[str] = set()
        self._facts: set[tuple[str, str | None]] = set()
        self._ordinals = KeyMap()
        self._places = {origin: at for at, origin in enumerate(transaction.origins)}
        self._algorithms: set[str] = set()
        kinds = ("rows", "indexed", "withdrawn", "ignored", "duplicates", "removed")
        self._counts = dict.fromkeys(kinds, 0)

    def append(self, chunk: RowChunk) -> None:
        """Classify the rows of a chunk and append the rows to be indexed."""
        transaction, counts = self._transaction, self._counts
        self._algorithms.update(chunk.algorithms)
        ids: Column = chunk.table["entry_id"]
        known = find_rows(
            transaction.segments,
            transaction.origins,
            transaction.is_of([self._source.name]),
            pc.unique(ids) if transaction.segments else ids,
            self.keys,
        )
        is_withdrawn = chunk.is_first & (chunk.statuses == WITHDRAWN)
        kept = chunk.is_first & ~is_withdrawn
        found: Column = pc.is_in(ids, self._removed)
        is_removed = found.to_numpy()
        if not self._readmit:
            counts["removed"] += int((kept & is_removed).sum())
            kept &= ~is_removed
        twin = known.by_row.get(chunk.row_keys)
        is_repeated = kept & (twin >= 0)
        is_repeated[is_repeated] = known.status[twin[is_repeated]] == chunk.statuses[is_repeated]
        kept &= ~is_repeated
        self._remove(known, twin[(twin >= 0) & (kept | is_withdrawn)])
        counts["rows"] += chunk.table.num_rows + chunk.n_ignored
        counts["ignored"] += chunk.n_ignored
        counts["indexed"] += int(kept.sum())
        counts["withdrawn"] += int(is_withdrawn.sum())
        counts["duplicates"] += int((~chunk.is_first).sum() + is_repeated.sum())
        self._returned.update(ids.filter(pa.array(kept & is_removed)).to_pylist())
        rows = chunk.table.filter(pa.array(kept))
        self._facts.update(map(self.keys.facts, np.unique(chunk.origins).tolist()))
        origins = self._number_origins(chunk.origins[kept])
        entries = self._number_entries(known, chunk.entry_keys[kept])
        rows = rows.append_column("entry", pa.array(entries, pa.int64()))
        transaction.append(rows.append_column("origin", pa.array(origins, pa.int32())))

    def finish(self, came_by: ChangeKind) -> tuple[ListCounts, int]:
        """Return the counts of the list, and how many entries were readmitted."""
        transaction, source = self._transaction, self._source
        # An empty list gets an empty segment, so that policies that name its algorithm still load.
        for algorithm in sorted(self._algorithms) or [source.reading.default_algorithm]:
            transaction.require_segment(algorithm)
        self._keep_facts()
        transaction.overrides = transaction.overrides.readmit(source.name, self._returned)
        counts = ListCounts(source.name, source.version, **self._counts, came_by=came_by)
        return counts, len(self._returned)

    def _keep_facts(self) -> None:
        """Add the origins of rows that are not indexed, so that a policy may name their facts.

        Of a list without rows, what the recipe says of all of them.
        """
        source, origins = self._source, self._transaction.origins
        known = {(of.harm, of.classification) for of in origins if of.list == source.name}
        if not (known or self._facts) and source.reading.harm is not None:
            self._facts.add((source.reading.harm, source.reading.classification))
        for harm, classification in sorted(self._facts - known, key=str):
            origins.append(Origin(source.name, source.version, harm, classification))

    def _remove(self, known: KnownRows, places: Int64s) -> None:
        for number in np.unique(known.segment[places]).tolist():
            rows = known.row[places[known.segment[places] == number]]
            self._transaction.remove(number, np.sort(rows))

    def _number_entries(self, known: KnownRows, keys: NDArray[np.uint64]) -> Int64s:
        """Return the ordinals of entries; new entries are numbered in order of appearance."""
        transaction = self._transaction
        entries = known.by_entry.get(keys)
        new = np.flatnonzero(entries < 0)
        entries[new], transaction.n_entries = self._ordinals.number(
            keys[new], transaction.n_entries
        )
        return entries

    def _number_origins(self, numbers: Int64s) -> NDArray[np.int32]:
        """Return the positions of origins in the transaction; new ones are added as they appear.

        `numbers` are the numbers that `RowKeys` gave the origins.
        """
        origins, name, version = self._transaction.origins, self._source.name, self._source.version
        distinct, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
        places = np.empty(distinct.size, dtype=np.int32)
        for at in np.argsort(first).tolist():
            origin = Origin(name, version, *self.keys.facts(distinct[at]))
            places[at] = self._places.setdefault(origin, len(origins))
            if places[at] == len(origins):
                origins.append(origin)
        return places[inverse]
