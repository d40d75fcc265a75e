"""Whatever goes wrong inside Pillow becomes one DecodeError with a stable one-line reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from hashmatch.decode.quiet import hushed
from hashmatch.errors import DecodeError, ErrorKind

_LONGEST_WORDS = 120
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_TRUNCATED = re.compile(r"truncat|not enough|unexpected end|no data", re.IGNORECASE)
_JPEG_BITS = re.compile(r"cannot handle (\d+)-bit layers")
_BOMB_PIXELS = re.compile(r"\((\d+) pixels\)")


@contextmanager
def decode_errors(subject: str) -> Iterator[None]:
    """Run Pillow code quietly; any exception but a DecodeError becomes one.

    Parameters
    ----------
    subject : str
        What is being decoded, as the reason names it: ``"JPEG"``.
    """
    try:
        with hushed():
            yield
    except DecodeError:
        raise
    # Plug-ins raise whatever a damaged file makes Python raise: struct.error, KeyError,
    # ZeroDivisionError, OverflowError, zlib.error, MemoryError...
    except Exception as error:
        kind = ErrorKind.MEMORY if isinstance(error, MemoryError) else ErrorKind.DAMAGED
        raise DecodeError(_reason(subject, error), kind) from error


def _reason(subject: str, error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        found = _BOMB_PIXELS.search(str(error))
        pixels = f"{found[1]}, " if found else ""
        return f"too many pixels: {pixels}more than Pillow itself allows"
    if isinstance(error, MemoryError):
        return f"out of memory while decoding {subject}"
    words = _words(error)
    if bits := _JPEG_BITS.search(words):
        return f"unsupported {subject}: {bits[1]} bits per sample, not 8"
    if _TRUNCATED.search(words):
        return f"truncated {subject}"
    return f"damaged {subject}: {words or 'unreadable structure'}"


def _words(error: Exception) -> str:
    """Pillow's own words; nothing where the text is Python's and so changes with its version."""
    if not isinstance(error, OSError | SyntaxError | ValueError) or isinstance(error, UnicodeError):
        return ""
    if isinstance(error, SyntaxError) and error.__cause__ is not None:
        return ""  # how Pillow wraps a struct.error or an IndexError met in a header
    text = " ".join(_ADDRESS.sub("...", str(error)).split())
    return text.encode("ascii", "backslashreplace").decode("ascii")[:_LONGEST_WORDS]
