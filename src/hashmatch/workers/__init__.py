"""Executors: run one task on many items, in order: inline, in threads or in processes."""

from __future__ import annotations

from hashmatch.workers.executor import (
    Executor,
    InlineExecutor,
    ThreadExecutor,
    attempted,
    spread,
)
from hashmatch.workers.isolation import IsolatedExecutor, Isolation, received_error
from hashmatch.workers.processes import ProcessExecutor, WorkerDiedError
from hashmatch.workers.sandbox import Protection, probe_protection

__all__ = [
    "Executor",
    "InlineExecutor",
    "IsolatedExecutor",
    "Isolation",
    "ProcessExecutor",
    "Protection",
    "ThreadExecutor",
    "WorkerDiedError",
    "attempted",
    "probe_protection",
    "received_error",
    "spread",
]
