"""Engines that search codes within a radius: hashmatch and its peers, each by its own Python API.

They are contenders of `hashmatch.interop.bench`, with files beside. A contender that is not
installed is left out; nothing here installs any.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hashmatch.hamming import HammingIndex, SearchResult
from hashmatch.interop import BackendContender, Contender

Codes = NDArray[np.uint8]


class FileContender(Contender, Protocol):
    """A contender on one thread whose index may be a file."""

    package: str

    def save(self, path: Path) -> bool:
        """Write the index to a file; False if the library has no file format of its own."""

    def open(self, path: Path) -> FileContender:
        """Read it back, as the library does it fastest. Timed."""


class Hashmatch(BackendContender):
    package = "hashmatch"

    def __init__(self, radius: int) -> None:
        super().__init__("native", radius)
        self.name = "hashmatch"

    def save(self, path: Path) -> bool:
        assert isinstance(self.index, HammingIndex)
        self.index.save(path)
        return True

    def open(self, path: Path) -> Hashmatch:
        opened = Hashmatch(self._radius)
        opened.index = HammingIndex.open(path)
        return opened


class FaissFlat:
    name, package, exact = "faiss IndexBinaryFlat", "faiss-cpu", True
    neighbours: int | None = None

    def __init__(self, radius: int) -> None:
        self.radius = radius

    def create(self, bits: int) -> Any:
        import faiss

        return faiss.IndexBinaryFlat(bits)

    def build(self, codes: Codes, threads: int) -> None:
        import faiss

        faiss.omp_set_num_threads(threads)
        self.index = self.create(8 * codes.shape[1])
        self.index.add(codes)

    def prepare(self, queries: Codes) -> Any:
        return queries

    def search(self, prepared: Any, threads: int) -> Any:
        return self.index.range_search(prepared, self.radius + 1)  # faiss: strictly less

    def read(self, answer: Any) -> SearchResult:
        offsets, distances, ids = answer
        return SearchResult(offsets.astype(np.int64), ids, distances.astype(np.int32))

    def save(self, path: Path) -> bool:
        import faiss

        faiss.write_index_binary(self.index, str(path))
        return True

    def open(self, path: Path) -> FaissFlat:
        import faiss

        opened = type(self)(self.radius)
        opened.index = faiss.read_index_binary(str(path))
        return opened


class FaissMultiHash(FaissFlat):
    name = "faiss IndexBinaryMultiHash"

    def create(self, bits: int) -> Any:
        import faiss

        index = faiss.IndexBinaryMultiHash(bits, bits // 16, 16)
        index.nflip = self.radius // (bits // 16)  # exact: n_substrings * (nflip + 1) > radius
        return index


class ThreatExchange:
    name, package, exact = "threatexchange PDQIndex", "threatexchange", True
    neighbours: int | None = None

    def __init__(self, radius: int) -> None:
        self.radius = radius

    def build(self, codes: Codes, threads: int) -> None:
        import faiss
        from threatexchange.signal_type.pdq.pdq_index import PDQIndex

        faiss.omp_set_num_threads(threads)
        if self.radius != PDQIndex.get_match_threshold() or codes.shape[1] != 32:
            raise ValueError(f"it searches PDQ at radius {PDQIndex.get_match_threshold()} only")
        self.index = PDQIndex((code.tobytes().hex(), row) for row, code in enumerate(codes))

    def prepare(self, queries: Codes) -> Any:
        return [query.tobytes().hex() for query in queries]

    def search(self, prepared: Any, threads: int) -> Any:
        return [self.index.query(query) for query in prepared]

    def read(self, answer: Any) -> SearchResult:
        offsets = np.cumsum([0, *map(len, answer)])
        matches = [match for matches in answer for match in matches]
        ids = np.array([match.metadata for match in matches], np.int64)
        distances = [match.similarity_info.distance for match in matches]
        return SearchResult(offsets, ids, np.array(distances, np.int32))

    def save(self, path: Path) -> bool:
        return False  # it is pickled

    def open(self, path: Path) -> FileContender:
        raise NotImplementedError


class USearch:
    """Approximate: the nearest in a graph, of which those within the radius are kept.

    Its search takes a radius and ignores it.
    """

    name, package, exact = "usearch Index", "usearch", False
    neighbours: int | None = None
    n_asked = 100

    def __init__(self, radius: int) -> None:
        self.radius = radius

    def create(self, bits: int) -> Any:
        from usearch.index import Index

        return Index(ndim=bits, metric="hamming", dtype="b1")

    def build(self, codes: Codes, threads: int) -> None:
        self.index = self.create(8 * codes.shape[1])
        self.index.add(np.arange(len(codes)), codes, threads=threads)

    def prepare(self, queries: Codes) -> Any:
        return queries

    def search(self, prepared: Any, threads: int) -> Any:
        return self.index.search(prepared, self.n_asked, threads=threads)

    def read(self, answer: Any) -> SearchResult:
        keys, distances = np.atleast_2d(answer.keys), np.atleast_2d(answer.distances)
        counts = getattr(answer, "counts", [keys.shape[1]])  # none if there is one query
        is_near = distances <= self.radius
        is_near &= np.arange(keys.shape[1]) < np.reshape(counts, (-1, 1))
        offsets = np.concatenate([[0], np.cumsum(is_near.sum(axis=1))])
        ids, near = keys[is_near].astype(np.int64), distances[is_near].astype(np.int32)
        return SearchResult(offsets, ids, near)

    def save(self, path: Path) -> bool:
        self.index.save(str(path))
        return True

    def open(self, path: Path) -> USearch:
        opened = USearch(self.radius)
        opened.index = self.create(self.index.ndim)
        opened.index.view(str(path))  # memory-mapped
        return opened


CONTENDERS: dict[str, Callable[[int], FileContender]] = {
    "hashmatch": Hashmatch,
    "faiss-flat": FaissFlat,
    "faiss-multihash": FaissMultiHash,
    "threatexchange": ThreatExchange,
    "usearch": USearch,
}
