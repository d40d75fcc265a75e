"""The self-check: whether this machine's decoders still give the pinned hashes.

A new version of Pillow, libjpeg, PyAV or a plug-in may decode a file to different pixels, so that
its hash differs from the one on a list. The package includes a few small files and ``pinned.json``:
the hash of each picture by algorithm and way of decoding, and the PDQ hash of each frame of a
video.  tests/selfcheck/make_files.py adds the rows of a new decoder or algorithm.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hashmatch.decode import OPTIONAL_DECODERS, find_codecs, read_content
from hashmatch.errors import DecodeError, ErrorKind, HashmatchError
from hashmatch.fingerprint import hash_image, hash_video
from hashmatch.values import Hash

FOLDER = Path(__file__).parent / "_selfcheck"
"""Holds ``pinned.json`` and the folder ``files``."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """The hash of one file when it was pinned, or of its frame at `timestamp_s` if it is a video.

    `decoder` is a name in `find_codecs`; `hex` and `quality` are those of `hashmatch.values.Hash`.
    """

    file: str
    decoder: str
    algorithm: str
    decode: str
    hex: str
    quality: int | None
    timestamp_s: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Comparison of one pinned hash with the hash now.

    `version` is that of the decoder on this machine, None if it is not installed; `distance` is the
    number of bits that differ between the two hashes and `quality` the quality now, or `error` says
    why there is no hash.
    """

    pinned: Pinned
    version: str | None
    distance: int | None = None
    quality: int | None = None
    error: str | None = None

    @property
    def skipped(self) -> bool:
        """True if the decoder is an extra that is not installed, so that nothing could drift."""
        return self.version is None and self.pinned.decoder in OPTIONAL_DECODERS

    @property
    def drifted(self) -> bool:
        """True if the hash or its quality differs from the pinned one, or there is none."""
        is_same = self.distance == 0 and self.quality == self.pinned.quality
        return not (is_same or self.skipped)


def run_selfcheck(folder: Path = FOLDER) -> list[Check]:
    """Hash the files in the package; return a check for each pinned hash, in order.

    Raises
    ------
    HashmatchError
        The folder is missing or damaged.
    """
    versions = find_codecs()
    return [_check(pinned, versions.get(pinned.decoder), folder) for pinned in _read_pins(folder)]


def _read_pins(folder: Path) -> list[Pinned]:
    path = folder / "pinned.json"
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return [Pinned(**row) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise HashmatchError(f"{path}: cannot be read ({error}); install hashmatch again") from None


def _check(pinned: Pinned, version: str | None, folder: Path) -> Check:
    try:
        found = _hash(pinned, folder / "files" / pinned.file)
    except DecodeError as error:
        return Check(pinned, version, error=str(error))
    code = np.frombuffer(bytes.fromhex(pinned.hex), dtype=np.uint8)
    distance = found.distance(Hash(pinned.algorithm, code, pinned.quality))
    return Check(pinned, version, distance, found.quality)


def _hash(pinned: Pinned, path: Path) -> Hash:
    data = read_content(path)
    if pinned.timestamp_s is None:
        return hash_image(data, pinned.algorithm, pinned.decode)
    video = hash_video(data, interval_s=0)
    numbers = np.flatnonzero(video.timestamps_s == pinned.timestamp_s)
    if numbers.size == 0:
        message = video.error or f"no frame at {pinned.timestamp_s:g} s"
        raise DecodeError(message, video.error_kind or ErrorKind.INCOMPLETE)
    return Hash(pinned.algorithm, video.codes[numbers[0]], int(video.qualities[numbers[0]]))
