"""Silencing of Pillow in the decoding thread, and translation of its exceptions to DecodeError.

Pillow warns where it still returns the pixels (bad TIFF tags).  Such a warning would print to
stderr, or with ``-W error`` refuse the picture: a decision would depend on a flag of the
interpreter.  `warnings.catch_warnings` changes state of the whole process and is not safe with
threads.  So the Pillow modules used here see `warnings` through `_HushableWarnings`, which is the
real module except in a thread inside `hush()`; other users of Pillow in the process see no change.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from PIL import Image

from hashmatch.errors import DecodeError, ErrorKind, make_memory_error

_LONGEST_TEXT = 120
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_TRUNCATED = re.compile(r"truncat|not enough|unexpected end|no data", re.IGNORECASE)
_JPEG_BITS = re.compile(r"cannot handle (\d+)-bit layers")
_BOMB_PIXELS = re.compile(r"\((\d+) pixels\)")


class _State(threading.local):
    is_hushed = False


_STATE = _State()


class _HushableWarnings:
    # An attribute, not a method: in other threads the caller gets the real `warnings.warn`, with no
    # frame of ours in between to throw off its stack level.
    @property
    def warn(self) -> Callable[..., None]:
        return (lambda *_args, **_options: None) if _STATE.is_hushed else warnings.warn

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)


_WARNINGS = _HushableWarnings()


def _keep_record(_record: logging.LogRecord) -> bool:
    return not _STATE.is_hushed


def make_hushable(module: ModuleType) -> None:
    """Let `hush` reach a Pillow module; harmless when repeated."""
    if getattr(module, "warnings", None) is warnings:
        module.warnings = _WARNINGS  # type: ignore[attr-defined]
    # An unconfigured `logging` prints errors on stderr.
    logger = getattr(module, "logger", None)
    if isinstance(logger, logging.Logger):
        logger.addFilter(_keep_record)


make_hushable(Image)


@contextmanager
def hush() -> Iterator[None]:
    """Silence Pillow in this thread inside a ``with`` block; may be nested."""
    before = _STATE.is_hushed
    _STATE.is_hushed = True
    try:
        yield
    finally:
        _STATE.is_hushed = before


@contextmanager
def translate_errors(subject: str) -> Iterator[None]:
    """Run Pillow code quietly; any exception but DecodeError becomes a DecodeError.

    `subject` is what is being decoded, as the one-line message names it: ``"JPEG"``.
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
    """Return message and kind.  Only Pillow's text separates truncated from damaged files."""
    if isinstance(error, Image.DecompressionBombError):
        found = _BOMB_PIXELS.search(str(error))
        pixels = f"{found[1]}, " if found else ""
        return f"too many pixels: {pixels}more than Pillow itself allows", ErrorKind.TOO_LARGE
    text = _pillow_text(error)
    if bits := _JPEG_BITS.search(text):
        return f"unsupported {subject}: {bits[1]} bits per sample, not 8", ErrorKind.UNSUPPORTED
    if "out of memory" in text:
        return f"out of memory while decoding {subject}", ErrorKind.MEMORY
    if _TRUNCATED.search(text):
        return f"truncated {subject}", ErrorKind.TRUNCATED
    return f"damaged {subject}: {text or 'unreadable structure'}", ErrorKind.DAMAGED


def _pillow_text(error: Exception) -> str:
    """Return Pillow's own text; empty if Python wrote it, since that varies with the version."""
    if not isinstance(error, OSError | SyntaxError | ValueError) or isinstance(error, UnicodeError):
        return ""
    if isinstance(error, SyntaxError) and error.__cause__ is not None:
        return ""  # how Pillow wraps a struct.error or an IndexError met in a header
    text = " ".join(_ADDRESS.sub("...", str(error)).split())
    return text.encode("ascii", "backslashreplace").decode("ascii")[:_LONGEST_TEXT]
