"""Many contents: list the files, share them out to workers, write rows in order.

`listing` finds the files, `pool` runs chunks of them in worker processes and returns results in
order, `rows` writes whole rows, `scan` and `hashes` put these together.
"""

from __future__ import annotations

from hashmatch.scan.hashes import HashedFile, hash_files
from hashmatch.scan.listing import Listed, list_files
from hashmatch.scan.scan import (
    OutputIsInputError,
    ScanInterrupted,
    ScanProgress,
    ScanSummary,
    scan,
)

__all__ = [
    "HashedFile",
    "Listed",
    "OutputIsInputError",
    "ScanInterrupted",
    "ScanProgress",
    "ScanSummary",
    "hash_files",
    "list_files",
    "scan",
]
