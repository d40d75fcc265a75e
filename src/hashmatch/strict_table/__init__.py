"""Strict reading of TOML: known keys only, every value of its type, every error with its line."""

from hashmatch.strict_table.document import Place, StrictTable, did_you_mean, quote

__all__ = ["Place", "StrictTable", "did_you_mean", "quote"]
