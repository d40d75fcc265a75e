"""Redaction of list text in error messages."""

from __future__ import annotations

import re

_MAX_CHARACTERS = 40
_LIKE_A_HASH = re.compile(r"[0-9A-Fa-f]{16}")


def redact(text: str) -> str:
    """Return text of a list as an error message may show it: on one line, short, never a hash."""
    if _LIKE_A_HASH.search(text):
        return "(something like a hash, not shown)"
    if len(text) > _MAX_CHARACTERS:
        text = text[:_MAX_CHARACTERS] + "..."
    return text if text.isprintable() and text else repr(text)
