"""The opened index: search in one generation, and the entries that its rows stand for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashmatch.hamming import SearchResult
from hashmatch.index.deletion_vector import Rows
from hashmatch.index.description import describe
from hashmatch.index.directory import Current, read_manifest, read_pointer
from hashmatch.index.entry_table import EntryTable
from hashmatch.index.manifest import Origin
from hashmatch.index.open import load_current, open_overrides, open_segments
from hashmatch.index.overrides import EntryOverrides
from hashmatch.index.row_ranges import places_at
from hashmatch.index.segments import OpenSegment, Segments
from hashmatch.values import IndexRef


class Index:
    """One generation of a built folder, opened for search.

    An Index stays the same when newer generations are published or its own is deleted; `refreshed`
    returns the current one. Files are mapped, not read, and need no open file descriptor. Safe to
    use from several threads and after fork. Rows are numbered per algorithm, through all its
    segments, and only for this generation.
    """

    def __init__(
        self,
        directory: Path,
        current: Current,
        segments: Iterable[OpenSegment],
        overrides: EntryOverrides,
    ) -> None:
        self._directory = directory
        self._overrides = overrides
        self._pointer, self._manifest = current
        by_algorithm: dict[str, list[OpenSegment]] = {}
        for segment in segments:
            by_algorithm.setdefault(segment.stored.algorithm, []).append(segment)
        self._segments = {name: Segments(by_algorithm[name]) for name in sorted(by_algorithm)}

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str],
        *,
        verify: bool = False,
        generation: int | None = None,
    ) -> Index:
        """Open the current generation of the folder that holds the recipe, or one that is kept.

        With `verify` every byte is read and checked first. Otherwise only the manifest, tombstones
        and overrides are checked, and a header for every 65,536 entries; a damaged byte elsewhere
        may then cause an IndexFormatError later, or a wrong answer, but never a crash.

        Raises
        ------
        IndexFormatError
            The folder was never built, or a file, which the error names, is damaged, missing, not
            ours or of another format.
        """
        # Absolute, so that refreshed() works after a change of the working folder.
        directory = Path(os.path.abspath(directory))  # noqa: PTH100
        if generation is None:
            return cls._load(directory, verify=verify)
        # No pointer is empty, so refreshed() looks again.
        kept = Current(b"", read_manifest(directory, generation))
        return cls._map(directory, kept, verify=verify)

    @classmethod
    def _load(
        cls, directory: Path, *, verify: bool, already_open: Iterable[OpenSegment] = ()
    ) -> Index:
        load = partial(cls._map, directory, verify=verify, already_open=already_open)
        return load_current(directory, load)

    @classmethod
    def _map(
        cls,
        directory: Path,
        current: Current,
        *,
        verify: bool,
        already_open: Iterable[OpenSegment] = (),
    ) -> Index:
        manifest = current.manifest
        opened = open_segments(directory, manifest, verify=verify, already_open=already_open)
        return cls(directory, current, opened, open_overrides(directory, manifest))

    def refreshed(self) -> Index:
        """Return the current generation: this very index if it is still current.

        Costs one read of some 300 bytes if nothing changed, otherwise the opening of what is new:
        segments that both generations share stay open. Never waits for a writer. Raises the errors
        of `open`.
        """
        if read_pointer(self._directory) == self._pointer:
            return self
        opened = [segment for group in self._segments.values() for segment in group.all]
        return self._load(self._directory, verify=False, already_open=opened)

    @property
    def ref(self) -> IndexRef:
        """The identity of the index: its name, generation and digest of contents."""
        return IndexRef(self._manifest.name, self._manifest.generation, self._manifest.digest)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Names of the algorithms that made the codes of the index, sorted."""
        return tuple(self._segments)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The facts that rules may test; `origin_of` returns positions in this tuple."""
        return self._manifest.origins

    @cached_property
    def list_ranks(self) -> NDArray[np.int64]:
        """The place of each origin's list in the order of their names, int64 (n_origins,)."""
        names = sorted({origin.list for origin in self.origins})
        ranks = {name: rank for rank, name in enumerate(names)}
        return np.array([ranks[origin.list] for origin in self.origins], dtype=np.int64)

    @property
    def names(self) -> dict[str, frozenset[str]]:
        """Every list, harm and classification, also of lists that are empty or disabled."""
        origins = self._manifest.origins
        lists = (*self._manifest.attributes, *(counts.list for counts in self._manifest.lists))
        return {
            "list": frozenset((*lists, *(origin.list for origin in origins))),
            "harm": frozenset(origin.harm for origin in origins),
            "classification": frozenset(
                origin.classification for origin in origins if origin.classification is not None
            ),
        }

    def count_qualities(self, algorithm: str) -> NDArray[np.int64]:
        """Return how many rows that may match have each quality, int64 (n_origins, 101).

        Origins are in the order of `origins`; rows without a quality are not counted. Reads 6 bytes
        of each row. KeyError if the index has no such algorithm.
        """
        n_origins = len(self._manifest.origins)
        counts = np.zeros((n_origins, 101), dtype=np.int64)
        for one in self._of(algorithm).all:
            counts += one.entries.count_qualities(n_origins, one.hidden)
        return counts

    def bits(self, algorithm: str) -> int:
        """Return the width of an algorithm's codes; KeyError if the index has no such algorithm."""
        return self._of(algorithm).bits

    def codes(self, algorithm: str) -> NDArray[np.uint8]:
        """Return an algorithm's codes that may match, uint8 (m, bits / 8), in order of row.

        A view of the file if there is one segment without tombstones, else a copy.
        """
        return self._of(algorithm).codes()

    def search(
        self, algorithm: str, queries: ArrayLike, radius: int | None = None, threads: int = 1
    ) -> SearchResult:
        """Find every row of an algorithm within `radius` bits of each query.

        Like `HammingIndex.search`, over all segments; the ids are rows of this index. Removed and
        disabled entries are never found. Each segment costs a search of its own, small ones little
        (docs/index.md, "Costs"). KeyError if the index has no such algorithm; ValueError as
        `HammingIndex.search`.
        """
        return self._of(algorithm).search(queries, radius, threads)

    def origin_of(self, algorithm: str, rows: Rows) -> NDArray[np.int32]:
        """Return the origins of rows as positions in `origins`, int32 (m,) from int64 (m,)."""
        limit = len(self._manifest.origins)
        found: NDArray[np.int32] = self._gather(
            algorithm,
            rows,
            np.int32,
            lambda table, at: table.below(table.origins(at), limit, "origin"),
        )
        return found

    def entry_of(self, algorithm: str, rows: Rows) -> NDArray[np.int64]:
        """Return the ordinals of the entries of rows, int64 (m,) from int64 (m,).

        Rows of any algorithm and segment have one ordinal if list, entry id, harm and
        classification are the same, whatever the version of the list.
        """
        limit = self._manifest.n_entries
        found: NDArray[np.int64] = self._gather(
            algorithm,
            rows,
            np.int64,
            lambda table, at: table.below(table.entries(at), limit, "entry"),
        )
        return found

    def entry_ids(self, algorithm: str, rows: Rows) -> list[str]:
        """Return the ids that the lists give the entries of rows."""
        return self._cells(algorithm, rows, "entry_id")

    def first_by_entry_id(self, algorithm: str, rows: Rows, n: int) -> NDArray[np.int64]:
        """Return positions of the first `n` of `rows` by entry id; position breaks ties.

        Compares the ids in native code and fetches few of them, however many rows there are.
        """
        found = [
            places_at(places, segment.entries.with_first_ids(local, n))
            for segment, places, local in self._of(algorithm).by_segment(rows)
        ]
        positions = np.concatenate([np.empty(0, dtype=np.int64), *found])
        ids = self.entry_ids(algorithm, rows[positions])
        first = sorted(zip(ids, positions.tolist(), strict=True))[:n]
        return np.array([position for _, position in first], dtype=np.int64)

    def entry_timestamps_s(self, algorithm: str, rows: Rows) -> list[float | None]:
        """Return the times of the video frames of rows, in seconds; None for other rows."""
        return self._cells(algorithm, rows, "timestamp_s")

    def describe(self) -> dict[str, Any]:
        """Return counts and attributes as plain dicts, ready for JSON; lists no single entries.

        Reads 12 bytes of each row.
        """
        return describe(self._manifest, self._segments, self._overrides)

    def _cells(self, algorithm: str, rows: Rows, column: str) -> list[Any]:
        return list(
            self._gather(algorithm, rows, object, lambda table, at: table.cells(column, at))
        )

    def _gather(
        self, algorithm: str, rows: Rows, dtype: Any, read: Callable[[EntryTable, Rows], Any]
    ) -> Any:
        """Return what `read` gives for the rows of each segment, in the order of `rows`."""
        rows = np.asarray(rows)
        if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
            raise ValueError(f"rows must be int64 of shape (m,), not {rows.dtype} {rows.shape}")
        segments, rows = self._of(algorithm), rows.astype(np.int64, copy=False)
        if len(segments.all) == 1:
            return read(segments.all[0].entries, rows)
        found = np.empty(rows.size, dtype)
        for segment, places, local in segments.by_segment(rows):
            found[places] = read(segment.entries, local)
        return found

    def _of(self, algorithm: str) -> Segments:
        try:
            return self._segments[algorithm]
        except KeyError:
            known = ", ".join(self._segments) or "none"
            raise KeyError(f"the index has no {algorithm} codes, only: {known}") from None
