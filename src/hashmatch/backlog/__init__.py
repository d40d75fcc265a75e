"""Many contents: list the files, share them out to workers, write rows in order.

`listing` finds the files, `pool` runs chunks of them in threads or worker processes and returns
results in order, `rows` writes whole rows, `scan` and `hashes` put these together.
"""

from __future__ import annotations

from hashmatch.backlog.hashes import HashedFile, HashResult, hash_files, hash_many
from hashmatch.backlog.listing import Listed, list_files
from hashmatch.backlog.scan import (
    OutputIsInputError,
    ScanInterrupted,
    ScanProgress,
    ScanSummary,
    scan,
)

__all__ = [
    "HashResult",
    "HashedFile",
    "Listed",
    "OutputIsInputError",
    "ScanInterrupted",
    "ScanProgress",
    "ScanSummary",
    "hash_files",
    "hash_many",
    "list_files",
    "scan",
]
