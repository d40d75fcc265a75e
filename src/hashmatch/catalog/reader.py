"""Read a built folder: search what it holds, and say what a row of it stands for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hashmatch.catalog.entry_table import ENTRY_SCHEMA, EntryTable
from hashmatch.catalog.manifest import Manifest, Origin, Segment
from hashmatch.catalog.published import OpenSegment, load_published, open_segments
from hashmatch.index import HammingIndex
from hashmatch.values import IndexRef

_Int = TypeVar("_Int", np.int32, np.int64)


class Catalog:
    """One generation of a built folder, opened for search.

    It stays what it is while newer generations are published. Files are mapped, not read; safe to
    use from several threads and after fork.
    """

    def __init__(self, manifest: Manifest, segments: Mapping[str, OpenSegment]) -> None:
        self._manifest = manifest
        self._segments = segments

    @classmethod
    def open(cls, directory: str | os.PathLike[str], *, verify: bool = False) -> Catalog:
        """Open what was last built in a folder.

        Parameters
        ----------
        directory : path-like
            The folder of the recipe.
        verify : bool
            Read everything and compare its digests first.

        Raises
        ------
        HashmatchError
            The folder was never built.
        IndexFormatError
            A file is damaged, missing, foreign or of another format; names it.

        Notes
        -----
        Without `verify` the cost does not grow with the files but for a look at every 65,536th
        entry; a damaged byte may then give IndexFormatError later or a wrong answer, never a crash.
        """
        directory = Path(directory)

        def load(manifest: Manifest) -> Catalog:
            return cls(manifest, open_segments(directory, manifest, verify=verify))

        return load_published(directory, load)

    @property
    def ref(self) -> IndexRef:
        """Which index this is: name, generation, digest of its contents."""
        return IndexRef(self._manifest.name, self._manifest.generation, self._manifest.digest)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Algorithms that it holds codes of, in order of name."""
        return tuple(self._segments)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """What rules may ask about entries; `origin_of` gives positions in it."""
        return self._manifest.origins

    def index(self, algorithm: str) -> HammingIndex:
        """Codes of an algorithm; the ids that it finds are the rows to ask about here.

        KeyError where the catalog has no such algorithm.
        """
        return self._segment(algorithm).index

    def origin_of(self, algorithm: str, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the origins of rows as positions in `origins`, int32 (m,) from int64 (m,)."""
        entries = self._segment(algorithm).entries
        found = entries.origins(_int64(rows))
        return _below(found, len(self._manifest.origins), entries, "origin")

    def entry_of(self, algorithm: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ordinals of the entries of rows, int64 (m,) from int64 (m,).

        Rows of any algorithm have one ordinal where list, entry id, harm and classification are the
        same.
        """
        entries = self._segment(algorithm).entries
        found = entries.entries(_int64(rows))
        return _below(found, self._manifest.n_entries, entries, "entry")

    def entry_ids(self, algorithm: str, rows: NDArray[np.int64]) -> list[str]:
        """Return the ids that the lists give the entries of rows."""
        return self._segment(algorithm).entries.cells("entry_id", _int64(rows))

    def provenance(self, algorithm: str, row: int) -> dict[str, Any]:
        """Return all that is known of a row: its origin, its ordinal, and what the list says."""
        rows = np.array([row], dtype=np.int64)
        origin = self.origins[int(self.origin_of(algorithm, rows)[0])]
        self.entry_of(algorithm, rows)
        entries = self._segment(algorithm).entries
        names = [name for name in ENTRY_SCHEMA.names if name != "origin"]
        return {**asdict(origin), **{name: entries.cells(name, rows)[0] for name in names}}

    def describe(self) -> dict[str, Any]:
        """Return what the catalog holds as plain dicts, ready for JSON; nothing of an entry."""
        manifest = self._manifest
        return {
            "name": manifest.name,
            "generation": manifest.generation,
            "digest": manifest.digest,
            "hashmatch_version": manifest.hashmatch_version,
            "n_entries": manifest.n_entries,
            "algorithms": [self._describe_segment(segment) for segment in manifest.segments],
            "lists": [
                {**asdict(counts), "harms": self._harms(counts.list)} for counts in manifest.lists
            ],
        }

    def _describe_segment(self, segment: Segment) -> dict[str, Any]:
        return {
            "algorithm": segment.algorithm,
            "bits": self._segments[segment.algorithm].index.bits,
            "n_codes": segment.n_codes,
            "codes_bytes": segment.codes.size_bytes,
            "entries_bytes": segment.entries.size_bytes,
        }

    def _harms(self, list_name: str) -> list[str]:
        return sorted({origin.harm for origin in self.origins if origin.list == list_name})

    def _segment(self, algorithm: str) -> OpenSegment:
        try:
            return self._segments[algorithm]
        except KeyError:
            known = ", ".join(self._segments) or "none"
            raise KeyError(f"the index has no {algorithm} codes, only: {known}") from None


def _int64(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = np.asarray(rows)
    if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(f"rows must be int64 of shape (m,), not {rows.dtype} {rows.shape}")
    return rows.astype(np.int64, copy=False)


def _below(found: NDArray[_Int], limit: int, entries: EntryTable, column: str) -> NDArray[_Int]:
    """Return `found` if all of it is in 0..limit-1, else the file must be damaged."""
    if found.size and not (found.min() >= 0 and found.max() < limit):
        raise entries.damaged(column)
    return found
