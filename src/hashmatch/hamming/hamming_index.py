"""The Hamming index, which holds codes: building, searching, saving and opening it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch._core import Index as NativeIndex
from hashmatch._core import build_tables, copy_codes, pack_planes
from hashmatch.errors import IndexFormatError
from hashmatch.files import map_file
from hashmatch.hamming import index_file
from hashmatch.hamming.arguments import (
    check_algorithm,
    check_codes,
    check_ids,
    check_k,
    check_positive,
    check_queries,
    check_radius,
    check_threads,
)
from hashmatch.hamming.results import SearchPlan, SearchResult, order_pairs

if TYPE_CHECKING:
    import os


class HammingIndex:
    """Codes of one width, searched exactly by Hamming distance.

    Created by `build` or `open`. Immutable; every method may be called from many threads at once
    and after a fork, and releases the GIL while it computes. Searches raise ValueError if queries
    are of the wrong dtype, shape or width, or a number is out of range. A copy is the same object.
    Pickling stores the path of an index that was opened, and the bytes of one that was built.
    """

    def __init__(
        self,
        arrays: index_file.IndexArrays,
        file: index_file.IndexFile | None = None,
        reopening: tuple[str, bytes, bool] | None = None,
    ) -> None:
        for array in (arrays.codes, arrays.ids):
            if array is not None:
                array.flags.writeable = False
        self._arrays = arrays
        self._file = file
        self._reopening = reopening  # arguments of `_reopen`
        self._bits = 8 * int(arrays.codes.shape[1])
        self._native = NativeIndex(arrays.codes, arrays.planes, arrays.ids, arrays.tables)

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
            64 to 512 bits wide; copied. n may be 0.
        ids : array_like of int64, shape (n,), optional
            Unique; 0..n-1 by default.
        algorithm : str, optional
            Name of the algorithm that made the codes; saved, not interpreted.
        threads : int
            Threads to build with; the index is the same for any number.

        Raises
        ------
        ValueError
            Wrong dtype, shape or width; ids that repeat or do not fit the codes.
        """
        algorithm, threads = check_algorithm(algorithm), check_threads(threads)
        own_codes = copy_codes(check_codes(codes))
        own_ids = None if ids is None else check_ids(ids, len(own_codes))
        planes, tables = pack_planes(own_codes), build_tables(own_codes, threads)
        return cls(index_file.IndexArrays(algorithm, own_codes, planes, own_ids, tables))

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], verify: bool = False, *, huge_pages: bool = False
    ) -> HammingIndex:
        """Open a saved index by memory-mapping it.

        Reads only the header, however large the file is, and keeps no file descriptor open.

        Parameters
        ----------
        verify : bool
            Read and check every byte first.
        huge_pages : bool
            Copy the file into private memory, in huge pages if the system grants them: slower to
            open and not shared with other processes, faster to search at random.

        Raises
        ------
        IndexFormatError
            The file is not an index, is truncated, has a damaged header, or is of another version;
            with `verify`, also if any byte differs from what was written.
        OSError
            The file cannot be opened.
        """
        path = Path(path)
        file = index_file.IndexFile(map_file(path), str(path))
        if verify:
            file.verify()
        reopening = (str(path.absolute()), file.digest, huge_pages)
        return cls(file.arrays(huge_pages=huge_pages), file, reopening)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to `path` atomically, sync it, and make it readable by its owner only.

        The same index always gives the same bytes. Raises IndexFormatError if this index was opened
        from a file that is damaged.
        """
        self.verify()  # damage must not be copied under fresh checksums
        index_file.write(Path(path), self._arrays)

    def verify(self) -> None:
        """Read and check every byte of the file that this index was opened from, if any.

        Raises IndexFormatError, which names the file and the section that differs.
        """
        if self._file is not None:
            self._file.verify()

    def __len__(self) -> int:
        return len(self._arrays.codes)

    @property
    def bits(self) -> int:
        """Width of the codes in bits."""
        return self._bits

    @property
    def algorithm(self) -> str | None:
        """Name of the algorithm that made the codes; None if no name was given."""
        return self._arrays.algorithm

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The codes by row, uint8 (n, bits / 8), read-only."""
        return self._arrays.codes.view()

    @property
    def ids(self) -> NDArray[np.int64] | None:
        """The ids by row, int64 (n,), read-only; None if each id is its row number."""
        return None if self._arrays.ids is None else self._arrays.ids.view()

    @property
    def size_bytes(self) -> int:
        """Bytes of codes, ids and tables, in memory or mapped."""
        return sum(map(len, self._arrays.sections().values()))

    def search(
        self, queries: ArrayLike, radius: int | None = None, threads: int = 1
    ) -> SearchResult:
        """Find every code within `radius` bits of each query.

        Parameters
        ----------
        queries : array_like of uint8, shape (n_queries, bits / 8)
        radius : int, optional
            In bits, inclusive, 0..bits. The default, 31, is for 256-bit codes only.
        threads : int
            Threads to use, 1..1024; the result is the same for any number.

        Returns
        -------
        SearchResult
            Exactly the matches of each query, ordered by (distance, id).
        """
        return SearchResult(
            *self._native.search(
                check_queries(queries, self._bits),
                check_radius(radius, self._bits),
                check_threads(threads),
            )
        )

    def nearest(
        self, queries: ArrayLike, k: int, threads: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Find exactly the `k` codes nearest to each query; equal distances are ordered by id.

        Returns
        -------
        ids : ndarray of int64, shape (n_queries, k)
        distances : ndarray of int32, shape (n_queries, k)
            In bits. Both arrays are padded with -1 if the index holds fewer than `k` codes.

        Notes
        -----
        Near codes are found through the tables; where they find too few, all codes are compared,
        64 queries at a time, with as much memory as the results take, however many codes tie.
        """
        checked, k = check_queries(queries, self._bits), check_k(k)
        _, found_ids, found_distances = self._native.nearest(checked, k, check_threads(threads))
        ids = np.full((len(checked), k), -1, dtype=np.int64)
        distances = np.full((len(checked), k), -1, dtype=np.int32)
        shape = len(checked), min(k, len(self))
        ids[:, : shape[1]] = found_ids.reshape(shape)
        distances[:, : shape[1]] = found_distances.reshape(shape)
        return ids, distances

    def join(
        self, radius: int | None = None, threads: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Find exactly the pairs of codes that are within `radius` bits of each other.

        Returns
        -------
        a, b : ndarray of int64, shape (n_pairs,)
            Ids with ``a < b``, ordered by (a, b); each pair occurs once.
        distances : ndarray of int32, shape (n_pairs,)
        """
        offsets, b, distances = self._native.join(
            check_radius(radius, self._bits), check_threads(threads)
        )
        a = np.repeat(np.arange(len(self), dtype=np.int64), np.diff(offsets))
        return order_pairs(a, b, distances, self._arrays.ids)

    def plan(self, radius: int | None = None, queries: int = 1) -> SearchPlan:
        """Explain how a search of `queries` codes at `radius` would be carried out, and why."""
        radius = check_radius(radius, self._bits)
        n_queries = check_positive(queries, "queries")
        facts = self._native.plan(radius, n_queries)
        facts |= {"strategy": facts["strategy"].name, "thresholds": tuple(facts["thresholds"])}
        return SearchPlan(radius=radius, n_queries=n_queries, n_codes=len(self), **facts)

    def scan_constant_time(
        self, queries: ArrayLike, radius: int | None = None, threads: int = 1
    ) -> NDArray[np.uint8]:
        """Compare every code with every query in time that does not depend on their content.

        For callers whose timing must not reveal whether something matched. Only the numbers of
        codes and queries, their width and the radius decide which memory is read, what is computed
        and how large the answer is. `search` is faster.

        Returns
        -------
        ndarray of uint8, shape (n_queries, ceil(n / 8))
            A bit for each row, most significant first: set if the code is within the radius
            (``np.unpackbits(bitmap, axis=1, count=len(index))``). Rows, not ids. The caller reads
            the set bits, and must see to the timing of that.
        """
        return self._native.constant_time(
            check_queries(queries, self._bits),
            check_radius(radius, self._bits),
            check_threads(threads),
        )

    def __copy__(self) -> HammingIndex:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> HammingIndex:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._reopening is None:
            return _from_bytes, (index_file.encode(self._arrays),)
        return _reopen, self._reopening


def _reopen(path: str, digest: bytes, huge_pages: bool) -> HammingIndex:
    """Open the file of a pickled index, provided that its content is still the same."""
    index = HammingIndex.open(path, huge_pages=huge_pages)
    if index._file is None or index._file.digest != digest:
        raise IndexFormatError(f"{path}: replaced after an index of it was pickled; pickle again")
    return index


def _from_bytes(content: bytes) -> HammingIndex:
    """Return an index in memory from the bytes of its file."""
    file = index_file.IndexFile(memoryview(content), "pickled index")
    return HammingIndex(file.arrays(huge_pages=True))
