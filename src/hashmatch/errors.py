"""The public errors of hashmatch, and the kinds of decode errors.

All derive from `HashmatchError` directly.  Each message is one line: what is wrong, where (file,
row or key), and what to do about it.  No message contains a hash from a list.  Wrong arguments in
code raise `ValueError`, `TypeError` or `KeyError`, as elsewhere in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

_T = TypeVar("_T")


class ErrorKind(StrEnum):
    """Why content could not be examined, in whole or in part; `error_kind` of a decision row."""

    UNREADABLE = "unreadable"  # cannot be opened or read: permission, a device, an I/O error
    EMPTY = "empty"  # the file has no bytes
    NOT_MEDIA = "not_media"  # begins like no picture or video format on the allow-list
    UNSUPPORTED = "unsupported"  # a known format, but a variant, codec or layout not decoded here
    TRUNCATED = "truncated"  # the file ends before its content does
    DAMAGED = "damaged"  # the decoder found data that breaks the rules of the format
    INCOMPLETE = "incomplete"  # some frames, pages or views were examined and some were not
    TOO_LARGE = "too_large"  # more bytes or pixels than the limits allow
    TOO_MANY_FRAMES = "too_many_frames"  # more frames, pages or seconds than the limits allow
    TOO_MUCH_WORK = "too_much_work"  # decoding would cost more than the budget for one content
    TIMEOUT = "timeout"  # decoding took longer than allowed
    MEMORY = "memory"  # decoding needed more memory than there was or was allowed
    CRASHED = "crashed"  # the decoding process died
    NOT_HASHED = "not_hashed"  # decoded, but the hash algorithm could not hash the pixels


class HashmatchError(Exception):
    """Base of every error that hashmatch raises on purpose."""


class AlgorithmError(HashmatchError):
    """A hash algorithm is known by name but unusable: a broken plug-in, or a missing extra."""


class DecodeError(HashmatchError):
    """Content yields no pixels, or pixels that an algorithm cannot hash.

    `message` is the reason, in one line, for people; programs act on `kind`, never on the message.
    """

    def __init__(self, message: str, kind: ErrorKind = ErrorKind.DAMAGED) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, ErrorKind]]:
        return type(self), (str(self), self.kind)


def make_memory_error(detail: str = "") -> DecodeError:
    """Return the error for running out of memory; `detail` is appended to its message."""
    return DecodeError(f"out of memory{detail}", ErrorKind.MEMORY)


class HashListError(HashmatchError):
    """A hash list or a recipe is malformed or cannot be read."""


class IndexFormatError(HashmatchError):
    """A built file is damaged, not made by hashmatch, or written by a newer version."""


class PolicyError(HashmatchError):
    """A policy is malformed or cannot be carried out."""


class UnknownNameError(HashmatchError, KeyError):
    """An index has no list or entry of this name."""

    __str__ = Exception.__str__  # KeyError would show the message in quotation marks


class Attempt(NamedTuple, Generic[_T]):
    """The result of work that may fail: `value`, or else `error`."""

    value: _T | None = None
    error: DecodeError | None = None

    def unwrap(self) -> _T:
        """Return the value; raise the error if there is one."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # without an error there is a value


def attempt(function: Callable[..., _T], *arguments: Any) -> Attempt[_T]:
    """Call a function; a `DecodeError` or running out of memory becomes the result's `error`."""
    try:
        return Attempt(value=function(*arguments))
    except DecodeError as error:
        # A copy: the frames of the traceback would keep the decoded pixels alive.
        return Attempt(error=DecodeError(str(error), error.kind))
    except MemoryError:
        return Attempt(error=make_memory_error())
