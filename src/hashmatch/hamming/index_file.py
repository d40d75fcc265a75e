"""Writing and reading the index file that csrc/hamming/FORMAT.md specifies."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from hashmatch._core import Tables
from hashmatch.errors import IndexFormatError
from hashmatch.files import write_file
from hashmatch.hamming.arguments import MAX_BITS, MAX_CODES, MIN_BITS

MAGIC = b"\x89HMI\r\n\x1a\n"
FORMAT_VERSION = 1
ALIGNMENT_BYTES = 4096
MAX_HEADER_BYTES = 1 << 20
BLOCK_CODES = 64
MAX_PLANES = 16
MAX_SUBSTRINGS = 64
MIN_SUBSTRING_BITS, MAX_SUBSTRING_BITS = 8, 22
SKETCH_PADDING = 64
MAX_SKETCHES = 2

# The sections, in the order of the file, and the types of their elements.
_TABLES = {"directory": "u4", "postings": "u4", "sketches": "u2", "sketches2": "u1"}
_DTYPES = {"codes": "u1", "planes": "u1", "ids": "i8", **_TABLES}

_HEX_DIGEST = re.compile("[0-9a-f]{64}")
_PREFIX = struct.Struct("<8sII32s")
_MAX_NUMBER = (1 << 62) - 1
_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class IndexArrays:
    """The arrays of an index, in memory or mapped from a file."""

    algorithm: str | None
    codes: NDArray[np.uint8]  # (n, bits / 8)
    planes: NDArray[np.uint8]  # leading bytes of the codes, byte by byte, in blocks of 64 codes
    ids: NDArray[np.int64] | None  # (n,); None if the id is the row
    tables: Tables | None  # of every substring; None if codes are only scanned

    def sections(self) -> dict[str, memoryview]:
        """Return the bytes of each section, in the order of the file."""
        arrays = {"codes": self.codes, "planes": self.planes, "ids": self.ids}
        arrays |= {name: getattr(self.tables, name, None) for name in _TABLES}
        return {
            name: np.ascontiguousarray(array, f"<{_DTYPES[name]}").reshape(-1).view("u1").data
            for name, array in arrays.items()
            if array is not None
        }


class _Section(NamedTuple):
    name: str
    offset: int
    bytes: int
    sha256: str


class _Layout(NamedTuple):
    substrings: int
    bits: int
    sketches: int


class _Header(NamedTuple):
    """The text of the header, in JSON; the fields of this class are the keys of that JSON."""

    algorithm: str | None
    bits: int
    n: int
    tables: _Layout | None
    sections: list[_Section]


def write(path: Path, arrays: IndexArrays) -> None:
    """Write a complete index file, sync it, and make it readable by its owner only."""
    with write_file(path) as file:
        file.writelines(_chunks(arrays))


def encode(arrays: IndexArrays) -> bytes:
    """Return the bytes that `write` would put into a file."""
    return b"".join(_chunks(arrays))


class IndexFile:
    """The bytes of an index file, and the name of the file for error messages.

    Raises IndexFormatError if the file is not an index, is truncated, has a damaged header, or is
    of another version; only `verify` reads the sections.
    """

    def __init__(self, content: memoryview, name: str) -> None:
        self.name = name
        self._content = content
        self._header_end, self.digest = _check_prefix(name, content)
        self._header = _read_header(name, content[_PREFIX.size : self._header_end])
        _check_sections(name, self._header, self._header_end, len(content))

    def arrays(self, *, huge_pages: bool = False) -> IndexArrays:
        """Return arrays backed by the file's bytes, which are not read yet, or by a copy."""
        content = _copy_to_huge_pages(self._content) if huge_pages else self._content
        header, arrays = self._header, {}
        for name, offset, n_bytes, _ in header.sections:
            dtype = _DTYPES[name]
            n = n_bytes // int(dtype[1])
            array = np.frombuffer(content, f"<{dtype}", n, offset)
            arrays[name] = array.astype(dtype, copy=False)
        codes = arrays.pop("codes").reshape(header.n, header.bits // 8)
        planes, ids = arrays.pop("planes"), arrays.pop("ids", None)
        layout = header.tables
        tables = layout and Tables(layout.substrings, layout.bits, **arrays)
        return IndexArrays(header.algorithm, codes, planes, ids, tables)

    def verify(self) -> None:
        """Read every byte and compare it with the header; IndexFormatError names what differs."""
        end = self._header_end
        for section in self._header.sections:
            if any(self._content[end : section.offset]):
                _refuse(self.name, f"the padding before section {section.name} is damaged")
            end = section.offset + section.bytes
            if _sha256(self._content[section.offset : end]) != section.sha256:
                _refuse(self.name, f"section {section.name} is damaged")


def _chunks(arrays: IndexArrays) -> Iterator[bytes | memoryview]:
    """Yield the bytes of the file in order."""
    sections = arrays.sections()
    header, offsets = _encode_header(arrays, sections)
    yield header
    end = len(header)
    for content, offset in zip(sections.values(), offsets, strict=True):
        yield bytes(offset - end)
        yield content
        end = offset + len(content)


def _encode_header(arrays: IndexArrays, contents: dict[str, memoryview]) -> tuple[bytes, list[int]]:
    """Return the header (its prefix and its text), and the offset of each section.

    The text holds the offsets, which depend on its length: the header grows until the text fits.
    """
    n, n_code_bytes = arrays.codes.shape
    layout: dict[str, int] | None = None
    if (tables := arrays.tables) is not None:
        n_sketches = 1 if tables.sketches2 is None else 2
        layout = _Layout(tables.n_substrings, tables.substring_bits, n_sketches)._asdict()
    header = {"algorithm": arrays.algorithm, "bits": 8 * n_code_bytes, "n": n, "tables": layout}
    digests = {name: _sha256(content) for name, content in contents.items()}
    first = ALIGNMENT_BYTES
    while True:
        sections, offset = [], first
        for name, content in contents.items():
            sections.append(_Section(name, offset, len(content), digests[name]))
            offset = -(-(offset + len(content)) // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        plain = {"sections": [section._asdict() for section in sections]}
        text = json.dumps(header | plain, separators=(",", ":")).encode()
        if _PREFIX.size + len(text) <= first:
            return _sign(text) + text, [section.offset for section in sections]
        first += ALIGNMENT_BYTES


def _sign(text: bytes | memoryview) -> bytes:
    """Return the prefix that precedes a header text and holds its checksum."""
    digest = hashlib.sha256(_PREFIX.pack(MAGIC, FORMAT_VERSION, len(text), bytes(32)))
    digest.update(text)
    return _PREFIX.pack(MAGIC, FORMAT_VERSION, len(text), digest.digest())


def _check_prefix(name: str, content: memoryview) -> tuple[int, bytes]:
    """Check magic, version and header checksum; return the text's end and the checksum."""
    if len(content) < _PREFIX.size:
        _refuse(name, f"it has {len(content)} bytes, too few for a header")
    magic, version, n_text_bytes, digest = _PREFIX.unpack_from(content)
    if magic != MAGIC:
        _refuse(name, "it is not a hashmatch index")
    if version != FORMAT_VERSION:
        raise IndexFormatError(
            f"{name}: its format is version {version}, this hashmatch reads version "
            f"{FORMAT_VERSION}; upgrade hashmatch or rebuild the index"
        )
    end = _PREFIX.size + n_text_bytes
    if n_text_bytes > MAX_HEADER_BYTES or end > len(content):
        _refuse(name, "its header is truncated or damaged")
    if _sign(content[_PREFIX.size : end]) != content[: _PREFIX.size]:
        _refuse(name, "its header is damaged")
    return end, digest


def _read_header(name: str, text: memoryview) -> _Header:
    """Parse a header whose checksum is right; its fields may still be wrong."""
    try:
        fields = json.loads(str(text, "utf-8"))
        layout = None if fields["tables"] is None else _Layout(**fields["tables"])
        sections = [_Section(**section) for section in fields["sections"]]
        header = _Header(**fields | {"tables": layout, "sections": sections})
        hex_digests = [_HEX_DIGEST.fullmatch(section.sha256) for section in sections]
    except (KeyError, TypeError, ValueError, RecursionError):
        _refuse(name, "its header has missing, unknown or invalid fields")
    layout = layout or _Layout(1, MIN_SUBSTRING_BITS, 1)
    numbers = [header.n, header.bits, *layout]
    numbers += [number for section in sections for number in (section.offset, section.bytes)]
    is_possible = (
        all(type(number) is int and 0 <= number <= _MAX_NUMBER for number in numbers)
        and isinstance(header.algorithm, str | None)
        and header.n <= MAX_CODES
        and header.bits % 8 == 0
        and MIN_BITS <= header.bits <= MAX_BITS
        and 1 <= layout.substrings <= MAX_SUBSTRINGS
        and MIN_SUBSTRING_BITS <= layout.bits <= MAX_SUBSTRING_BITS
        and layout.substrings * layout.bits <= header.bits
        and 1 <= layout.sketches <= MAX_SKETCHES
        and all(hex_digests)
    )
    if not is_possible:
        _refuse(name, "its header describes an impossible index")
    return header


def _check_sections(name: str, header: _Header, header_end: int, size: int) -> None:
    n, n_code_bytes = header.n, header.bits // 8
    n_filled = -(-n // BLOCK_CODES) * BLOCK_CODES
    sizes = {"codes": n * n_code_bytes, "planes": n_filled * min(n_code_bytes, MAX_PLANES)}
    if any(section.name == "ids" for section in header.sections):
        sizes["ids"] = 8 * n
    if (layout := header.tables) is not None:
        n_postings = layout.substrings * n
        sizes["directory"] = 4 * layout.substrings * ((1 << layout.bits) + 1)
        sizes["postings"] = 4 * n_postings
        sizes["sketches"] = 2 * (n_postings + SKETCH_PADDING)
        if layout.sketches > 1:
            sizes["sketches2"] = n_postings
    if [section.name for section in header.sections] != list(sizes):
        _refuse(name, f"its sections are not {', '.join(sizes)}, in this order")
    end = header_end
    for section in header.sections:
        if section.bytes != (n_bytes := sizes[section.name]):
            _refuse(name, f"section {section.name} has {section.bytes} bytes, not {n_bytes}")
        if section.offset < end or section.offset % ALIGNMENT_BYTES:
            _refuse(name, f"section {section.name} begins at an impossible offset")
        end = section.offset + section.bytes
    if size != end:
        _refuse(name, f"it has {size} bytes, but its header says {end}")


def _refuse(name: str, reason: str) -> NoReturn:
    raise IndexFormatError(f"{name}: {reason}; rebuild the index")


def _copy_to_huge_pages(content: memoryview) -> memoryview:
    """Copy bytes into anonymous memory, in huge pages where the system grants them."""
    copy = mmap.mmap(-1, len(content))
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without them serves small pages
            copy.madvise(mmap.MADV_HUGEPAGE)
    copy[:] = content
    return memoryview(copy).toreadonly()


def _sha256(view: memoryview) -> str:
    digest = hashlib.sha256()
    for start in range(0, len(view), _CHUNK_BYTES):
        digest.update(view[start : start + _CHUNK_BYTES])
    return digest.hexdigest()
