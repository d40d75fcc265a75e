"""Exact search of codes by Hamming distance: knows codes, row numbers and an algorithm's name."""

from hashmatch.index.engine import SearchResult
from hashmatch.index.hamming import BACKENDS, HammingIndex
from hashmatch.index.plan import SearchPlan

__all__ = ["BACKENDS", "HammingIndex", "SearchPlan", "SearchResult"]
