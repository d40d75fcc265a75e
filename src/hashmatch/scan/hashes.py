"""Hashes in bulk, without index or policy: `hash_many` of anything, `hash_files` of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import islice

from hashmatch.decode import (
    DEFAULT_LIMITS,
    DecodeLimits,
    Decoding,
    InProcess,
    Isolated,
    Isolation,
    check_decode,
)
from hashmatch.errors import DecodeError, HashmatchError
from hashmatch.fingerprint import Source, hash_image, sendable
from hashmatch.hashing import get_algorithm
from hashmatch.scan.chunks import CHUNK_FILES
from hashmatch.scan.listing import Listed, list_files
from hashmatch.scan.pool import WorkerDiedError, run_in_processes, run_in_threads
from hashmatch.values import Hash

_CHUNK_SOURCES = 8
_MOST_THREADS = 4
"""Threads of one process: about a fifth of the time of a small photo is Python, which one thread at
a time can run."""


@dataclass(frozen=True, slots=True)
class HashResult:
    """What became of one source: `hash`, or else `error`, the reason in one line."""

    hash: Hash | None
    error: str | None


@dataclass(frozen=True, slots=True)
class HashedFile:
    """The hash of one file: `hash` in hex and `quality`, or else `error`."""

    path: str
    algorithm: str
    hash: str | None
    quality: int | None
    error: str | None


def hash_many(
    sources: Iterable[Source],
    *,
    algorithm: str = "pdq",
    decode: str = "exact",
    workers: int = 1,
    limits: DecodeLimits = DEFAULT_LIMITS,
    isolation: Isolation | None = None,
) -> Iterator[HashResult]:
    """Yield the hash of every source, in order; one that cannot be hashed is a result too.

    Parameters
    ----------
    sources : iterable
        What `hash_image` takes. Read as it is needed, in the calling thread, so it may be endless;
        a file is read in another thread, so each must be a file of its own.
    algorithm, decode : str
        As for `hash_image`.
    workers : int
        Threads; results do not depend on it. Decoders and hashes let go of the GIL.
    limits : DecodeLimits
        Bounds on each source.
    isolation : Isolation, optional
        Decode in as many child processes, within these limits, so that a decoder that crashes,
        hangs or eats memory is a result with an error. Sources are then paths, bytes or files.

    Yields
    ------
    HashResult

    Raises
    ------
    TypeError, ValueError
        For `algorithm`, `decode` or `workers`, at once; for a source that is of no accepted type,
        or an array of another shape, when the chunk of eight that it is in would be yielded.

    Notes
    -----
    Some 16 sources a worker are in flight, each decoded only while its hash is computed.
    """
    get_algorithm(algorithm)
    check_decode(decode)
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    function = partial(hash_image, algorithm=algorithm, decode=decode, limits=limits)
    return _hash_all(sources, function, workers, limits, isolation)


def _hash_all(
    sources: Iterable[Source | DecodeError],
    function: Callable[..., Hash],
    workers: int,
    limits: DecodeLimits,
    isolation: Isolation | None,
) -> Generator[HashResult, None, None]:
    """Hash sources; a DecodeError stands for one that could not be had."""
    with ExitStack() as stack:
        if isolation is None:
            task = partial(_hash_chunk, InProcess(function))
        else:
            isolated = Isolated(function, isolation, children=workers)
            task = partial(_hash_chunk, isolated, send=partial(sendable, limits=limits))
        results = run_in_threads(task, _in_chunks(sources), workers=workers)
        stack.callback(results.close)
        if isolation is not None:
            stack.callback(isolated.close)  # first, so that no thread waits for a decoder
        for chunk in results:
            yield from chunk


def _in_chunks(sources: Iterable[Source | DecodeError]) -> Iterator[list[Source | DecodeError]]:
    source = iter(sources)
    while chunk := list(islice(source, _CHUNK_SOURCES)):
        yield chunk


def _hash_chunk(
    decoding: Decoding[Hash],
    chunk: Sequence[Source | DecodeError],
    send: Callable[[Source], Source | DecodeError] = lambda source: source,
) -> list[HashResult]:
    given = (one if isinstance(one, DecodeError) else send(one) for one in chunk)
    arguments = (one if isinstance(one, DecodeError) else (one,) for one in given)
    return [
        HashResult(None, str(made)) if isinstance(made, DecodeError) else HashResult(made, None)
        for made in decoding.run(arguments)
    ]


def hash_files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    algorithm: str = "pdq",
    decode: str = "exact",
    workers: int = 1,
    limits: DecodeLimits = DEFAULT_LIMITS,
    isolation: Isolation | None = None,
) -> Iterator[HashedFile]:
    """Yield the hash of every file under `paths`, in the order of the bytes of the path.

    Parameters
    ----------
    paths : iterable of path
        Files and folders; `hashmatch.scan.listing.list_files` says what counts.
    algorithm, decode, limits, isolation
        As for `hash_many`.
    workers : int
        Threads; with more than four also processes, of four threads each, as for `scan`.

    Raises
    ------
    FileNotFoundError
        For one of `paths` that does not exist, at once.
    ValueError
        Unknown `algorithm` or `decode`, at once.
    HashmatchError
        Where a worker process dies.
    """
    hash_many((), algorithm=algorithm, decode=decode, workers=workers)  # finds mistakes at once
    files = list_files(paths)
    hash_chunk = partial(
        _hash_listed, partial(hash_image, algorithm=algorithm, decode=decode, limits=limits)
    )
    if isolation is not None or workers <= _MOST_THREADS:
        return hash_chunk(workers, isolation, limits, files)
    task = partial(_listed_at_once, partial(hash_chunk, _MOST_THREADS, None, limits))
    return _hash_in_processes(files, task, -(-workers // _MOST_THREADS))


def _hash_listed(
    function: partial[Hash],
    workers: int,
    isolation: Isolation | None,
    limits: DecodeLimits,
    files: Sequence[Listed],
) -> Iterator[HashedFile]:
    sources = (
        listed.path if listed.problem is None else DecodeError(listed.problem) for listed in files
    )
    algorithm = function.keywords["algorithm"]
    results = _hash_all(sources, function, workers, limits, isolation)
    with closing(results):
        for listed, result in zip(files, results, strict=True):
            made = result.hash
            code, quality = (None, None) if made is None else (made.hex, made.quality)
            yield HashedFile(listed.path, algorithm, code, quality, result.error)


def _listed_at_once(
    task: Callable[[Sequence[Listed]], Iterator[HashedFile]], chunk: Sequence[Listed]
) -> list[HashedFile]:
    return list(task(chunk))


def _hash_in_processes(
    files: Sequence[Listed], task: Callable[[Sequence[Listed]], list[HashedFile]], workers: int
) -> Iterator[HashedFile]:
    step = CHUNK_FILES * _MOST_THREADS
    chunks = [files[start : start + step] for start in range(0, len(files), step)]
    try:
        with closing(run_in_processes(task, task, chunks, workers=workers)) as results:
            for result in results:
                yield from result
    except WorkerDiedError as error:
        first = files[error.first * step].path
        raise HashmatchError(
            f"a worker process died, perhaps for want of memory, at or after {first}; hash these "
            "files in isolation to find the one"
        ) from None
