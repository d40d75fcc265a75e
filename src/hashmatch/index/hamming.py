"""The Hamming index: what is built from codes, searched, saved and opened."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch import _core
from hashmatch.index import storage
from hashmatch.index.plan import SearchPlan

if TYPE_CHECKING:
    import os

DEFAULT_RADIUS_256_BITS = 31


class SearchResult(NamedTuple):
    """Matches of a batch of queries.

    Those of query ``i`` are ``ids[offsets[i]:offsets[i + 1]]`` at ``distances[...]``, ordered by
    (distance, id).

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_queries + 1,)
    ids : ndarray of int64, shape (n_matches,)
    distances : ndarray of int32, shape (n_matches,)
        In bits.
    """

    offsets: NDArray[np.int64]
    ids: NDArray[np.int64]
    distances: NDArray[np.int32]


class HammingIndex:
    """Codes of one width that can be searched by Hamming distance, exactly.

    Make one with `build` or `open`. An index never changes once made; every method may be called
    from many threads at once and after a fork, and releases the GIL while it computes.
    """

    def __init__(self, parts: storage.Parts, stored: storage.StoredIndex | None = None) -> None:
        self._parts = parts
        self._stored = stored
        self._core = _core.Index(parts.codes, parts.planes, parts.ids, parts.tables)

    @classmethod
    def build(
        cls,
        codes: ArrayLike,
        ids: ArrayLike | None = None,
        *,
        algorithm: str | None = None,
        threads: int = 1,
    ) -> HammingIndex:
        """Build an index in memory.

        Parameters
        ----------
        codes : array_like of uint8, shape (n, bits / 8)
            Packed codes, 64 to 512 bits wide; copied. n may be 0.
        ids : array_like of int64, shape (n,), optional
            Unique identifiers; 0..n-1 by default.
        algorithm : str, optional
            Name of the algorithm that made the codes; kept and saved, not interpreted.
        threads : int
            Threads to build with; the index does not depend on it.

        Raises
        ------
        ValueError
            Wrong dtype, shape or width; ids that repeat or do not fit the codes.
        """
        checked = _checked_codes(codes, "codes").copy()
        checked_ids = None if ids is None else _checked_ids(ids, len(checked))
        planes = _core.pack_planes(checked)
        tables = _core.build_tables(checked, _checked_threads(threads))
        return cls(storage.Parts(algorithm, checked, planes, checked_ids, tables))

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], verify: bool = False, *, huge_pages: bool = False
    ) -> HammingIndex:
        """Open a saved index by memory-mapping it.

        Reads the header only, whatever the size, unless told otherwise.

        Parameters
        ----------
        path : path-like
        verify : bool
            Read and check every byte first.
        huge_pages : bool
            Copy the file into memory of this process's own, in huge pages where the system grants
            them: slower to open and not shared with other processes, faster to search at random.

        Raises
        ------
        IndexFormatError
            The file is foreign, truncated, damaged in its header, or of a newer format; with
            `verify`, also where any byte differs from what was written.
        OSError
            The file cannot be opened.
        """
        stored = storage.StoredIndex(Path(path))
        if verify:
            stored.verify()
        return cls(stored.parts(huge_pages=huge_pages), stored)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to `path`, atomically and readable by its owner only.

        The bytes go to a temporary file beside `path`, are synced and renamed: a reader finds the
        old file or the new one. The same index gives the same bytes.
        """
        storage.write(Path(path), self._parts)

    def verify(self) -> None:
        """Read the whole file this index was opened from and check every byte of it.

        Raises IndexFormatError naming the file and section that differ. An index that was built in
        memory has no file, and nothing is checked.
        """
        if self._stored is not None:
            self._stored.verify()

    def __len__(self) -> int:
        return len(self._parts.codes)

    @property
    def bits(self) -> int:
        """Width of the codes in bits."""
        return 8 * int(self._parts.codes.shape[1])

    @property
    def algorithm(self) -> str | None:
        """Name of the algorithm that made the codes, None where it was not given."""
        return self._parts.algorithm

    def search(
        self, queries: ArrayLike, radius: int | None = None, threads: int = 1
    ) -> SearchResult:
        """Find every code within `radius` bits of each query.

        Parameters
        ----------
        queries : array_like of uint8, shape (n_queries, bits / 8)
        radius : int
            In bits, inclusive, 0..bits; 31 by default for 256-bit codes, to be given for others.
        threads : int
            Threads to use; the result does not depend on it.

        Returns
        -------
        SearchResult
            Per query by (distance, id). Nothing within the radius is left out.

        Raises
        ------
        ValueError
            Wrong dtype, shape or width of the queries, radius or threads out of range.
        """
        checked = self._checked_queries(queries)
        found = self._core.search(checked, self._checked_radius(radius), _checked_threads(threads))
        return SearchResult(*found)

    def plan(self, radius: int | None = None, queries: int = 1) -> SearchPlan:
        """Explain how a search of `queries` codes at `radius` would be carried out, and why."""
        checked = self._checked_radius(radius)
        if (n_queries := _checked_int(queries, "queries")) < 1:
            raise ValueError(f"queries must be at least 1, not {n_queries}")
        return SearchPlan.of(self._core.plan(checked, n_queries), checked, n_queries, len(self))

    def scan_constant_time(
        self, queries: ArrayLike, radius: int | None = None, threads: int = 1
    ) -> NDArray[np.uint8]:
        """Compare every code with every query in time that does not depend on what they hold.

        For those who must not tell by timing whether something matched. Only the numbers of codes
        and queries, their width and the radius decide which memory is read, what is computed and
        how large the answer is; `search` is faster and depends on the contents.

        Returns
        -------
        ndarray of uint8, shape (n_queries, ceil(n / 8))
            A bitmap by row, most significant bit first: set where the code is within the radius
            (``np.unpackbits(bitmap, axis=1, count=len(index))``). Rows, not ids; reading out which
            bits are set is the caller's, and so is its timing.
        """
        return self._core.constant_time(
            self._checked_queries(queries),
            self._checked_radius(radius),
            _checked_threads(threads),
        )

    def nearest(
        self, queries: ArrayLike, k: int, threads: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Find the `k` nearest codes to each query, exactly, ties by id.

        Returns
        -------
        ids : ndarray of int64, shape (n_queries, k)
        distances : ndarray of int32, shape (n_queries, k)
            In bits. Both are padded with -1 where the index holds fewer than `k` codes.

        Raises
        ------
        ValueError
            Wrong dtype, shape or width of the queries, or `k` below 1.
        """
        checked = self._checked_queries(queries)
        if (k := _checked_int(k, "k")) < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        _, found_ids, found_distances = self._core.nearest(checked, k, _checked_threads(threads))
        ids = np.full((len(checked), k), -1, dtype=np.int64)
        distances = np.full((len(checked), k), -1, dtype=np.int32)
        n_found = min(k, len(self))
        ids[:, :n_found] = found_ids.reshape(len(checked), n_found)
        distances[:, :n_found] = found_distances.reshape(len(checked), n_found)
        return ids, distances

    def join(
        self, radius: int | None = None, threads: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Find every pair of codes within `radius` bits of each other.

        Returns
        -------
        a, b : ndarray of int64, shape (n_pairs,)
            Ids with ``a < b``, ordered by (a, b); each pair once.
        distances : ndarray of int32, shape (n_pairs,)
        """
        offsets, b, distances = self._core.join(
            self._checked_radius(radius), _checked_threads(threads)
        )
        a = np.repeat(np.arange(len(self), dtype=np.int64), np.diff(offsets))
        if self._parts.ids is not None:
            a, b = self._parts.ids[a], self._parts.ids[b]
            a, b = np.minimum(a, b), np.maximum(a, b)
        order = np.lexsort((b, a))
        return a[order], b[order], distances[order]

    def _checked_queries(self, queries: ArrayLike) -> NDArray[np.uint8]:
        checked = _checked_codes(queries, "queries")
        if checked.shape[1] != self._parts.codes.shape[1]:
            raise ValueError(
                f"queries are {8 * checked.shape[1]} bits wide, the codes {self.bits} bits"
            )
        return checked

    def _checked_radius(self, radius: int | None) -> int:
        if radius is None:
            if self.bits != 256:
                raise ValueError(f"radius must be given for {self.bits}-bit codes")
            return DEFAULT_RADIUS_256_BITS
        radius = _checked_int(radius, "radius")
        if not 0 <= radius <= self.bits:
            raise ValueError(f"radius must be 0..{self.bits} bits, not {radius}")
        return radius


def _checked_codes(codes: ArrayLike, name: str) -> NDArray[np.uint8]:
    array = np.asarray(codes)
    if array.dtype != np.uint8:
        raise ValueError(f"{name} must be uint8 of shape (n, bits / 8), not {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"{name} must be uint8 of shape (n, bits / 8), not of shape {array.shape}")
    bits = 8 * array.shape[1]
    if not storage.MIN_BITS <= bits <= storage.MAX_BITS:
        raise ValueError(
            f"{name} must be {storage.MIN_BITS} to {storage.MAX_BITS} bits wide, not {bits}"
        )
    return np.ascontiguousarray(array)


def _checked_ids(ids: ArrayLike, n: int) -> NDArray[np.int64]:
    array = np.asarray(ids)
    if array.dtype.kind not in "iu" and array.size > 0:
        raise ValueError(f"ids must be integers of shape ({n},), not {array.dtype}")
    if array.shape != (n,):
        raise ValueError(f"ids must have shape ({n},) to fit the codes, not {array.shape}")
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError("ids must fit in int64")
    checked = np.array(array, dtype=np.int64)
    unique, counts = np.unique(checked, return_counts=True)
    if len(unique) != n:
        raise ValueError(f"ids must be unique; {unique[counts > 1][0]} repeats")
    return checked


def _checked_int(value: SupportsIndex, name: str) -> int:
    if isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be an integer, not a boolean")
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be an integer, not {type(value).__name__}") from None


def _checked_threads(threads: int) -> int:
    checked = _checked_int(threads, "threads")
    if not 1 <= checked <= 1024:
        raise ValueError(f"threads must be 1..1024, not {checked}")
    return checked
