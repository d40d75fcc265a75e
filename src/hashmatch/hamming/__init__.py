"""Exact search of codes by Hamming distance: knows codes, row numbers and an algorithm's name."""

from hashmatch.hamming.engine import SearchResult
from hashmatch.hamming.hamming import BACKENDS, HammingIndex
from hashmatch.hamming.plan import SearchPlan

__all__ = ["BACKENDS", "HammingIndex", "SearchPlan", "SearchResult"]
