"""Exact search of codes by Hamming distance; knows only codes, row numbers, an algorithm name."""

from hashmatch.hamming.arguments import (
    check_algorithm,
    check_codes,
    check_ids,
    check_k,
    check_positive,
    check_queries,
    check_radius,
    check_threads,
)
from hashmatch.hamming.hamming_index import HammingIndex
from hashmatch.hamming.results import SearchPlan, SearchResult, order_pairs

__all__ = [
    "HammingIndex",
    "SearchPlan",
    "SearchResult",
    "check_algorithm",
    "check_codes",
    "check_ids",
    "check_k",
    "check_positive",
    "check_queries",
    "check_radius",
    "check_threads",
    "order_pairs",
]
