"""Binary index files of faiss, written and read: codes and ids move in and out.

What a damaged or hostile file does to a reader is faiss's affair, whose files have no checksums:
see `HammingIndex.from_faiss`. Importing this module loads faiss, which takes half a second.
"""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from hashmatch.errors import IndexFormatError
from hashmatch.hamming.faiss_backend import stored_codes
from hashmatch.hamming.storage import MAX_BITS, MIN_BITS

_Read = tuple[NDArray[np.uint8], NDArray[np.int64] | None]

_READABLE = "flat, IVF, hash, multihash and HNSW, with or without id map"


def write(path: Path, codes: NDArray[np.uint8], ids: NDArray[np.int64] | None) -> None:
    """Write codes as IndexBinaryFlat, inside an IndexBinaryIDMap2 where ids are not the rows.

    The file appears under its name once it is whole and synced, readable by its owner only.
    ValueError where an id is -1, with which faiss says that there is none.
    """
    index = flat = faiss.IndexBinaryFlat(8 * codes.shape[1])
    if ids is None or np.array_equal(ids, np.arange(len(codes))):
        index.add(codes)
    elif (ids == -1).any():
        raise ValueError("an id is -1, which means none to faiss; give that code another id first")
    else:
        index = faiss.IndexBinaryIDMap2(flat)
        index.add_with_ids(codes, ids)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            faiss.write_index_binary(index, faiss.PyCallbackIOWriter(file.write))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> _Read:
    """Return the codes in a file, and their ids where they are not the rows.

    Codes come in the order of their ids. IndexFormatError where the file holds what we cannot
    take; OSError where it cannot be opened.
    """
    with path.open("rb") as file:
        kind = file.read(4)
        if not kind.startswith(b"IB"):
            raise IndexFormatError(f"{path}: it is not a binary index of faiss; give one of those")
        file.seek(0)
        try:
            index = faiss.read_index_binary(faiss.PyCallbackIOReader(file.read))
        except RuntimeError as error:
            reason = str(error).rpartition("failed: ")[2]
            raise IndexFormatError(
                f"{path}: faiss cannot read it ({' '.join(reason.split())}); export it again"
            ) from None
    codes, ids = _contents(path, index, index)
    if not MIN_BITS <= 8 * codes.shape[1] <= MAX_BITS:
        raise IndexFormatError(
            f"{path}: its codes are {8 * codes.shape[1]} bits wide, ours {MIN_BITS} to {MAX_BITS}; "
            "export others"
        )
    return _by_id(path, codes, ids)


def _by_id(path: Path, codes: NDArray[np.uint8], ids: NDArray[np.int64] | None) -> _Read:
    if ids is None:
        return codes, None
    order = np.argsort(ids, kind="stable")
    codes, ids = codes[order], ids[order]
    if len(ids) and (repeats := ids[1:][ids[1:] == ids[:-1]]).size:
        raise IndexFormatError(f"{path}: id {repeats[0]} repeats; remove all but one and export it")
    return codes, None if np.array_equal(ids, np.arange(len(ids))) else ids


def _contents(path: Path, owner: Any, index: Any) -> _Read:
    """Return the codes of an index as it stores them, and the ids it gives them.

    `owner` is what to keep alive: a downcast index does not own itself.
    """
    index = faiss.downcast_IndexBinary(index)
    if isinstance(index, faiss.IndexBinaryIDMap):
        codes, rows = _contents(path, owner, index.index)
        ids = faiss.vector_to_array(index.id_map)
        if len(ids) != len(codes):
            raise IndexFormatError(f"{path}: it has {len(ids)} ids for {len(codes)} codes")
        return codes, ids if rows is None else ids[rows]
    if isinstance(index, faiss.IndexBinaryFlat):
        return stored_codes(owner, index), None
    if isinstance(index, faiss.IndexBinaryMultiHash | faiss.IndexBinaryHNSW):
        return stored_codes(owner, index.storage), None
    if isinstance(index, faiss.IndexBinaryIVF):
        return _inverted_lists(index)
    if isinstance(index, faiss.IndexBinaryHash):
        return _hash_lists(index)
    raise IndexFormatError(
        f"{path}: it is an {type(index).__name__}, and codes can be taken out of {_READABLE} only"
    )


def _inverted_lists(index: Any) -> _Read:
    lists, width = index.invlists, index.code_size
    codes, ids = [np.empty((0, width), np.uint8)], [np.empty(0, np.int64)]
    for number in range(index.nlist):
        if n := lists.list_size(number):
            ids.append(faiss.rev_swig_ptr(lists.get_ids(number), n).copy())
            memory = faiss.rev_swig_ptr(lists.get_codes(number), n * width)
            codes.append(memory.reshape(n, width).copy())
    return np.concatenate(codes), np.concatenate(ids)


def _hash_lists(index: Any) -> _Read:
    """Return the contents of an IndexBinaryHash.

    They cannot be reached through Python: they are taken from its serialised form, which is after
    index_write.cpp: a header of 25 bytes, b and nflip; the number of lists, bits of their sizes,
    and those sizes as a vector of bytes; then the ids and codes of each list, both as vectors
    (length, elements).
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
