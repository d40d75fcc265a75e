"""Keys of rows and entries, and the first occurrence of each, without keeping the rows.

A key has 128 bits. An entry's key is its BLAKE2b hash; a row's key is that of its entry plus a
universal hash of its code, with random multipliers. In practice, different rows never share a key.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hashmatch.lists import Column

Int64s = NDArray[np.int64]
Keys = NDArray[np.uint64]
"""128-bit keys, uint64 (n, 2)."""

MISSING = -1
_KEY_BYTES = 16
_MAX_WORDS = 2 + 512 // 32


class RowKeys:
    """Keys of entries and rows; comparable only within one `RowKeys`.

    An entry is identified by list, harm, classification and id; a row by its entry, algorithm and
    code. Making a key costs half a microsecond a row.
    """

    def __init__(self) -> None:
        generator = np.random.default_rng()
        self._multipliers = generator.integers(0, 1 << 64, (_MAX_WORDS, 4), dtype=np.uint64)
        self._origins: dict[tuple[str, str, str | None], int] = {}
        self._algorithms: dict[str, int] = {}

    def origin(self, list_name: str, harm: str, classification: str | None) -> int:
        """Return the number of an origin, whatever the version of the list."""
        return self._origins.setdefault((list_name, harm, classification), len(self._origins))

    def bare_origins(self, list_name: str, n_rows: int) -> Int64s:
        """Return, for every row, the one origin of a list whose harm and grade do not count."""
        return np.full(n_rows, self.origin(list_name, "", None))

    def facts(self, origin: int) -> tuple[str, str | None]:
        """Return harm and classification of an origin."""
        _, harm, classification = list(self._origins)[origin]
        return harm, classification

    def origins_of(self, list_name: str, harm: Column, classification: Column) -> Int64s:
        """Return the numbers of the origins of rows, int64 (n,), in order of appearance."""
        table = pa.table([harm, classification, np.arange(len(harm))], ["harm", "class", "row"])
        # Without threads, groups come in order of appearance.
        groups = table.group_by(["harm", "class"], use_threads=False).aggregate([("row", "list")])
        columns: list[Any] = [groups["harm"].to_pylist(), groups["class"].to_pylist()]
        numbers = np.empty(len(harm), dtype=np.int64)
        for *facts, rows in zip(*columns, groups["row_list"], strict=True):
            numbers[rows.values.to_numpy()] = self.origin(list_name, *facts)
        return numbers

    @staticmethod
    def entries(origins: Int64s, entry_ids: Column) -> Keys:
        """Return the keys of entries."""
        buffers = [None, pa.py_buffer(np.ascontiguousarray(origins, "<i8").data)]
        prefix = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), origins.size, buffers)
        ids: Column = entry_ids.combine_chunks().cast(pa.binary())
        joined: Column = pc.binary_join_element_wise(prefix.cast(pa.binary()), ids, b"")
        digests = [blake2b(text, digest_size=_KEY_BYTES).digest() for text in joined.to_pylist()]
        return np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)

    def rows(self, entries: Keys, algorithm: str, codes: NDArray[np.uint8]) -> Keys:
        """Return keys of rows, given their entries' keys and codes, uint8 (n, bits / 8).

        Codes are hashed by multilinear hashing: the upper half of each sum is strongly universal
        (Lemire and Kaser, Strongly universal string hashing is fast, 2014).
        """
        number = self._algorithms.setdefault(algorithm, len(self._algorithms))
        n_words = -(-codes.shape[1] // 4)
        padded = np.zeros((len(codes), 4 * n_words), dtype=np.uint8)
        padded[:, : codes.shape[1]] = codes
        words = padded.view("<u4").astype(np.uint64)
        sums = words @ self._multipliers[2 : 2 + n_words]
        sums += self._multipliers[0] + np.uint64(number) * self._multipliers[1]
        upper = sums >> np.uint64(32)
        return entries + ((upper[:, :2] << np.uint64(32)) | upper[:, 2:])


def no_entries(n_rows: int) -> Keys:
    """Return the keys of no entry at all, so that `RowKeys.rows` gives keys of codes alone."""
    return np.zeros((n_rows, 2), dtype=np.uint64)


def contains_keys(there: Keys, keys: Keys) -> NDArray[np.bool_]:
    """Return whether each of `keys` is among those `there`, bool (n,)."""
    known = KeyMap()
    known.setdefault(there, np.zeros(len(there), dtype=np.int64))
    found: NDArray[np.bool_] = known.get(keys) != MISSING
    return found


class KeyMap:
    """A map from keys to int64; takes 24 bytes a key, up to twice that while it grows.

    Keys lie in sorted runs of falling size, which are merged like those of a log-structured merge
    tree, so that n keys cost O(n log n) in all.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Keys, Int64s]] = []

    def keys(self) -> Keys:
        """Return all keys, in no particular order."""
        return np.concatenate([np.empty((0, 2), dtype=np.uint64), *(run for run, _ in self._runs)])

    def get(self, keys: Keys) -> Int64s:
        """Return the value of each key, or `MISSING` if the map does not have the key."""
        values = np.full(len(keys), MISSING, dtype=np.int64)
        for run_keys, run_values in self._runs:
            at = np.searchsorted(run_keys[:, 0], keys[:, 0])
            active = at < len(run_keys)
            while active.any():
                place = np.minimum(at, len(run_keys) - 1)
                active &= run_keys[place, 0] == keys[:, 0]
                is_same = active & (run_keys[place, 1] == keys[:, 1])
                values[is_same] = run_values[place[is_same]]
                at += 1  # two keys may share their first half
                active &= ~is_same & (at < len(run_keys))
        return values

    def setdefault(self, keys: Keys, values: Int64s) -> tuple[Int64s, NDArray[np.bool_]]:
        """Store the value of each new key, the first if it repeats; values must be >= 0.

        Returns each key's value now, and whether this position stored it: true once per new key.
        """
        found, places = self._add_missing(keys, lambda new: values[new])
        is_new = np.zeros(len(keys), dtype=np.bool_)
        is_new[places] = True
        return found, is_new

    def number(self, keys: Keys, start: int) -> tuple[Int64s, int]:
        """Give new keys numbers from `start`, in order of appearance.

        Returns the number of every key, and the next number.
        """
        found, places = self._add_missing(keys, lambda new: start + np.argsort(np.argsort(new)))
        return found, start + places.size

    def _add_missing(self, keys: Keys, choose: Callable[[Int64s], Int64s]) -> tuple[Int64s, Int64s]:
        """Store for new keys the values that `choose` returns for their first positions.

        Returns the value of every key, and the first positions of the new keys.
        """
        found = self.get(keys)
        new = np.flatnonzero(found == MISSING)
        if not new.size:
            return found, new
        first, inverse = first_occurrence(keys[new])
        places = new[first]
        values = choose(places)
        found[new] = values[inverse]
        self._insert(keys[places], values)
        return found, places

    def _insert(self, keys: Keys, values: Int64s) -> None:
        """Add distinct keys that are not there yet."""
        self._runs.append(_sort(keys, values))
        while len(self._runs) > 1 and len(self._runs[-2][1]) <= 2 * len(self._runs[-1][1]):
            newer, older = self._runs.pop(), self._runs.pop()
            self._runs.append(
                _sort(np.concatenate([older[0], newer[0]]), np.concatenate([older[1], newer[1]]))
            )


def first_occurrence(keys: Keys) -> tuple[Int64s, Int64s]:
    """Return the first position of each distinct key, and each key's index there; int64."""
    order = np.argsort(np.ascontiguousarray(keys[:, 0]), kind="stable")  # keeps equal keys in order
    ordered = keys[order]
    is_same = ordered[1:] == ordered[:-1]
    if (is_same[:, 0] > is_same[:, 1]).any():  # two keys share their first half
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        ordered = keys[order]
    is_first = np.ones(len(keys), dtype=np.bool_)
    is_first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    inverse = np.empty(len(keys), dtype=np.int64)
    inverse[order] = np.cumsum(is_first) - 1
    return order[is_first], inverse


def _sort(keys: Keys, values: Int64s) -> tuple[Keys, Int64s]:
    order = np.argsort(keys[:, 0], kind="stable")  # linear where two sorted runs are merged
    return keys[order], values[order]
