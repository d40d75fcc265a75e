"""Append a list file to a transaction: the step that build, add and replace have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hashmatch.hashing import get_algorithm
from hashmatch.index.dedup import MISSING, Int64s, KeyMap, Keys, RowKeys, contains_keys, no_entries
from hashmatch.index.deletion_vector import Rows
from hashmatch.index.list_rows import (
    WITHDRAWN,
    RowChunk,
    codes_of,
    key_table,
    read_chunks,
    split_by_algorithm,
)
from hashmatch.index.manifest import ChangeKind, ListCounts, Origin
from hashmatch.index.overrides import digest_code
from hashmatch.index.recipe import RecipeList
from hashmatch.index.row_lookup import KnownRows, find_rows
from hashmatch.index.transaction import Transaction
from hashmatch.lists import Column


class Appended(NamedTuple):
    """The effect of appending a list file.

    `counts` are the row counts of this file alone; `n_returned` removed entries were readmitted;
    `n_unmet` withdrawn rows name an entry or a hash that the list did not have.
    """

    counts: ListCounts
    n_returned: int
    n_unmet: int


def append_list(
    transaction: Transaction, source: RecipeList, came_by: ChangeKind, *, readmit: bool = False
) -> Appended:
    """Append the rows of a list file while reading it; call once per list and transaction.

    If the index has a row already, with the same status, harm and classification, the new row is a
    duplicate; otherwise it replaces the rows of that entry and hash, except those that the file
    gives, too. A withdrawn row removes all rows of its entry in the list, or without an entry id
    all rows of its hash, whatever their harm and classification, except those that the file gives
    as well. Known entries keep their ordinal. Entries and hashes that the overrides list as removed
    are left out, unless `readmit` is true: then they are added, and deleted from the overrides.

    Notes
    -----
    Rows are written to disk as they are read. Memory grows by 24 bytes for each distinct row and 24
    for each new entry, and by 40 for each known row that may have to go; every 65,536 rows cost a
    scan of the ids that the index has for the list.
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
        self._removed_hashes = transaction.overrides.removed_hashes_of(source.name)
        self._returned: set[str] = set()
        self._returned_hashes: set[str] = set()
        self._facts: set[tuple[str, str | None]] = set()
        self._ordinals = KeyMap()
        self._places = {origin: at for at, origin in enumerate(transaction.origins)}
        self._algorithms: set[str] = set()
        self._given = KeyMap()  # keys of the rows that the file gives, withdrawn ones apart
        self._outdated: list[tuple[Int64s, Rows, Keys]] = []  # known rows, which go unless given
        self._n_unmet = 0
        kinds = ("rows", "indexed", "withdrawn", "ignored", "duplicates", "removed")
        self._counts = dict.fromkeys(kinds, 0)

    def append(self, chunk: RowChunk) -> None:
        """Classify the rows of a chunk and append the rows to be indexed."""
        transaction, counts = self._transaction, self._counts
        self._algorithms.update(chunk.algorithms)
        ids: Column = chunk.table["entry_id"]
        known = self._find_known(chunk)
        is_withdrawn = chunk.is_first & (chunk.statuses == WITHDRAWN)
        kept = chunk.is_first & ~is_withdrawn
        is_removed = self._find_removed(chunk)
        if not self._readmit:
            counts["removed"] += int((kept & is_removed).sum())
            kept &= ~is_removed
        twin = known.by_row.get(chunk.row_keys)
        is_repeated = kept & (twin >= 0)
        is_repeated[is_repeated] = known.status[twin[is_repeated]] == chunk.statuses[is_repeated]
        if transaction.segments:  # a build begins without rows, so none can be outdated
            self._note_outdated(chunk, known, kept)
        kept &= ~is_repeated
        self._remove(known, twin[(twin >= 0) & kept])
        n_partial = chunk.n_rows - chunk.table.num_rows  # withdrawals without entry id or hash
        counts["rows"] += chunk.n_rows + chunk.n_ignored
        counts["ignored"] += chunk.n_ignored
        counts["indexed"] += int(kept.sum())
        counts["withdrawn"] += int(is_withdrawn.sum()) + n_partial
        counts["duplicates"] += int((~chunk.is_first).sum() + is_repeated.sum())
        rows = chunk.table.filter(pa.array(kept))
        self._returned.update(ids.filter(pa.array(kept & is_removed)).to_pylist())
        if self._readmit and self._removed_hashes:
            self._returned_hashes.update(_hash_digests(rows))
        self._facts.update(map(self.keys.facts, np.unique(chunk.origins).tolist()))
        origins = self._number_origins(chunk.origins[kept])
        entries = self._number_entries(known, chunk.entry_keys[kept])
        rows = rows.append_column("entry", pa.array(entries, pa.int64()))
        transaction.append(rows.append_column("origin", pa.array(origins, pa.int32())))

    def finish(self, came_by: ChangeKind) -> Appended:
        """Remove what the file replaces or withdraws; return the counts."""
        transaction, source = self._transaction, self._source
        for segments, rows, keys in self._outdated:
            goes = self._given.get(keys) == MISSING
            self._remove_rows(segments[goes], rows[goes])
        # An empty list gets an empty segment, so that policies that name its algorithm still load.
        for algorithm in sorted(self._algorithms) or [source.reading.default_algorithm]:
            transaction.require_segment(algorithm)
        self._keep_facts()
        transaction.overrides = transaction.overrides.readmit(
            source.name, self._returned, self._returned_hashes
        )
        counts = ListCounts(source.name, source.version, **self._counts, came_by=came_by)
        return Appended(counts, len(self._returned), self._n_unmet)

    def _find_known(self, chunk: RowChunk) -> KnownRows:
        """Return the rows that the index has of entries in the chunk, and of withdrawn hashes."""
        transaction, ids = self._transaction, chunk.table["entry_id"]
        hashes = chunk.withdrawn_hashes
        codes = {
            name: codes_of(hashes.filter(pa.array(is_of)), get_algorithm(name).bits)
            for name, is_of in split_by_algorithm(hashes).items()
        }
        if transaction.segments:
            every = [*ids.chunks, *chunk.withdrawn_ids.chunks]
            ids = pc.unique(pa.chunked_array(every, pa.string()))
        return find_rows(
            transaction.segments,
            transaction.origins,
            transaction.is_of([self._source.name]),
            ids,
            keys=self.keys,
            codes=codes,
        )

    def _find_removed(self, chunk: RowChunk) -> NDArray[np.bool_]:
        """Return which rows are of an entry or hash that the owner of the index removed."""
        found: Column = pc.is_in(chunk.table["entry_id"], self._removed)
        is_removed: NDArray[np.bool_] = found.to_numpy()
        if self._removed_hashes:
            digests = _hash_digests(chunk.table)
            is_removed |= np.array([each in self._removed_hashes for each in digests], np.bool_)
        return is_removed

    def _note_outdated(self, chunk: RowChunk, known: KnownRows, kept: NDArray[np.bool_]) -> None:
        """Note the known rows that go unless the file gives them: regraded or withdrawn ones."""
        given = chunk.row_keys[kept]
        self._given.setdefault(given, np.zeros(len(given), dtype=np.int64))
        keys, live = self.keys, known.live()
        hashes = chunk.withdrawn_hashes
        withdrawn_keys = key_table(keys, no_entries(hashes.num_rows), hashes)
        is_known: Column = pc.is_in(chunk.withdrawn_ids, live.entry_ids)
        is_met = np.concatenate(
            [is_known.to_numpy(), contains_keys(live.code_keys, withdrawn_keys)]
        )
        self._n_unmet += int((~is_met).sum())
        if not live.row.size:
            return
        rows = chunk.table.filter(pa.array(kept))
        bare = keys.entries(keys.bare_origins(self._source.name, rows.num_rows), rows["entry_id"])
        is_withdrawn: Column = pc.is_in(live.entry_ids, chunk.withdrawn_ids)
        goes = is_withdrawn.to_numpy() | contains_keys(withdrawn_keys, live.code_keys)
        goes |= contains_keys(key_table(keys, bare, rows), live.hash_keys)
        self._outdated.append((live.segment[goes], live.row[goes], live.row_keys[goes]))

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
        self._remove_rows(known.segment[places], known.row[places])

    def _remove_rows(self, segments: Int64s, rows: Rows) -> None:
        for number in np.unique(segments).tolist():
            self._transaction.remove(number, np.unique(rows[segments == number]))

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


def _hash_digests(rows: pa.Table) -> list[str]:
    hashes: Any = zip(rows["algorithm"].to_pylist(), rows["code"].to_pylist(), strict=True)
    return [digest_code(name, code) for name, code in hashes]
