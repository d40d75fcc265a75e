"""Keep Pillow's remarks about damaged metadata out of the process while this thread decodes.

Pillow warns (bad TIFF tags, an invalid animation header) where it still hands over the pixels.
Left alone, such a warning is text on somebody's stderr, or under ``-W error`` a picture that is
refused, so that a decision would hang on a flag of the interpreter.  `warnings.catch_warnings` is
not an answer: it swaps state of the whole process and is not safe with threads.

So the Pillow modules that are used here see `warnings` through `_HushableWarnings`, which is the
real module except in a thread that is inside `hushed()`.  For every other user of Pillow in the
process nothing changes.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _State(threading.local):
    hushed = False


_STATE = _State()


def _say_nothing(*_args: object, **_options: object) -> None:
    return None


class _HushableWarnings:
    # An attribute, not a method: in other threads the caller gets the real `warnings.warn`, with no
    # frame of ours in between to throw off its stack level.
    @property
    def warn(self) -> Callable[..., None]:
        return _say_nothing if _STATE.hushed else warnings.warn

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)


_WARNINGS = _HushableWarnings()


def _keep_record(_record: logging.LogRecord) -> bool:
    return not _STATE.hushed


def make_hushable(module: ModuleType) -> None:
    """Let `hushed` reach a Pillow module; harmless when repeated."""
    if getattr(module, "warnings", None) is warnings:
        module.warnings = _WARNINGS  # type: ignore[attr-defined]
    # An unconfigured `logging` prints errors on stderr.
    logger = getattr(module, "logger", None)
    if isinstance(logger, logging.Logger):
        logger.addFilter(_keep_record)


@contextmanager
def hushed() -> Iterator[None]:
    """Silence Pillow in this thread for the length of a ``with`` block; may be nested."""
    before = _STATE.hushed
    _STATE.hushed = True
    try:
        yield
    finally:
        _STATE.hushed = before
