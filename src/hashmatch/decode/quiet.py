"""Silence for Pillow's warnings about damaged metadata in the thread that decodes.

Pillow warns where it still returns the pixels (bad TIFF tags).  Such a warning would be text on
stderr, or under ``-W error`` a refused picture: a decision would depend on a flag of the
interpreter.  `warnings.catch_warnings` swaps state of the whole process and is not safe with
threads.  So the Pillow modules used here see `warnings` through `_HushableWarnings`, which is the
real module except in a thread inside `hush()`; other users of Pillow in the process see no change.
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
    is_hushed = False


_STATE = _State()


def _ignore_warning(*_args: object, **_options: object) -> None:
    return None


class _HushableWarnings:
    # An attribute, not a method: in other threads the caller gets the real `warnings.warn`, with no
    # frame of ours in between to throw off its stack level.
    @property
    def warn(self) -> Callable[..., None]:
        return _ignore_warning if _STATE.is_hushed else warnings.warn

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


@contextmanager
def hush() -> Iterator[None]:
    """Silence Pillow in this thread inside a ``with`` block; may be nested."""
    before = _STATE.is_hushed
    _STATE.is_hushed = True
    try:
        yield
    finally:
        _STATE.is_hushed = before
