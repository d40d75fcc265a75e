"""Backlogs: list the files, divide them among workers, write or return the results in order."""

from __future__ import annotations

from hashmatch.backlog.hashes import HashedFile, HashResult, hash_files, hash_many
from hashmatch.backlog.listing import ScanInput, list_files
from hashmatch.backlog.rows import OutputIsInputError, json_row
from hashmatch.backlog.run import (
    ScanInterrupted,
    ScanProgress,
    ScanSummary,
    scan,
)

__all__ = [
    "HashResult",
    "HashedFile",
    "OutputIsInputError",
    "ScanInput",
    "ScanInterrupted",
    "ScanProgress",
    "ScanSummary",
    "hash_files",
    "hash_many",
    "json_row",
    "list_files",
    "scan",
]
