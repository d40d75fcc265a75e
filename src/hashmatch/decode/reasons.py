"""Translation of whatever Pillow raises into one DecodeError with a stable one-line message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from hashmatch.decode.quiet import hush
from hashmatch.errors import DecodeError, ErrorKind, make_memory_error

_LONGEST_TEXT = 120
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_TRUNCATED = re.compile(r"truncat|not enough|unexpected end|no data", re.IGNORECASE)
_JPEG_BITS = re.compile(r"cannot handle (\d+)-bit layers")
_BOMB_PIXELS = re.compile(r"\((\d+) pixels\)")


@contextmanager
def translate_errors(subject: str) -> Iterator[None]:
    """Run Pillow code quietly; any exception but a DecodeError becomes one.

    Parameters
    ----------
    subject : str
        What is being decoded, as the message names it: ``"JPEG"``.
    """
    try:
        with hush():
            yield
    except DecodeError:
        raise
    except MemoryError as error:
        raise make_memory_error(f" while decoding {subject}") from error
    # Plug-ins raise whatever a damaged file makes Python raise: struct.error, KeyError,
    # ZeroDivisionError, OverflowError, zlib.error...
    except Exception as error:
        raise DecodeError(*_describe(subject, error)) from error


def _describe(subject: str, error: Exception) -> tuple[str, ErrorKind]:
    """Return message and kind.  Only Pillow's text tells a truncated file from a damaged one."""
    if isinstance(error, Image.DecompressionBombError):
        found = _BOMB_PIXELS.search(str(error))
        pixels = f"{found[1]}, " if found else ""
        return f"too many pixels: {pixels}more than Pillow itself allows", ErrorKind.TOO_LARGE
    text = _pillow_text(error)
    if bits := _JPEG_BITS.search(text):
        return f"unsupported {subject}: {bits[1]} bits per sample, not 8", ErrorKind.UNSUPPORTED
    if _TRUNCATED.search(text):
        return f"truncated {subject}", ErrorKind.TRUNCATED
    return f"damaged {subject}: {text or 'unreadable structure'}", ErrorKind.DAMAGED


def _pillow_text(error: Exception) -> str:
    """Return Pillow's own text; nothing where it is Python's, which changes with its version."""
    if not isinstance(error, OSError | SyntaxError | ValueError) or isinstance(error, UnicodeError):
        return ""
    if isinstance(error, SyntaxError) and error.__cause__ is not None:
        return ""  # how Pillow wraps a struct.error or an IndexError met in a header
    text = " ".join(_ADDRESS.sub("...", str(error)).split())
    return text.encode("ascii", "backslashreplace").decode("ascii")[:_LONGEST_TEXT]
