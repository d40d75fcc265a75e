"""vPDQ text: the hashes of one video, ``frame,quality,hex,timestamp``, a frame a line.

Written by ThreatExchange's vPDQ and read here strictly. Time stamps are written with all the digits
they need to be read again as the same float, and with at least three decimals, so that a file of
vPDQ's own, which has three, is written again byte for byte.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_format import Confidence
from hashmatch.lists.list_reading import ListFile, ListReading
from hashmatch.values import VideoHash

_SUFFIX = ".txt"
_INNER_SUFFIX = ".vpdq"
_MIN_QUALITY = 50  # vPDQ leaves frames of lower quality out of its matching
_LINE = re.compile(
    r"(?P<frame>\d{1,18}),(?P<quality>100|\d{1,2}),(?P<hex>[0-9a-fA-F]{64}),(?P<time>\d{1,15}(\.\d{1,30})?)",
    re.ASCII,
)
_CODE_BYTES = 32


def read_vpdq(path: str | os.PathLike[str]) -> VideoHash:
    """Read the hashes of a video.

    Parameters
    ----------
    path : path-like
        The file; blank lines are skipped.

    Returns
    -------
    VideoHash
        Its `error` is None: the text does not say whether the video was whole.

    Raises
    ------
    HashListError
        The file cannot be read, is not such text, or has no frame; frames or times run
        backward. Names the file and the row, counted from 1, never a hash.
    """
    file = ListFile(Path(path), ListReading())
    try:
        lines = file.path.read_bytes().splitlines()
    except OSError as error:
        raise file.error(f"cannot be read: {error.strerror or type(error).__name__}") from None
    frames = list(_parse(lines, file))
    codes = bytes.fromhex("".join(frame.digits for frame in frames))
    return VideoHash(
        codes=np.frombuffer(codes, np.uint8).reshape(-1, _CODE_BYTES),
        qualities=np.array([int(frame.quality) for frame in frames], np.int16),
        frames=np.array([int(frame.number) for frame in frames], np.int64),
        timestamps_s=np.array([float(frame.time_s) for frame in frames], np.float64),
    )


def vpdq_lines(video: VideoHash) -> Iterator[str]:
    """Yield the lines of a video's hashes, each with its line feed.

    The text has no place for `error`: report beside it that a video was not decoded whole.
    """
    rows = zip(
        video.frames.tolist(),
        video.qualities.tolist(),
        video.codes,
        video.timestamps_s.tolist(),
        strict=True,
    )
    for frame, quality, code, time_s in rows:
        yield f"{frame},{quality},{code.tobytes().hex()},{_format_decimal(time_s)}\n"


class Vpdq:
    """vPDQ text as a list format: a file is a video and one entry, each frame a row of it."""

    name = "vpdq"
    suffixes = (_SUFFIX,)

    def matches(self, head: bytes) -> Confidence:
        """Return CERTAIN if the first line is a frame."""
        line = head.lstrip().partition(b"\n")[0]
        return Confidence.CERTAIN if _match_line(line) else Confidence.NO

    def entry_id_of(self, name: str) -> str:
        """Return the name of a file without ``.txt`` or ``.vpdq.txt``."""
        stem = name[: -len(_SUFFIX)] if name.lower().endswith(_SUFFIX) else name
        return stem[: -len(_INNER_SUFFIX)] if stem.lower().endswith(_INNER_SUFFIX) else stem

    def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
        """Yield the frames that have the quality asked for; holds the file in memory.

        HashListError if the text is not as `read_vpdq` wants it, or no frame is good enough: the
        video would be on the list and never match.
        """
        reading = file.reading
        min_quality = _MIN_QUALITY if reading.min_quality is None else reading.min_quality
        every = list(_parse(stream.read().splitlines(), file))
        frames = [frame for frame in every if int(frame.quality) >= min_quality]
        if not frames:
            raise file.error(
                f"no frame of quality {min_quality} or more; leave the video out, or ask for a "
                "lower min_quality"
            )
        entry_id = reading.entry_id or self.entry_id_of(file.path.name)
        if not _is_utf8(entry_id):
            raise file.error("its name is not UTF-8; rename it, or say which entry_id it is")
        n_rows = len(frames)
        text = {
            "hash": [frame.digits for frame in frames],
            "entry_id": [entry_id] * n_rows,
            "algorithm": ["pdq"] * n_rows,
            "media_type": ["video"] * n_rows,
            "quality": [frame.quality for frame in frames],
            "timestamp_s": [frame.time_s for frame in frames],
        }
        yield RawRows(
            numbers=pa.array([frame.row for frame in frames], pa.int64()),
            text={name: pa.array(cells, pa.string()) for name, cells in text.items()},
            labels=None,
            record=pa.array([frame.record for frame in frames], pa.string()),
            n_left_out=len(every) - n_rows,
        )


class _Frame(NamedTuple):
    """One line, its parts as it has them; `row` counts lines from 1."""

    row: int
    number: str
    quality: str
    digits: str
    time_s: str

    @property
    def record(self) -> str:
        """The line as a JSON object."""
        return json.dumps(
            {
                "frame": self.number,
                "quality": self.quality,
                "hash": self.digits,
                "timestamp": self.time_s,
            }
        )


def _parse(lines: Iterable[bytes], file: ListFile) -> Iterator[_Frame]:
    before: _Frame | None = None
    for row, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        parts = _match_line(line)
        if parts is None:
            raise file.error("expected frame,quality,64 hex digits,seconds", row=row)
        frame = _Frame(row, parts["frame"], parts["quality"], parts["hex"], parts["time"])
        if before is not None and int(frame.number) <= int(before.number):
            raise file.error("frame numbers must increase", row=row)
        if before is not None and float(frame.time_s) < float(before.time_s):
            raise file.error("time runs backward", row=row)
        yield frame
        before = frame
    if before is None:
        raise file.error("no frame in it; expected lines of frame,quality,hash,seconds")


def _match_line(line: bytes) -> re.Match[str] | None:
    return _LINE.fullmatch(line.strip().decode("ascii", "replace"))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _format_decimal(time_s: float) -> str:
    """Return the shortest text that reads as the same float, three decimals at least."""
    whole, _, decimals = f"{Decimal(repr(time_s)):f}".partition(".")
    return f"{whole}.{decimals:<03}"


VPDQ = Vpdq()
