"""Executors: run one task on many items, in order: inline, in threads or in processes."""

from __future__ import annotations

from hashmatch.workers.executor import (
    Executor,
    InlineExecutor,
    ThreadExecutor,
    attempted,
    spread,
)
from hashmatch.workers.isolation import IsolatedExecutor, Isolation
from hashmatch.workers.processes import ProcessExecutor, WorkerDiedError

__all__ = [
    "Executor",
    "InlineExecutor",
    "IsolatedExecutor",
    "Isolation",
    "ProcessExecutor",
    "ThreadExecutor",
    "WorkerDiedError",
    "attempted",
    "spread",
]
