"""Hashes in bulk, without index or policy: `hash_many` of anything, `hash_files` of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from hashmatch.backlog.chunks import CHUNK_FILES
from hashmatch.backlog.listing import Listed, list_files
from hashmatch.backlog.pool import WorkerDiedError, run_in_processes, run_in_threads
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
from hashmatch.fingerprint import (
    Source,
    digests,
    hash_image,
    hash_segments,
    sendable,
)
from hashmatch.hashing import Digest, SegmentHash, get_algorithm, get_pixel_hash, load_algorithms
from hashmatch.values import Hash

_CHUNK_SOURCES = 8
_MOST_THREADS = 4
"""Threads of one process: about a fifth of the time of a small photo is Python, which one thread at
a time can run."""


Made = tuple[Hash, ...]
"""What there is of one source: its one hash, or one of each of its segments."""


@dataclass(frozen=True, slots=True)
class HashResult:
    """What became of one source: `hash`, or else `error`, the reason in one line."""

    hash: Hash | None
    error: str | None


@dataclass(frozen=True, slots=True)
class HashedFile:
    """One hash of one file: `hash` in hex and `quality`, or else `error`."""

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
        What `hash_image` takes, or `digests` where `algorithm` is one. Read as it is needed, in the
        calling thread, so it may be endless; a file is read in another thread, so each must be a
        file of its own.
    algorithm : str
        Registered name of a hash of whole pictures, or of a digest: that of any content, of any
        size.
    decode : str
        As for `hash_image`.
    workers : int
        Threads; results do not depend on it. Decoders and hashes let go of the GIL.
    limits : DecodeLimits
        Bounds on each source.
    isolation : Isolation, optional
        Decode in as many child processes, within these limits, so that a decoder that crashes,
        hangs or eats memory is a result with an error. Sources are then paths, bytes or files.
        A digest needs no decoder and is taken in this process.

    Yields
    ------
    HashResult

    Raises
    ------
    TypeError, ValueError
        For `algorithm`, `decode` or `workers`, at once; for a source that is of no accepted type,
        or an array of another shape, when the chunk of eight that it is in would be yielded.
    AlgorithmError
        A plug-in that is no good, at once.

    Notes
    -----
    Some 16 sources a worker are in flight, each decoded only while its hash is computed.
    """
    task = _Task(algorithm, decode, limits)
    task.check(workers)
    if not task.is_digest:
        get_pixel_hash(algorithm)
    return _results(_hash_all(sources, task, workers, isolation))


def _results(
    all_made: Generator[Made | DecodeError, None, None],
) -> Generator[HashResult, None, None]:
    with closing(all_made):
        for made in all_made:
            if isinstance(made, DecodeError):
                yield HashResult(None, str(made))
            else:
                (one,) = made
                yield HashResult(one, None)


@dataclass(frozen=True, slots=True)
class _Task:
    """What to make of every source."""

    algorithm: str
    decode: str
    limits: DecodeLimits

    def check(self, workers: int) -> None:
        get_algorithm(self.algorithm)
        check_decode(self.decode)
        if workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")

    @property
    def is_digest(self) -> bool:
        return isinstance(get_algorithm(self.algorithm), Digest)

    def function(self) -> Callable[[Source], Hash | tuple[Hash, ...]]:
        """Return what hashes a source; picklable, and from below the index where it decodes."""
        if self.is_digest:
            return partial(_digest, self.algorithm)
        is_of_segments = isinstance(get_algorithm(self.algorithm), SegmentHash)
        return partial(
            hash_segments if is_of_segments else hash_image,
            algorithm=self.algorithm,
            decode=self.decode,
            limits=self.limits,
        )


def _digest(algorithm: str, source: Any) -> Hash:
    return digests(source, [algorithm])[algorithm]


def _hash_all(
    sources: Iterable[Source | DecodeError],
    task: _Task,
    workers: int,
    isolation: Isolation | None,
) -> Generator[Made | DecodeError, None, None]:
    """Hash sources; a DecodeError stands for one that could not be had."""
    isolated: Isolated[Hash | tuple[Hash, ...]] | None = None
    with ExitStack() as stack:
        if isolation is None or task.is_digest:  # bytes need no decoder
            hash_chunk = partial(_hash_chunk, InProcess(task.function()))
        else:
            prepare = partial(load_algorithms, [task.algorithm])
            isolated = Isolated(task.function(), isolation, children=workers, prepare=prepare)
            hash_chunk = partial(_hash_chunk, isolated, send=partial(sendable, limits=task.limits))
        results = run_in_threads(hash_chunk, _in_chunks(sources), workers=workers)
        stack.callback(results.close)
        if isolated is not None:
            stack.callback(isolated.close)  # first, so that no thread waits for a decoder
        for chunk in results:
            yield from chunk


def _in_chunks(sources: Iterable[Source | DecodeError]) -> Iterator[list[Source | DecodeError]]:
    source = iter(sources)
    while chunk := list(islice(source, _CHUNK_SOURCES)):
        yield chunk


def _hash_chunk(
    decoding: Decoding[Hash | tuple[Hash, ...]],
    chunk: Sequence[Source | DecodeError],
    send: Callable[[Source], Source | DecodeError] = lambda source: source,
) -> list[Made | DecodeError]:
    given = (one if isinstance(one, DecodeError) else send(one) for one in chunk)
    arguments = (one if isinstance(one, DecodeError) else (one,) for one in given)
    return [(made,) if isinstance(made, Hash) else made for made in decoding.run(arguments)]


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

    A hash of segments gives a row for each segment. A digest takes any file, picture or not, and
    of any size.

    Parameters
    ----------
    paths : iterable of path
        Files and folders; `hashmatch.backlog.listing.list_files` says what counts.
    algorithm, decode, limits, isolation
        As for `hash_many`; also the name of a hash of segments.
    workers : int
        Threads; with more than four also processes, of four threads each, as for `scan`.

    Raises
    ------
    FileNotFoundError
        For one of `paths` that does not exist, at once.
    ValueError
        Unknown `algorithm` or `decode`, at once.
    AlgorithmError
        An algorithm that cannot be used; a plug-in at once.
    HashmatchError
        Where a worker process dies.
    """
    task = _Task(algorithm, decode, limits)
    task.check(workers)
    files = list_files(paths)
    if isolation is not None or workers <= _MOST_THREADS:
        return _hash_listed(task, workers, isolation, files)
    return _hash_in_processes(files, partial(_hash_by_threads, task), -(-workers // _MOST_THREADS))


def _hash_listed(
    task: _Task, workers: int, isolation: Isolation | None, files: Sequence[Listed]
) -> Iterator[HashedFile]:
    """Yield a row for each hash of a file, or one with the reason why there is none."""
    sources = (
        listed.path if listed.problem is None else DecodeError(listed.problem) for listed in files
    )
    with closing(_hash_all(sources, task, workers, isolation)) as all_made:
        for listed, made in zip(files, all_made, strict=True):
            if isinstance(made, DecodeError):
                yield HashedFile(listed.path, task.algorithm, None, None, str(made))
                continue
            for one in made:
                yield HashedFile(listed.path, task.algorithm, one.hex, one.quality, None)


def _hash_by_threads(task: _Task, chunk: Sequence[Listed]) -> list[HashedFile]:
    return list(_hash_listed(task, _MOST_THREADS, None, chunk))


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
