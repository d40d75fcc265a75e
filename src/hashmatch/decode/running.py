"""Run what decodes over many contents, in order, one failure at a time.

`InProcess` runs it in the calling thread. `hashmatch.decode.isolation` has the same in processes of
their own, where a decoder that crashes, hangs or eats memory takes nobody along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from hashmatch.errors import DecodeError

ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)

Arguments = tuple[Any, ...]


class Decoding(Protocol[ResultT_co]):
    """A function that decodes, and where it runs."""

    def run(
        self, contents: Iterable[Arguments | DecodeError]
    ) -> Iterator[ResultT_co | DecodeError]:
        """Yield a result for each, in order, without holding more than a few at a time.

        `contents` are arguments of the function, taken one after the other; a `DecodeError` among
        them, for a content that could not be had, is handed through. A content that cannot be
        decoded yields the `DecodeError`. What else the function raises is raised.
        """
        ...


class InProcess(Generic[ResultT]):
    """Runs the function in the calling thread; safe to share between threads."""

    def __init__(self, function: Callable[..., ResultT]) -> None:
        self._function = function

    def run(self, contents: Iterable[Arguments | DecodeError]) -> Iterator[ResultT | DecodeError]:
        """See `Decoding`."""
        for arguments in contents:
            yield (
                arguments
                if isinstance(arguments, DecodeError)
                else attempt(self._function, arguments)
            )


def attempt(function: Callable[..., ResultT], arguments: Arguments) -> ResultT | DecodeError:
    """Return what the function returns, or the DecodeError that it raises."""
    try:
        return function(*arguments)
    except DecodeError as error:
        return error
    except MemoryError:
        return DecodeError("out of memory")
