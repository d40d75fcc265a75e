"""Perceptual hashes of pixels: one small protocol, one registry, one module for each algorithm."""

from hashmatch.hashing.registry import Algorithm, Pixels, algorithms, get_algorithm

__all__ = ["Algorithm", "Pixels", "algorithms", "get_algorithm"]
