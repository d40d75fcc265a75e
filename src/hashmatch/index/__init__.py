"""Exact search of codes by Hamming distance: knows codes, row numbers and an algorithm's name."""

from hashmatch.index.hamming import HammingIndex, SearchResult
from hashmatch.index.plan import SearchPlan

__all__ = ["HammingIndex", "SearchPlan", "SearchResult"]
