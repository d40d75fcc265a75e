"""Strict reading of TOML: every key known, every value of its kind, every error with its line."""

from hashmatch.strict_table.document import Place, StrictTable, did_you_mean, quote

__all__ = ["Place", "StrictTable", "did_you_mean", "quote"]
