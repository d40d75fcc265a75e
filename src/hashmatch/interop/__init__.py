"""Interchange with other libraries, and benchmarks against them."""

from hashmatch.interop.bench import (
    BACKENDS,
    BackendContender,
    BenchReport,
    BenchRow,
    Contender,
    Problem,
    WrongAnswerError,
    bench_backends,
    measure_recall,
    time_bulk,
    time_calls,
)
from hashmatch.interop.bench_data import SKEWS, brute_force, draw_queries, synthetic_codes
from hashmatch.interop.faiss_files import read_faiss, write_faiss
from hashmatch.interop.faiss_index import FaissIndex
from hashmatch.interop.machine import describe_machine

__all__ = [
    "BACKENDS",
    "SKEWS",
    "BackendContender",
    "BenchReport",
    "BenchRow",
    "Contender",
    "FaissIndex",
    "Problem",
    "WrongAnswerError",
    "bench_backends",
    "brute_force",
    "describe_machine",
    "draw_queries",
    "measure_recall",
    "read_faiss",
    "synthetic_codes",
    "time_bulk",
    "time_calls",
    "write_faiss",
]
