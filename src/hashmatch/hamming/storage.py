"""An index as a file: the bytes that csrc/hamming/FORMAT.md specifies, written and read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import re
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from hashmatch._core import Tables
from hashmatch.errors import IndexFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x89HMX\r\n\x1a\n"
FORMAT_VERSION = 3
READABLE_VERSIONS = (1, 2, 3)
ALIGNMENT_BYTES = 4096
MAX_HEADER_BYTES = 1 << 20
MIN_BITS, MAX_BITS = 64, 512
MAX_CODES = (1 << 32) - 1
BLOCK_CODES = 64
MAX_PLANES = 16
MAX_PARTS = 64
MIN_PART_BITS, MAX_PART_BITS = 8, 22
SKETCH_PADDING = 64
MAX_SKETCHES = 2

_PREFIX = struct.Struct("<8sII32s")
_HEADER_KEYS = {
    1: {"algorithm", "bits", "n", "sections"},
    2: {"algorithm", "bits", "n", "parts", "sections"},
    3: {"algorithm", "bits", "n", "parts", "sections"},
}
_PARTS_KEYS = {2: {"count", "bits"}, 3: {"count", "bits", "sketches"}}
_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Parts:
    """What an index consists of, in memory or mapped from a file.

    Attributes
    ----------
    algorithm : str or None
    codes : ndarray of uint8, shape (n, bits / 8)
    planes : ndarray of uint8, shape (blocks * planes * 64,)
        Leading bytes of the codes, byte by byte within blocks of 64 codes.
    ids : ndarray of int64, shape (n,), or None
        None where the id is the row.
    tables : Tables or None
        Directory, postings and sketches (one or two a posting) of every part; None where codes are
        only scanned.
    """

    algorithm: str | None
    codes: NDArray[np.uint8]
    planes: NDArray[np.uint8]
    ids: NDArray[np.int64] | None
    tables: Tables | None

    def sections(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield each section's name and bytes in the order of the file."""
        yield "codes", self.codes
        yield "planes", self.planes
        if self.ids is not None:
            yield "ids", self.ids.astype("<i8", copy=False)
        if self.tables is not None:
            yield "directory", self.tables.directory.astype("<u4", copy=False)
            yield "postings", self.tables.postings.astype("<u4", copy=False)
            yield "sketches", self.tables.sketches.astype("<u2", copy=False)
            if self.tables.sketches2 is not None:
                yield "sketches2", self.tables.sketches2

    def layout(self) -> dict[str, int] | None:
        """Return what the header states of the parts: number, width, sketches a posting."""
        if self.tables is None:
            return None
        n_sketches = 1 if self.tables.sketches2 is None else 2
        return {
            "count": self.tables.n_substrings,
            "bits": self.tables.substring_bits,
            "sketches": n_sketches,
        }


