"""The contents of an index in numbers, for people and for monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from msgspec.structs import asdict
from numpy.typing import NDArray

from hashmatch.index.manifest import DEFAULT_ATTRIBUTES, ListCounts, Manifest
from hashmatch.index.overrides import EntryOverrides
from hashmatch.index.segments import Segments

MANY_SEGMENTS = 8
"""With so many segments of one algorithm, a search takes noticeably longer than in one."""

MANY_REMOVED = 0.2
"""Share of removed rows above which they slow searches down."""


def describe(
    manifest: Manifest, segments: Mapping[str, Segments], overrides: EntryOverrides
) -> dict[str, Any]:
    """Return the numbers as plain dicts; see `Index.describe` for the cost."""
    n_origins = len(manifest.origins)
    by_origin = np.zeros(n_origins, dtype=np.int64)
    is_there = np.zeros(manifest.n_entries, dtype=np.bool_)
    for one in (one for group in segments.values() for one in group.all):
        rows, has_rows = one.entries.count(manifest.n_entries, n_origins, one.hidden)
        by_origin += rows
        is_there |= has_rows
    algorithms = [_algorithm(name, group) for name, group in segments.items()]
    return {
        "name": manifest.name,
        "generation": manifest.generation,
        "digest": manifest.digest,
        "hashmatch_version": manifest.hashmatch_version,
        "n_entries": int(is_there.sum()),
        "n_removed_entries": len(overrides.removed),
        "n_disabled_entries": len(overrides.disabled),
        "disabled_lists": sorted(overrides.disabled_lists),
        "compaction_advised": any(map(_is_burdened, algorithms)),
        "algorithms": algorithms,
        "attributes": {
            name: asdict(manifest.attributes.get(name, DEFAULT_ATTRIBUTES))
            for name in dict.fromkeys(counts.list for counts in manifest.lists)
        },
        "lists": [_list(manifest, counts, by_origin) for counts in manifest.lists],
    }


def _algorithm(name: str, group: Segments) -> dict[str, Any]:
    return {
        "algorithm": name,
        "bits": group.bits,
        "n_segments": len(group.all),
        "n_codes": len(group) - sum(one.hidden.size for one in group.all),
        "n_removed": sum(one.removed.size for one in group.all),
        "n_disabled": sum(one.disabled.size for one in group.all),
        "codes_bytes": sum(one.stored.codes.size_bytes for one in group.all),
        "entries_bytes": sum(one.stored.entries.size_bytes for one in group.all),
    }


def _is_burdened(algorithm: dict[str, Any]) -> bool:
    n_removed = algorithm["n_removed"]
    n_rows = algorithm["n_codes"] + algorithm["n_disabled"] + n_removed
    return bool(algorithm["n_segments"] >= MANY_SEGMENTS or n_removed > MANY_REMOVED * n_rows)


def _list(manifest: Manifest, counts: ListCounts, by_origin: NDArray[np.int64]) -> dict[str, Any]:
    version = (counts.list, counts.list_version)
    live = {
        origin: int(n_rows)
        for origin, n_rows in zip(manifest.origins, by_origin.tolist(), strict=True)
        if n_rows and (origin.list, origin.list_version) == version
    }
    harms = sorted({origin.harm for origin in live})
    return {**asdict(counts), "live": sum(live.values()), "harms": harms}
