"""Fuzz target of the index file reader: whatever the bytes, a file is refused or can be searched.

Damages valid files in many ways, with fresh checksums over the header so that the reader goes on,
then opens and searches them with every strategy. `make fuzz` runs it for long, on native code built
with AddressSanitizer; the tests run it for a few hundred files.

    python tests/hamming/fuzz_reader.py --seconds 3600 --seed 7

The seed and the number of a file make its bytes: `--seed 7 --first 1234 --files 1` repeats one.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashmatch import _core
from hashmatch.errors import IndexFormatError
from hashmatch.hamming import HammingIndex, index_file

MAGIC = b"\x89HMI\r\n\x1a\n"
SAVED = [Path(__file__).parent / "data" / name for name in ("example.hmi", "tables.hmi")]
HANGS_AFTER_S = 60
STRATEGIES = tuple(_core.Strategy)  # this program runs without the other test modules
LAYOUTS = [None, (1, 8), (4, 8), (16, 8), (7, 9), (16, 12)]  # number of substrings, their bits
ODD_VALUES: list[Any] = [None, True, 0.5, "codes", [], {}, "0" * 64]
NUMBERS = [-1, 0, 1, 2, 5, 63, 64, 65, 255, 256, 4095, 4096, 8192, 1 << 16, 1 << 20]
NUMBERS += [(1 << bits) + more for bits in (31, 32, 62, 63, 64) for more in (-1, 0, 1)]


def refused(path: Path, *, verify: bool = False) -> bool:
    """Return whether the file is refused; any other exception passes."""
    try:
        HammingIndex.open(path, verify=verify)
    except IndexFormatError as error:
        message = str(error)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        assert len(message) < len(str(path)) + 500
        return True
    return False


def sign(text: bytes, version: int = 1) -> bytes:
    """Return a header that holds `text`, with a correct checksum."""
    unsigned = MAGIC + struct.pack("<II", version, len(text))
    return unsigned + hashlib.sha256(unsigned + bytes(32) + text).digest() + text


def header_of(data: bytes) -> dict[str, Any]:
    n_text = struct.unpack_from("<I", data, 12)[0]
    header: dict[str, Any] = json.loads(data[48 : 48 + n_text])
    return header


def crafted(data: bytes, header: Any, size: int | None = None) -> bytes:
    """Return the file with another header."""
    signed = sign(header if isinstance(header, bytes) else json.dumps(header).encode())
    whole = signed + data[len(signed) :]
    return whole if size is None else whole[:size].ljust(size, b"\0")


def use(index: HammingIndex) -> None:
    """Search with every strategy: results have the right shape, and distances are true."""
    n, bits = len(index), index.bits
    queries = np.zeros((5, bits // 8), dtype=np.uint8)
    queries[1:] = np.frombuffer(np.random.default_rng(n).bytes(4 * bits // 8), np.uint8).reshape(
        4, -1
    )
    queries[1 : 1 + min(n, 2)] = index.codes[:2]
    has_ids = index.ids is not None
    for radius in (0, bits // 8, bits // 3, bits):
        assert index.plan(radius, 10).radius == radius
        strategies = [*STRATEGIES, None] if n <= 5000 else [None]
        for strategy in strategies:
            offsets, ids, distances = index._native.search(queries, radius, 2, strategy)
            assert offsets[0] == 0
            assert (np.diff(offsets) >= 0).all()
            assert offsets[-1] == len(ids) == len(distances)
            assert ((distances >= 0) & (distances <= radius)).all()
            if not has_ids:
                asked = np.repeat(queries, np.diff(offsets), axis=0)
                differing = np.bitwise_count(index.codes[ids] ^ asked)
                assert (differing.sum(axis=1, dtype=np.int64) == distances).all()
    assert index.nearest(queries, 4)[0].shape == (5, 4)
    assert index.scan_constant_time(queries, bits // 8).shape == (5, -(-n // 8))
    a, b, distances = index.join(bits // 8, threads=2)
    assert len(a) == len(b) == len(distances)


def valid_file(rng: np.random.Generator, folder: Path) -> bytes:
    """Return the bytes of some valid file."""
    if rng.random() < 0.15:
        return SAVED[rng.integers(len(SAVED))].read_bytes()
    n = int(rng.choice([0, 1, 2, 63, 64, 65, 300, 2049]))
    n_bytes = int(rng.choice([8, 16, 32, 33, 64]))
    codes = rng.integers(0, 256, (n, n_bytes), dtype=np.uint8)
    codes[n // 2 :] = codes[: n - n // 2]
    layout = LAYOUTS[rng.integers(len(LAYOUTS))]
    tables = None
    if layout is not None and n > 0 and layout[0] * layout[1] <= 8 * n_bytes:
        tables = _core.build_tables(codes, 1, layout, bool(rng.integers(2)))
    ids = rng.permutation(2 * n)[:n] - n if rng.random() < 0.5 else None
    path = folder / "valid.hmi"
    planes = _core.pack_planes(codes)
    index_file.write(path, index_file.IndexArrays("pdq", codes, planes, ids, tables))
    return path.read_bytes()


def with_other_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    """Damage bytes anywhere, mostly behind the header."""
    changed = bytearray(data)
    first = 0 if rng.random() < 0.2 else min(4096, len(data) - 1)
    for _ in range(rng.integers(1, 40)):
        at = int(rng.integers(first, len(data)))
        length = int(rng.choice([1, 4, 8, 300]))
        noise = [rng.bytes(length), bytes(length), b"\xff" * length][rng.integers(3)]
        changed[at : at + length] = noise[: len(data) - at]
    return bytes(changed)


def with_other_size(rng: np.random.Generator, data: bytes) -> bytes:
    n = len(data)
    size = int(rng.choice([0, 47, 48, 4096, n - 1, n + 1, int(rng.integers(n))]))
    return data[:size].ljust(size, b"\0")


def with_other_header(rng: np.random.Generator, data: bytes) -> bytes:
    """Change what the header says, not the sections, and sign it."""
    header = header_of(data)
    places = [header, *header["sections"], *([header["tables"]] if header["tables"] else [])]
    for _ in range(rng.integers(1, 3)):
        place = places[rng.integers(len(places))]
        key = sorted(place)[rng.integers(len(place))]
        choice = rng.integers(6)
        if choice == 0:
            place.pop(key)
        elif choice == 1:
            header["sections"] = places[1:][::-1]
        elif choice == 2:
            place[key] = ODD_VALUES[rng.integers(len(ODD_VALUES))]
        elif isinstance(place[key], int):
            place[key] += int(rng.choice([-4096, -8, -1, 1, 8, 4096]))
        else:
            place[key] = NUMBERS[rng.integers(len(NUMBERS))]
    return crafted(data, header)


def with_other_layout(rng: np.random.Generator, data: bytes) -> bytes:
    """Describe the file as another index of about the same size: consistent, but wrong."""
    n = int(rng.choice([0, 1, 2, 63, 64, 65, 500, 2049]))
    bits = int(rng.choice([64, 72, 128, 256, 264, 512]))
    count = int(rng.choice([0, 1, 3, 16, 64]))
    substring_bits = int(rng.choice([8, 9, 12, 16]))
    has_tables = 0 < count * substring_bits <= bits
    sizes = {"codes": n * bits // 8, "planes": -(-n // 64) * min(bits // 8, 16) * 64}
    if rng.random() < 0.5:
        sizes["ids"] = 8 * n
    if has_tables:
        sizes["directory"] = 4 * count * ((1 << substring_bits) + 1)
        sizes |= {"postings": 4 * count * n, "sketches": 2 * (count * n + 64)}
    n_sketches = int(rng.choice([1, 2]))
    if has_tables and n_sketches == 2:
        sizes["sketches2"] = count * n
    sections, end = [], 4096
    for name, n_bytes in sizes.items():
        offset = -(-end // 4096) * 4096
        sections.append({"name": name, "offset": offset, "bytes": n_bytes, "sha256": "0" * 64})
        end = offset + n_bytes
    layout = {"substrings": count, "bits": substring_bits, "sketches": n_sketches}
    fields = {"algorithm": None, "bits": bits, "n": n, "tables": layout if has_tables else None}
    header = fields | {"sections": sections}
    body = (data[4096:] or bytes(1)) * (end // max(1, len(data) - 4096) + 1)
    return sign(json.dumps(header).encode()).ljust(4096, b"\0") + body[: end - 4096]


def with_other_values(rng: np.random.Generator, data: bytes) -> bytes:
    """Put values into ids and tables that no writer produces."""
    header, changed = header_of(data), bytearray(data)
    n = header["n"]
    for section in header["sections"]:
        kind = {"ids": "<i8", "directory": "<u4", "postings": "<u4", "sketches": "<u2"}.get(
            section["name"], "u1"
        )
        values: NDArray[Any] = np.frombuffer(
            changed, kind, section["bytes"] // int(kind[-1]), section["offset"]
        )
        if len(values) == 0 or rng.random() < 0.4:
            continue
        limits = np.iinfo(kind)
        odd = [0, 1, n - 1, n, n + 1, n // 2, limits.max, limits.min, limits.max // 2]
        odd = [value for value in odd if limits.min <= value <= limits.max]
        choice = rng.integers(5)
        if choice == 0:
            values[:] = rng.choice(odd, len(values))
        elif choice == 1:
            values[:] = odd[rng.integers(len(odd))]
        elif choice == 2:
            values[:] = values[::-1].copy()
        elif choice == 3:
            values[1::2] = n & limits.max
            values[::2] = 0
        else:
            values[rng.integers(0, len(values), 30)] = rng.choice(odd, 30)
    return bytes(changed)


WOUNDS = (
    with_other_bytes,
    with_other_size,
    with_other_header,
    with_other_layout,
    with_other_values,
)


def try_one(seed: int, number: int, folder: Path) -> tuple[str, bool]:
    """Make one file and use it; return what was done to it and whether it was opened."""
    rng = np.random.default_rng([seed, number])
    wound = WOUNDS[number % len(WOUNDS)]
    path = folder / "fuzzed.hmi"
    path.write_bytes(wound(rng, valid_file(rng, folder)))
    refused(path, verify=True)
    is_open = not refused(path)
    if is_open:
        use(HammingIndex.open(path, huge_pages=number % 2 == 0))
    return wound.__name__, is_open


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long to run")
    parser.add_argument("--files", type=int, help="number of files, whatever time they take")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    n_files, opened = 0, dict.fromkeys((wound.__name__ for wound in WOUNDS), 0)
    with tempfile.TemporaryDirectory() as folder:
        for number in itertools.count(given.first):
            if n_files == given.files or (given.files is None and time.monotonic() > end):
                break
            signal.setitimer(signal.ITIMER_PROF, HANGS_AFTER_S)  # of work; then the process ends
            try:
                name, is_open = try_one(given.seed, number, Path(folder))
            except BaseException:
                print(
                    f"repeat with --seed {given.seed} --first {number} --files 1", file=sys.stderr
                )
                raise
            n_files += 1
            opened[name] += is_open
    signal.setitimer(signal.ITIMER_PROF, 0)
    counts = ", ".join(f"{count} {name}" for name, count in opened.items())
    print(f"seed {given.seed}: {n_files} files refused or searched; opened: {counts}")


if __name__ == "__main__":
    main()
