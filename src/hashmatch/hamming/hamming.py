"""The Hamming index: what is built from codes, searched, saved and opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch._core import Index as NativeIndex
from hashmatch._core import build_tables, copy_codes, pack_planes
from hashmatch.hamming import storage
from hashmatch.hamming.arguments import (
    UINT8,
    checked_algorithm,
    checked_codes,
    checked_ids,
    checked_int,
    checked_positive,
    checked_threads,
)
from hashmatch.hamming.engine import Engine, SearchResult
from hashmatch.hamming.plan import SearchPlan

if TYPE_CHECKING:
    import os

    from hashmatch.hamming.faiss_backend import FaissParts

BACKENDS = ("native", "faiss-flat", "faiss-multihash", "faiss-hnsw")
DEFAULT_RADIUS_256_BITS = 31


class HammingIndex:
    """Codes of one width that can be searched by Hamming distance, exactly.

    Make one with `build`, `open` or `from_faiss`. An index never changes once made; every method
    may be called from many threads at once and after a fork, and releases the GIL while it
    computes.
    """

    def __init__(
        self, parts: storage.Parts | FaissParts, stored: storage.StoredIndex | None = None
    ) -> None:
        self._parts = parts
        self._stored = stored
        self._shape = parts.codes.shape[1:]  # of one code
        self._bits = 8 * int(parts.codes.shape[1])
        self._core: NativeIndex | None = None
        self._engine: Engine
        if isinstance(parts, storage.Parts):
            self._core = NativeIndex(parts.codes, parts.planes, parts.ids, parts.tables)
            self._engine = self._core
        else:
            self._engine = parts.engine

    @classmethod
    def build(
        cls,
        codes: ArrayLike,
        ids: ArrayLike | None = None,
        *,
        algorithm: str | None = None,
        threads: int = 1,
        backend: str = "native",
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
            Threads to build with; the index does not depend on it (but for "faiss-hnsw").
        backend : str
            What searches. "native" is hashmatch's own and the fastest; for comparison and trust
            there is faiss: "faiss-flat" (or "faiss") compares every code, "faiss-multihash" looks
            up parts of them, and answers what it can answer exactly. "faiss-hnsw" offers `nearest`
            only and may miss codes: it is the one backend that is not `exact`. An index of faiss
            cannot be saved, planned or scanned in constant time.

        Raises
        ------
        ValueError
            Wrong dtype, shape or width; ids that repeat or do not fit the codes; an unknown
            backend.
        """
        given = checked_codes(codes, "codes")
        algorithm = checked_algorithm(algorithm)
        own_ids = None if ids is None else checked_ids(ids, len(given))
        threads = checked_threads(threads)
        backend = "faiss-flat" if backend == "faiss" else backend
        if backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
        if backend != "native":
            from hashmatch.hamming import faiss_backend  # noqa: PLC0415  (half a second)

            return cls(faiss_backend.build(backend, given, own_ids, algorithm, threads))
        own_codes = copy_codes(given)
        planes = pack_planes(own_codes)
        tables = build_tables(own_codes, threads)
        return cls(storage.Parts(algorithm, own_codes, planes, own_ids, tables))

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
        old file or the new one. The same index gives the same bytes. ValueError for an index of
        faiss, which has no place in our format; `to_faiss` writes its codes.
        """
        if not isinstance(self._parts, storage.Parts):
            raise ValueError(
                f"an index of {self.backend} cannot be saved; to_faiss() exports its codes, and "
                'one built with backend="native" can be saved'
            )
        if self._stored is not None:
            self._stored.verify()  # damage must not be copied under fresh checksums
        storage.write(Path(path), self._parts)

    def to_faiss(self, path: str | os.PathLike[str]) -> None:
        """Write codes and ids as a binary index file of faiss, atomically.

        An IndexBinaryFlat where the ids are the rows, else one inside an IndexBinaryIDMap2,
        whatever the backend; `faiss.read_index_binary` reads it. The algorithm's name is not kept.
        Takes memory for a second copy of the codes. ValueError where an id is -1, which is how
        faiss says that there is none.
        """
        from hashmatch.hamming import faiss_files  # noqa: PLC0415  (half a second)

        faiss_files.write(Path(path), self._parts.codes, self._parts.ids)

    @classmethod
    def from_faiss(
        cls, path: str | os.PathLike[str], *, algorithm: str | None = None, threads: int = 1
    ) -> HammingIndex:
        """Build an index of our own from the codes in a binary index file of faiss.

        Import only files that you trust. They are read by faiss: it has no checksums, and a file
        that is damaged or made to do harm may give wrong codes, ask for all memory, open other
        files or end the process.

        Parameters
        ----------
        path : path-like
            IndexBinaryFlat, IndexBinaryIVF, IndexBinaryHash, IndexBinaryMultiHash or
            IndexBinaryHNSW, bare or in an IndexBinaryIDMap or IndexBinaryIDMap2. All codes are
            taken and none is lost, though some of these search approximately in faiss.
        algorithm : str, optional
            Name of the algorithm that made the codes, which faiss does not know.
        threads : int
            Threads to build with.

        Raises
        ------
        IndexFormatError
            The file holds another kind of index, codes narrower or wider than ours may be, ids
            that repeat, or what faiss cannot read.
        OSError
            The file cannot be opened.
        """
        from hashmatch.hamming import faiss_files  # noqa: PLC0415  (half a second)

        codes, ids = faiss_files.read(Path(path))
        return cls.build(codes, ids, algorithm=algorithm, threads=threads)

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
        return self._bits

    @property
    def algorithm(self) -> str | None:
        """Name of the algorithm that made the codes, None where it was not given."""
        return self._parts.algorithm

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The codes by row, uint8 (n, bits / 8): a view that cannot be written to."""
        view = self._parts.codes.view()
        view.flags.writeable = False
        return view

    @property
    def size_bytes(self) -> int | None:
        """Bytes of codes, ids and tables, in memory or mapped; None where faiss does not tell."""
        if isinstance(self._parts, storage.Parts):
            return sum(array.nbytes for _, array in self._parts.sections())
        if self.backend != "faiss-flat":
            return None
        return self._parts.codes.nbytes + (0 if self._parts.ids is None else self._parts.ids.nbytes)

    @property
    def backend(self) -> str:
        """What searches: one of `BACKENDS`."""
        return "native" if isinstance(self._parts, storage.Parts) else self._parts.backend

    @property
    def exact(self) -> bool:
        """Whether results are what comparing every code would give; only faiss-hnsw is not."""
        return self.backend != "faiss-hnsw"

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
            Wrong dtype, shape or width of the queries, radius or threads out of range; a radius
            at which the backend would not be exact.
        """
        checked = self._checked_queries(queries)
        found = self._engine.search(checked, self._checked_radius(radius), checked_threads(threads))
        return SearchResult(*found)

    def plan(self, radius: int | None = None, queries: int = 1) -> SearchPlan:
        """Explain how a search of `queries` codes at `radius` would be carried out, and why."""
        checked = self._checked_radius(radius)
        n_queries = checked_positive(queries, "queries")
        told = self._native("plan").plan(checked, n_queries)
        return SearchPlan.of(told, checked, n_queries, len(self))

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
        return self._native("scan_constant_time").constant_time(
            self._checked_queries(queries),
            self._checked_radius(radius),
            checked_threads(threads),
        )

    def nearest(
        self, queries: ArrayLike, k: int, threads: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Find the `k` nearest codes to each query, ties by id; exact where `exact` says so.

        Returns
        -------
        ids : ndarray of int64, shape (n_queries, k)
        distances : ndarray of int32, shape (n_queries, k)
            In bits. Both are padded with -1 where the index holds fewer than `k` codes.

        Raises
        ------
        ValueError
            Wrong dtype, shape or width of the queries, or `k` below 1; "faiss-multihash" where the
            nearest are too far for it to find them for certain.
        """
        checked = self._checked_queries(queries)
        if (k := checked_positive(k, "k")) > storage.MAX_CODES:
            raise ValueError(f"k must be at most {storage.MAX_CODES}, not {k}")
        _, found_ids, found_distances = self._engine.nearest(checked, k, checked_threads(threads))
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
        offsets, b, distances = self._engine.join(
            self._checked_radius(radius), checked_threads(threads)
        )
        a = np.repeat(np.arange(len(self), dtype=np.int64), np.diff(offsets))
        if self._parts.ids is not None:
            a, b = self._parts.ids[a], self._parts.ids[b]
            a, b = np.minimum(a, b), np.maximum(a, b)
        order = np.lexsort((b, a))
        return a[order], b[order], distances[order]

    def _native(self, wanted: str) -> NativeIndex:
        if self._core is None:
            raise ValueError(f'{wanted}() is for backend="native"; this index is {self.backend}')
        return self._core

    def _checked_queries(self, queries: ArrayLike) -> NDArray[np.uint8]:
        # Nearly all are as they should be, and a single search takes microseconds.
        if (
            type(queries) is np.ndarray
            and queries.dtype is UINT8
            and queries.shape[1:] == self._shape
            and queries.flags.c_contiguous
        ):
            return queries
        checked = checked_codes(queries, "queries")
        if 8 * checked.shape[1] != self._bits:
            raise ValueError(
                f"queries are {8 * checked.shape[1]} bits wide, the codes {self._bits} bits"
            )
        return checked

    def _checked_radius(self, radius: int | None) -> int:
        if radius is None:
            if self._bits != 256:
                raise ValueError(f"radius must be given for {self._bits}-bit codes")
            return DEFAULT_RADIUS_256_BITS
        radius = checked_int(radius, "radius")
        if not 0 <= radius <= self._bits:
            raise ValueError(f"radius must be 0..{self._bits} bits, not {radius}")
        return radius
