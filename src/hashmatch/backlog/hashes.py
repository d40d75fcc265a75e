"""Hashes in bulk, without index or policy: `hash_many` takes any source, `hash_files` files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO

from hashmatch.backlog.chunks import CHUNK_FILES, map_chunks
from hashmatch.backlog.listing import ScanInput, list_files
from hashmatch.backlog.rows import refuse_as_input
from hashmatch.decode import DEFAULT_LIMITS, DecodeLimits, check_decode, load_decoders, open_source
from hashmatch.errors import Attempt, DecodeError, ErrorKind
from hashmatch.fingerprint import (
    Source,
    compute_digests,
    compute_hash,
    compute_segments,
    decode_hash,
    decode_hashes,
    encode_hashes,
    sendable,
)
from hashmatch.hashing import Digest, SegmentHash, get_algorithm, get_pixel_hash, load_algorithms
from hashmatch.values import Hash
from hashmatch.workers import (
    Executor,
    InlineExecutor,
    IsolatedExecutor,
    Isolation,
    ThreadExecutor,
    attempted,
)

_MOST_THREADS = 4
"""Threads of one process: about a fifth of the time of a small photo is Python, which one thread at
a time can run."""


@dataclass(frozen=True, slots=True)
class HashResult:
    """The hash of one source, or else `error` (a one-line reason) and the kind of error."""

    hash: Hash | None
    error: str | None
    error_kind: ErrorKind | None = None


@dataclass(frozen=True, slots=True)
class HashedFile:
    """One hash of one file: `hash` (in hex) and `quality`, or else `error`."""

    path: str
    algorithm: str
    hash: str | None = field(repr=False)
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
    """Yield a result for every source, in order: its hash, or the error that prevented one.

    Up to 16 sources per worker are in flight, each decoded only while its hash is computed.

    Parameters
    ----------
    sources : iterable
        Anything `hash_image` takes, or `digests` for a digest. Read lazily, in the calling thread,
        so it may be endless. Files are read in other threads: give each its own file object.
    algorithm : str
        Registered name of a hash of whole pictures, or of a digest (of any content and size).
    decode, limits
        As for `hash_image`.
    workers : int
        Number of threads; does not affect results. Decoders and hashes release the GIL.
    isolation : Isolation, optional
        Decode in as many child processes, within these limits, so that a decoder that crashes,
        hangs or exhausts memory is a result with an error. Sources are then paths, bytes or files.
        A digest needs no decoder and is computed in this process.

    Raises
    ------
    TypeError, ValueError, AlgorithmError
        For a bad `algorithm` (AlgorithmError: a broken plug-in), `decode` or `workers`, at once.
        For a source of an unsupported type, or an array of the wrong shape, when its result is due,
        or in isolation when it is read.
    """
    job = _HashJob(algorithm, decode, limits, isolation, workers)
    if not isinstance(get_algorithm(algorithm), Digest):
        get_pixel_hash(algorithm)
    return (
        HashResult(result.value, None)
        if result.error is None
        else HashResult(None, str(result.error), result.error.kind)
        for result in job.run(map(Attempt, sources))
    )


@dataclass(frozen=True, slots=True)
class _HashJob:
    """The hash to compute for every source, and where to compute it."""

    algorithm: str
    decode: str
    limits: DecodeLimits
    isolation: Isolation | None
    workers: int

    def __post_init__(self) -> None:
        get_algorithm(self.algorithm)
        check_decode(self.decode)
        if self.workers < 1:
            raise ValueError(f"workers must be at least 1, not {self.workers}")

    def run(self, sources: Iterable[Attempt[Source]]) -> Generator[Attempt[Any], None, None]:
        """Yield the `Hash` of each source, in order, or a tuple with the hash of each segment."""
        algorithm = get_algorithm(self.algorithm)
        is_digest = isinstance(algorithm, Digest)
        executor: Executor[Attempt[Any], Attempt[Any]]
        items: Iterable[Attempt[Any]] = sources
        # From below the index, which a process that only decodes does not import.
        compute = compute_segments if isinstance(algorithm, SegmentHash) else compute_hash
        task: Callable[[Any], Any] = partial(_digest, self.algorithm)
        if not is_digest:
            task = partial(
                compute, algorithm=self.algorithm, decode=self.decode, limits=self.limits
            )
        if self.isolation is not None and not is_digest:
            if isinstance(algorithm, SegmentHash):
                algorithm.check_usable()
            decode = decode_hashes if isinstance(algorithm, SegmentHash) else decode_hash
            executor = IsolatedExecutor(
                task,
                self.isolation,
                encode=encode_hashes,
                decode=partial(decode, self.algorithm),
                workers=self.workers,
                prepare=[partial(load_algorithms, [self.algorithm]), load_decoders],
                send=open_source,
            )
            items = map(attempted(partial(sendable, limits=self.limits)), sources)
        elif self.workers == 1:
            executor = InlineExecutor(attempted(task))
        else:
            executor = ThreadExecutor(attempted(task), workers=self.workers)
        with executor, closing(executor.map(items)) as results:
            yield from results


def _digest(algorithm: str, source: Any) -> Hash:
    return compute_digests(source, [algorithm])[algorithm]


def hash_files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    algorithm: str = "pdq",
    decode: str = "exact",
    workers: int = 1,
    limits: DecodeLimits = DEFAULT_LIMITS,
    isolation: Isolation | None = None,
    output: str | os.PathLike[str] | BinaryIO | None = None,
) -> Iterator[HashedFile]:
    """Yield the hash of every file under `paths`, sorted by the bytes of the path.

    A hash of segments gives a row for each segment. A digest takes any file, of any type and size.

    Parameters
    ----------
    paths : iterable of path
        Files and folders, as for `list_files`, whose FileNotFoundError is raised at once.
    algorithm, decode, limits, isolation
        As for `hash_many`, with its errors; also the name of a hash of segments.
    workers : int
        Threads; with more than four also processes, of four threads each, as for `scan`.
    output : path or binary stream, optional
        Where the caller will write the hashes.

    Raises
    ------
    OutputIsInputError
        `output` is one of the files to hash.
    HashmatchError
        A worker process died.
    """
    job = _HashJob(algorithm, decode, limits, isolation, workers)
    files = list_files(paths)
    if output is not None:
        refuse_as_input(output, (file.path for file in files))
    if isolation is not None or workers <= _MOST_THREADS:
        return _hash_listed(job, files)
    task = partial(_hash_chunk, replace(job, workers=_MOST_THREADS))
    n_processes, step = -(-workers // _MOST_THREADS), CHUNK_FILES * _MOST_THREADS
    chunks = map_chunks(files, task, task, chunk_files=step, workers=n_processes)
    return (row for chunk in chunks for row in chunk)


def _hash_chunk(job: _HashJob, chunk: Sequence[ScanInput]) -> list[HashedFile]:
    return list(_hash_listed(job, chunk))


def _hash_listed(job: _HashJob, files: Sequence[ScanInput]) -> Iterator[HashedFile]:
    """Yield a row for each hash of each file, or one row with the error if it has no hash."""
    with closing(job.run(map(_source_of, files))) as results:
        for file, result in zip(files, results, strict=True):
            if result.error is not None:
                yield HashedFile(file.path, job.algorithm, None, None, str(result.error))
                continue
            hashes = result.unwrap()
            for found in (hashes,) if isinstance(hashes, Hash) else hashes:
                yield HashedFile(file.path, job.algorithm, found.hex, found.quality, None)


def _source_of(file: ScanInput) -> Attempt[Source]:
    if file.problem is not None:
        return Attempt(error=DecodeError(file.problem, ErrorKind.UNREADABLE))
    return Attempt(file.path)
