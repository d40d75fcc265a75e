"""`hash_files`: the hash of every file, without index or policy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from hashmatch.decode import DEFAULT_LIMITS, check_decode, read_content
from hashmatch.errors import DecodeError, HashmatchError
from hashmatch.fingerprint import digests, hash_image, hash_segments
from hashmatch.hashing import Digest, SegmentHash, get_algorithm
from hashmatch.scan.chunks import CHUNK_FILES
from hashmatch.scan.listing import Listed, list_files
from hashmatch.scan.pool import WorkerDiedError, run_in_order
from hashmatch.values import Hash


@dataclass(frozen=True, slots=True)
class HashedFile:
    """One hash of one file: `hash` in hex and `quality`, or else `error`."""

    path: str
    algorithm: str
    hash: str | None
    quality: int | None
    error: str | None


def hash_files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    algorithm: str = "pdq",
    decode: str = "exact",
    workers: int = 1,
) -> Iterator[HashedFile]:
    """Yield the hash of every file under `paths`, in the order of the bytes of the path.

    A hash of segments gives a row for each segment. A digest takes any file, picture or not, and
    of any size.

    Parameters
    ----------
    paths : iterable of path
        Files and folders; `hashmatch.scan.listing.list_files` says what counts.
    algorithm, decode : str
        As for `hash_image`.
    workers : int
        Processes, as for `scan`.

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
    get_algorithm(algorithm)
    check_decode(decode)
    return _hash_listed(list_files(paths), partial(_hash_chunk, algorithm, decode), workers)


def _hash_listed(
    files: Sequence[Listed], task: Callable[[Sequence[Listed]], list[HashedFile]], workers: int
) -> Iterator[HashedFile]:
    results = run_in_order(
        task,
        task,
        [files[start : start + CHUNK_FILES] for start in range(0, len(files), CHUNK_FILES)],
        workers=workers,
    )
    try:
        with closing(results):
            for chunk in results:
                yield from chunk
    except WorkerDiedError as error:
        first = files[error.first * CHUNK_FILES].path
        raise HashmatchError(
            f"a worker process died, perhaps for want of memory, at or after {first}; hash these "
            "files with one worker to find the one"
        ) from None


def _hash_chunk(algorithm: str, decode: str, chunk: Sequence[Listed]) -> list[HashedFile]:
    return [row for listed in chunk for row in _hash_file(algorithm, decode, listed)]


def _hash_file(algorithm: str, decode: str, listed: Listed) -> list[HashedFile]:
    """Return one row for each hash of a file, or one with the reason why there is none."""
    problem = listed.problem
    try:
        if problem is None:
            return [
                HashedFile(listed.path, algorithm, made.hex, made.quality, None)
                for made in _hashes_of(listed.path, algorithm, decode)
            ]
    except DecodeError as error:
        problem = str(error)
    except MemoryError:
        problem = "not enough memory to decode it"
    return [HashedFile(listed.path, algorithm, None, None, problem)]


def _hashes_of(path: str, algorithm: str, decode: str) -> Iterable[Hash]:
    hasher = get_algorithm(algorithm)
    if isinstance(hasher, Digest):
        return digests(path, [algorithm]).values()
    data = read_content(path, limits=DEFAULT_LIMITS)
    if isinstance(hasher, SegmentHash):
        return hash_segments(data, algorithm, decode)
    return [hash_image(data, algorithm, decode)]
