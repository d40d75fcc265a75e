"""Strict reading of TOML: every key known, every value of its kind, every error with its line."""

from hashmatch.strict_table.place import Place, quote
from hashmatch.strict_table.table import StrictTable, did_you_mean

__all__ = ["Place", "StrictTable", "did_you_mean", "quote"]
