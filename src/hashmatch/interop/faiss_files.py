"""Writing and reading binary index files of faiss, to export and import codes and ids."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.files import write_file
from hashmatch.hamming import HammingIndex, check_codes, check_ids
from hashmatch.interop.faiss_index import FaissIndex, copy_codes

_Contents = tuple[NDArray[np.uint8], NDArray[np.int64] | None]


def write_faiss(index: HammingIndex | FaissIndex, path: str | os.PathLike[str]) -> None:
    """Write the codes and ids of an index as a binary index file of faiss.

    The file holds an IndexBinaryFlat, inside an IndexBinaryIDMap2 unless the ids are the rows;
    `faiss.read_index_binary` reads it. Written atomically, readable by its owner only, without the
    algorithm's name. Takes memory for a second copy of the codes. Raises ValueError if an id is -1,
    which means "none" to faiss.
    """
    codes, ids = index.codes, index.ids
    exported = flat = faiss.IndexBinaryFlat(8 * codes.shape[1])
    if ids is None or np.array_equal(ids, np.arange(len(codes))):
        exported.add(codes)
    elif (ids == -1).any():
        raise ValueError("an id is -1, which means none to faiss; give that code another id first")
    else:
        exported = faiss.IndexBinaryIDMap2(flat)
        exported.add_with_ids(codes, ids)
    with write_file(path) as file:
        faiss.write_index_binary(exported, faiss.PyCallbackIOWriter(file.write))


def read_faiss(
    path: str | os.PathLike[str], *, algorithm: str | None = None, threads: int = 1
) -> HammingIndex:
    """Build a `HammingIndex` from the codes in a binary index file of faiss.

    Import only files that you trust: they are read by faiss, which has no checksums. A damaged or
    malicious file may give wrong codes, use up all memory, open other files or end the
    process.

    Parameters
    ----------
    path : path-like
        IndexBinaryFlat, IndexBinaryIVF, IndexBinaryHash, IndexBinaryMultiHash or IndexBinaryHNSW,
        alone or in an IndexBinaryIDMap or IndexBinaryIDMap2. All codes are taken, in the order of
        their ids, even from indexes that search approximately.
    algorithm, threads
        As for `HammingIndex.build`.

    Raises
    ------
    IndexFormatError
        The file is damaged, or holds another kind of index, an unsupported width, or repeated ids.
    """
    path = Path(path)
    with path.open("rb") as file:
        kind = file.read(4)
        if not kind.startswith(b"IB"):
            raise IndexFormatError(f"{path}: not a binary index of faiss; give one of those")
        file.seek(0)
        try:
            index = faiss.read_index_binary(faiss.PyCallbackIOReader(file.read))
        except RuntimeError as error:
            reason = str(error).rpartition("failed: ")[2]
            raise IndexFormatError(
                f"{path}: faiss cannot read it ({' '.join(reason.split())}); export it again"
            ) from None
    codes, ids = _read_contents(path, index)
    try:
        check_codes(codes)
        if ids is not None:
            check_ids(ids, len(codes))
    except ValueError as error:
        raise IndexFormatError(f"{path}: {error}; mend the index and export it again") from None
    if ids is not None:
        order = np.argsort(ids)
        codes, ids = codes[order], ids[order]
        if np.array_equal(ids, np.arange(len(ids))):
            ids = None
    return HammingIndex.build(codes, ids, algorithm=algorithm, threads=threads)


def _read_contents(path: Path, index: Any) -> _Contents:
    """Return a copy of an index's codes, in stored order, and their ids (None: the row numbers)."""
    index = faiss.downcast_IndexBinary(index)
    if isinstance(index, faiss.IndexBinaryIDMap):
        codes, rows = _read_contents(path, index.index)
        ids = faiss.vector_to_array(index.id_map)
        if len(ids) != len(codes):
            raise IndexFormatError(f"{path}: it has {len(ids)} ids for {len(codes)} codes")
        return codes, ids if rows is None else ids[rows]
    if isinstance(
        index, faiss.IndexBinaryFlat | faiss.IndexBinaryMultiHash | faiss.IndexBinaryHNSW
    ):
        return copy_codes(index), None
    if isinstance(index, faiss.IndexBinaryIVF):
        return _read_inverted_lists(index)
    if isinstance(index, faiss.IndexBinaryHash):
        return _read_hash_lists(index)
    raise IndexFormatError(
        f"{path}: it is an {type(index).__name__}, and codes can be taken out of flat, IVF, hash, "
        "multihash and HNSW only, with or without id map"
    )


def _read_inverted_lists(index: Any) -> _Contents:
    lists, width = index.invlists, index.code_size
    codes, ids = [np.empty((0, width), np.uint8)], [np.empty(0, np.int64)]
    for number in range(index.nlist):
        if n := lists.list_size(number):
            ids.append(faiss.rev_swig_ptr(lists.get_ids(number), n).copy())
            memory = faiss.rev_swig_ptr(lists.get_codes(number), n * width)
            codes.append(memory.reshape(n, width).copy())
    return np.concatenate(codes), np.concatenate(ids)


def _read_hash_lists(index: Any) -> _Contents:
    """Return the contents of an IndexBinaryHash, which Python can reach only in serialised form.

    From index_write.cpp of faiss: a header of 25 bytes, b and nflip; the number of lists, the width
    in bits of their sizes, and those sizes as a vector of bytes; then the ids and the codes of each
    list, both as vectors (length, elements).
    """
    written = memoryview(faiss.serialize_index_binary(index))
    (n_lists,) = struct.unpack_from("<Q", written, 33)
    position = 45

    def next_vector(dtype: str) -> NDArray[Any]:
        nonlocal position
        (n,) = struct.unpack_from("<Q", written, position)
        vector = np.frombuffer(written, dtype, n, position + 8)
        position += 8 + vector.nbytes
        return vector

    next_vector("u1")
    codes, ids = [np.empty(0, np.uint8)], [np.empty(0, np.int64)]
    for _ in range(n_lists):
        ids.append(next_vector("<i8"))
        codes.append(next_vector("u1"))
    return np.concatenate(codes).reshape(-1, index.code_size), np.concatenate(ids)