def write(path: Path, parts: Parts) -> None:
    """Write the file under a temporary name, sync it, rename it over `path`, sync the folder."""
    header, offsets, end = _laid_out(parts)
    descriptor, temporary = tempfile.mkstemp(prefix=".hashmatch-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)  # whatever the umask takes away
            file.write(header)
            for (_, array), offset in zip(parts.sections(), offsets, strict=True):
                file.seek(offset)
                file.write(_bytes(array))
            file.truncate(end)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    _sync_folder(path.parent)


class StoredIndex:
    """A saved index, memory-mapped; its header is checked on opening, its sections by `verify`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _PREFIX.size:
                _refuse(path, f"it has {size} bytes, too few for a header")
            self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.version, n_text_bytes = _checked_prefix(path, self._mapped)
        self._header_end = _PREFIX.size + n_text_bytes
        self._header = _parsed_header(
            path, self.version, self._mapped[_PREFIX.size : self._header_end]
        )
        _check_sections(path, self._header, self._header_end, size)

    def parts(self, *, huge_pages: bool = False) -> Parts:
        """Return the sections as arrays over the mapping, unread, or over a copy of it."""
        memory = _in_huge_pages(self._mapped) if huge_pages else self._mapped
        arrays = {
            name: np.frombuffer(memory, np.uint8, section.n_bytes, section.offset)
            for name, section in self._header.sections.items()
        }
        codes = arrays["codes"].reshape(self._header.n, self._header.bits // 8)
        ids = arrays["ids"].view("<i8").astype(np.int64, copy=False) if "ids" in arrays else None
        tables = None
        if self._header.n_parts:
            tables = Tables(
                self._header.n_parts,
                self._header.part_bits,
                arrays["directory"].view("<u4").astype(np.uint32, copy=False),
                arrays["postings"].view("<u4").astype(np.uint32, copy=False),
                arrays["sketches"].view("<u2").astype(np.uint16, copy=False),
                arrays.get("sketches2"),
            )
        return Parts(self._header.algorithm, codes, arrays["planes"], ids, tables)

    def verify(self) -> None:
        """Read every byte and compare it with what the header vouches for."""
        view = memoryview(self._mapped)
        end = self._header_end
        for name, section in self._header.sections.items():
            if any(view[end : section.offset]):
                _refuse(self._path, f"the padding before section {name} is damaged")
            end = section.offset + section.n_bytes
            if _sha256(view[section.offset : end]) != section.sha256:
                _refuse(self._path, f"section {name} is damaged")


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    offset: int
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Header:
    algorithm: str | None
    bits: int
    n: int
    n_parts: int  # 0 where there are no tables
    part_bits: int
    n_sketches: int
    sections: dict[str, _Section]  # in the order of the file


def _section_sizes(header: _Header) -> dict[str, int]:
    """Return the sections a header implies, in order, with their sizes in bytes."""
    n, n_code_bytes = header.n, header.bits // 8
    n_blocks = -(-n // BLOCK_CODES)
    sizes = {
        "codes": n * n_code_bytes,
        "planes": n_blocks * min(n_code_bytes, MAX_PLANES) * BLOCK_CODES,
    }
    if "ids" in header.sections:
        sizes["ids"] = 8 * n
    if header.n_parts:
        sizes["directory"] = 4 * header.n_parts * ((1 << header.part_bits) + 1)
        sizes["postings"] = 4 * header.n_parts * n
        sizes["sketches"] = 2 * (header.n_parts * n + SKETCH_PADDING)
        if header.n_sketches > 1:
            sizes["sketches2"] = header.n_parts * n
    return sizes


def _laid_out(parts: Parts) -> tuple[bytes, list[int], int]:
    """Return the header's bytes, the offset of each section, and the size of the file.

    The offsets stand in the header and depend on its length, so room is set aside first.
    """
    described = [(name, array.nbytes, _sha256(_bytes(array))) for name, array in parts.sections()]
    n, n_code_bytes = parts.codes.shape
    first = end = ALIGNMENT_BYTES
    while True:
        offsets = []
        position = first
        for _, n_bytes, _ in described:
            offsets.append(position)
            end = position + n_bytes
            position = -(-end // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        sections = [
            {"name": name, "offset": offset, "bytes": n_bytes, "sha256": digest}
            for offset, (name, n_bytes, digest) in zip(offsets, described, strict=True)
        ]
        fields = {
            "algorithm": parts.algorithm,
            "bits": 8 * n_code_bytes,
            "n": n,
            "parts": parts.layout(),
            "sections": sections,
        }
        text = json.dumps(fields, separators=(",", ":")).encode()
        if _PREFIX.size + len(text) <= first:
            break
        first += ALIGNMENT_BYTES
    digest = hashlib.sha256(_PREFIX.pack(MAGIC, FORMAT_VERSION, len(text), bytes(32)) + text)
    header = _PREFIX.pack(MAGIC, FORMAT_VERSION, len(text), digest.digest()) + text
    return header, offsets, end


def _checked_prefix(path: Path, mapped: mmap.mmap) -> tuple[int, int]:
    """Return version and length of the header's text, once magic, version and checksum hold."""
    magic, version, n_text_bytes, digest = _PREFIX.unpack_from(mapped)
    if magic != MAGIC:
        _refuse(path, "it is not a hashmatch index")
    if version not in READABLE_VERSIONS:
        raise IndexFormatError(
            f"{path}: its format is version {version}, this hashmatch reads versions up to "
            f"{FORMAT_VERSION}; upgrade hashmatch or rebuild the index"
        )
    if n_text_bytes > min(MAX_HEADER_BYTES, len(mapped) - _PREFIX.size):
        _refuse(path, "its header is truncated or damaged")
    text = mapped[_PREFIX.size : _PREFIX.size + n_text_bytes]
    unsigned = _PREFIX.pack(magic, version, n_text_bytes, bytes(32))
    if hashlib.sha256(unsigned + text).digest() != digest:
        _refuse(path, "its header is damaged")
    return int(version), int(n_text_bytes)


def _parsed_header(path: Path, version: int, text: bytes) -> _Header:
    """Parse a header whose checksum holds; a foreign writer may still have put nonsense in it."""
    try:
        fields = json.loads(text)
        if fields.keys() != _HEADER_KEYS[version]:
            _refuse(path, "its header lacks what an index needs, or holds more")
        layout = fields.get("parts")  # none in version 1
        if layout is None:
            layout = {"count": 0, "bits": 0}
        elif layout.keys() != _PARTS_KEYS[version] or layout["count"] == 0:
            _refuse(path, "its header lacks what an index needs, or holds more")
        sections = [_parsed_section(section) for section in fields["sections"]]
        header = _Header(
            fields["algorithm"],
            fields["bits"],
            fields["n"],
            layout["count"],
            layout["bits"],
            layout.get("sketches", 1),  # version 2 has one
            {section.name: section for section in sections},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        _refuse(path, "its header lacks what an index needs, or holds more")
    numbers = [header.bits, header.n, header.n_parts, header.part_bits, header.n_sketches]
    for section in sections:
        numbers += [section.offset, section.n_bytes]
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        _refuse(path, "its header holds impossible numbers")
    if not _is_possible(header) or len(header.sections) != len(sections):
        _refuse(path, "its header holds what no index can have")
    return header


def _parsed_section(fields: dict[str, Any]) -> _Section:
    if fields.keys() != {"name", "offset", "bytes", "sha256"}:
        raise ValueError("a section has other keys")
    if not re.fullmatch("[0-9a-f]{64}", fields["sha256"]):
        raise ValueError("a checksum is none")
    return _Section(fields["name"], fields["offset"], fields["bytes"], fields["sha256"])


def _is_possible(header: _Header) -> bool:
    codes = header.n <= MAX_CODES and header.bits % 8 == 0 and MIN_BITS <= header.bits <= MAX_BITS
    parts = header.n_parts == 0 or (
        header.n_parts <= MAX_PARTS
        and MIN_PART_BITS <= header.part_bits <= MAX_PART_BITS
        and header.n_parts * header.part_bits <= header.bits
        and 1 <= header.n_sketches <= MAX_SKETCHES
    )
    return codes and parts and (header.algorithm is None or isinstance(header.algorithm, str))


def _check_sections(path: Path, header: _Header, header_end: int, size: int) -> None:
    expected = _section_sizes(header)
    if list(header.sections) != list(expected):
        _refuse(path, f"its sections are {list(header.sections)}, not {list(expected)}")
    end = header_end
    for name, section in header.sections.items():
        if section.n_bytes != expected[name]:
            _refuse(path, f"section {name} has {section.n_bytes} bytes, not {expected[name]}")
        if section.offset < end or section.offset % ALIGNMENT_BYTES:
            _refuse(path, f"section {name} begins at an impossible place")
        end = section.offset + section.n_bytes
    if size != end:
        _refuse(path, f"it has {size} bytes where its header says {end}; it is cut or overlong")


def _refuse(path: Path, reason: str) -> NoReturn:
    raise IndexFormatError(f"{path}: {reason}; rebuild the index")


def _in_huge_pages(mapped: mmap.mmap) -> mmap.mmap:
    """Copy a mapping into anonymous memory for which huge pages are asked."""
    copy = mmap.mmap(-1, len(mapped))
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without them serves small pages
            copy.madvise(mmap.MADV_HUGEPAGE)
    copy[:] = memoryview(mapped)
    return copy


def _bytes(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _sha256(view: memoryview) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(view), _CHUNK_BYTES):
        digest.update(view[start : start + _CHUNK_BYTES])
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
