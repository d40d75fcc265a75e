"""What can search codes within a radius: our index and its peers, each through its own Python API.

A contender that is not installed is left out; nothing here installs any.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]


class Found(NamedTuple):
    """Matches of a batch, those of query i being offsets[i] to offsets[i + 1], in any order."""

    offsets: NDArray[np.int64]
    ids: NDArray[np.int64]
    distances: NDArray[np.int64]


class Contender(Protocol):
    """One library, used as its documentation says, on one thread."""

    name: str
    package: str
    exact: bool

    def build(self, codes: Codes, radius: int) -> None:
        """Take the codes; ids are rows."""

    def inputs(self, queries: Codes) -> Any:
        """Put queries into the form that the library takes; not timed."""

    def search(self, inputs: Any) -> Any:
        """Search; timed."""

    def found(self, answer: Any) -> Found:
        """Read what a search gave; not timed."""

    def save(self, path: Path) -> bool:
        """Write the index to a file; False where the library has no file of its own."""

    def open(self, path: Path) -> Contender:
        """Read it back, as the library does it fastest; timed."""


class Hashmatch:
    name, package, exact = "hashmatch", "hashmatch", True

    def build(self, codes: Codes, radius: int) -> None:
        from hashmatch import HammingIndex

        self.radius = radius
        self.index = HammingIndex.build(codes)

    def inputs(self, queries: Codes) -> Any:
        return queries

    def search(self, inputs: Any) -> Any:
        return self.index.search(inputs, self.radius)

    def found(self, answer: Any) -> Found:
        return Found(*answer)

    def save(self, path: Path) -> bool:
        self.index.save(path)
        return True

    def open(self, path: Path) -> Contender:
        from hashmatch import HammingIndex

        opened = Hashmatch()
        opened.radius = self.radius
        opened.index = HammingIndex.open(path)
        return opened


class FaissFlat:
    name, package, exact = "faiss IndexBinaryFlat", "faiss-cpu", True

    def empty(self, bits: int, radius: int) -> Any:
        import faiss

        return faiss.IndexBinaryFlat(bits)

    def build(self, codes: Codes, radius: int) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self.radius = radius
        self.index = self.empty(8 * codes.shape[1], radius)
        self.index.add(codes)

    def inputs(self, queries: Codes) -> Any:
        return queries

    def search(self, inputs: Any) -> Any:
        return self.index.range_search(inputs, self.radius + 1)  # faiss: strictly less

    def found(self, answer: Any) -> Found:
        offsets, distances, ids = answer
        return Found(offsets.astype(np.int64), ids, distances.astype(np.int64))

    def save(self, path: Path) -> bool:
        import faiss

        faiss.write_index_binary(self.index, str(path))
        return True

    def open(self, path: Path) -> Contender:
        import faiss

        opened = type(self)()
        opened.radius = self.radius
        opened.index = faiss.read_index_binary(str(path))
        return opened


class FaissMultiHash(FaissFlat):
    name = "faiss IndexBinaryMultiHash"

    def empty(self, bits: int, radius: int) -> Any:
        import faiss

        index = faiss.IndexBinaryMultiHash(bits, bits // 16, 16)
        index.nflip = radius // (bits // 16)  # exact: n_parts * (nflip + 1) > radius
        return index


class ThreatExchange:
    name, package, exact = "threatexchange PDQIndex", "threatexchange", True

    def build(self, codes: Codes, radius: int) -> None:
        import faiss
        from threatexchange.signal_type.pdq.pdq_index import PDQIndex

        faiss.omp_set_num_threads(1)
        if radius != PDQIndex.get_match_threshold() or codes.shape[1] != 32:
            raise ValueError(f"it searches PDQ at radius {PDQIndex.get_match_threshold()} only")
        self.index = PDQIndex((code.tobytes().hex(), row) for row, code in enumerate(codes))

    def inputs(self, queries: Codes) -> Any:
        return [query.tobytes().hex() for query in queries]

    def search(self, inputs: Any) -> Any:
        return [self.index.query(query) for query in inputs]

    def found(self, answer: Any) -> Found:
        offsets = np.cumsum([0, *map(len, answer)])
        matches = [match for matches in answer for match in matches]
        ids = np.array([match.metadata for match in matches], np.int64)
        distances = [match.similarity_info.distance for match in matches]
        return Found(offsets, ids, np.array(distances, np.int64))

    def save(self, path: Path) -> bool:
        return False  # it is pickled

    def open(self, path: Path) -> Contender:
        raise NotImplementedError


class USearch:
    """Approximate: the nearest in a graph, of which those within the radius are kept.

    Its search takes a radius, and does not heed it.
    """

    name, package, exact = "usearch Index", "usearch", False
    neighbours = 100

    def build(self, codes: Codes, radius: int) -> None:
        self.radius = radius
        self.index = self.empty(8 * codes.shape[1])
        self.index.add(np.arange(len(codes)), codes, threads=1)

    def empty(self, bits: int) -> Any:
        from usearch.index import Index

        return Index(ndim=bits, metric="hamming", dtype="b1")

    def inputs(self, queries: Codes) -> Any:
        return queries

    def search(self, inputs: Any) -> Any:
        return self.index.search(inputs, self.neighbours, threads=1)

    def found(self, answer: Any) -> Found:
        keys, distances = np.atleast_2d(answer.keys), np.atleast_2d(answer.distances)
        counts = getattr(answer, "counts", [keys.shape[1]])  # none where there is one query
        is_near = distances <= self.radius
        is_near &= np.arange(keys.shape[1]) < np.reshape(counts, (-1, 1))
        offsets = np.concatenate([[0], np.cumsum(is_near.sum(axis=1))])
        return Found(offsets, keys[is_near].astype(np.int64), distances[is_near].astype(np.int64))

    def save(self, path: Path) -> bool:
        self.index.save(str(path))
        return True

    def open(self, path: Path) -> Contender:
        opened = USearch()
        opened.radius = self.radius
        opened.index = self.empty(self.index.ndim)
        opened.index.view(str(path))  # memory-mapped
        return opened


CONTENDERS: dict[str, type[Contender]] = {
    "hashmatch": Hashmatch,
    "faiss-flat": FaissFlat,
    "faiss-multihash": FaissMultiHash,
    "threatexchange": ThreatExchange,
    "usearch": USearch,
}
