"""vPDQ text: the hashes of one video, ``frame,quality,hex,timestamp``, one frame per line.

The format of ThreatExchange's vPDQ, read strictly. Time stamps are written with enough digits to be
read back as the same float, and with at least three decimals, so that a file from vPDQ, which has
three, is reproduced byte for byte.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from hashmatch.lists.arrow_text import Column
from hashmatch.lists.canonical import RawRows
from hashmatch.lists.list_format import Confidence
from hashmatch.lists.list_reading import ListFile, ListReading
from hashmatch.values import VideoHash

_MIN_QUALITY = 50  # vPDQ leaves frames of lower quality out of its matching
_LINE = re.compile(
    r"(?P<frame>\d{1,18}),(?P<quality>100|\d{1,2}),(?P<hash>[0-9a-fA-F]{64})"
    r",(?P<timestamp>\d{1,15}(\.\d{1,30})?)",
    re.ASCII,
)


def read_vpdq(path: str | os.PathLike[str]) -> VideoHash:
    """Read the hashes of a video.

    Blank lines and a byte order mark are skipped. The `error` of the result is None: the text does
    not say whether the video was complete. HashListError if the file cannot be read, is not vPDQ
    text, has no frame, or if frames or times run backward; it names the file and the row (from 1),
    never a hash.
    """
    file = ListFile(Path(path), ListReading())
    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise file.error(f"cannot be read: {error.strerror or type(error).__name__}") from None
    frames = [cells for _, cells in _parse(data, file)]
    codes = bytes.fromhex("".join(cells["hash"] for cells in frames))
    return VideoHash(
        codes=np.frombuffer(codes, np.uint8).reshape(len(frames), -1),
        qualities=np.array([int(cells["quality"]) for cells in frames], np.int16),
        frames=np.array([int(cells["frame"]) for cells in frames], np.int64),
        timestamps_s=np.array([float(cells["timestamp"]) for cells in frames], np.float64),
    )


def vpdq_lines(video: VideoHash) -> Iterator[str]:
    """Yield the lines of a video's hashes, each with its line feed.

    The text has no place for `error`: report an incompletely decoded video separately.
    """
    numbers, times_s = video.frames.tolist(), video.timestamps_s.tolist()
    rows = zip(numbers, video.qualities.tolist(), video.codes, times_s, strict=True)
    for number, quality, code, time_s in rows:
        # The shortest decimals that read as the same float.
        whole, _, decimals = f"{Decimal(repr(time_s)):f}".partition(".")
        yield f"{number},{quality},{code.tobytes().hex()},{whole}.{decimals:<03}\n"


class Vpdq:
    """vPDQ text as a list format: a file is one video and one entry, with a row for each frame."""

    name = "vpdq"
    suffixes = (".txt",)

    def matches(self, head: bytes) -> Confidence:
        """Return CERTAIN if the first line is a frame."""
        line = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")[0]
        return Confidence.CERTAIN if _match_line(line) else Confidence.NO

    def entry_id_of(self, name: str) -> str:
        """Return the name of a file without ``.txt`` or ``.vpdq.txt``."""
        return re.sub(r"(\.vpdq)?\.txt\Z|\.vpdq\Z", "", name, flags=re.IGNORECASE)

    def read(self, stream: BinaryIO, file: ListFile) -> Iterator[RawRows]:
        """Yield the frames of at least the required quality; holds the file in memory.

        HashListError if `read_vpdq` would refuse the text, or if no frame is good enough, as the
        video would then be on the list but never match.
        """
        reading = file.reading
        min_quality = _MIN_QUALITY if reading.min_quality is None else reading.min_quality
        every = _parse(stream.read(), file)
        frames = [frame for frame in every if int(frame[1]["quality"]) >= min_quality]
        if not frames:
            raise file.error(
                f"no frame of quality {min_quality} or more; leave the video out, or ask for a "
                "lower min_quality"
            )
        entry_id = reading.entry_id or self.entry_id_of(file.path.name)
        if entry_id.encode(errors="ignore").decode() != entry_id:
            raise file.error("its name is not UTF-8; rename it, or give its entry_id")
        rows, cells = zip(*frames, strict=True)
        parts = pa.RecordBatch.from_pylist(cells)
        constants = {"entry_id": entry_id, "algorithm": "pdq", "media_type": "video"}
        columns: dict[str, Column] = {
            "row_number": pa.array(rows, pa.int64()),
            "record": pa.array(map(json.dumps, cells), pa.string()),
            "hash": parts["hash"],
            "quality": parts["quality"],
            "timestamp_s": parts["timestamp"],
            **{name: pa.repeat(text, len(rows)) for name, text in constants.items()},
        }
        yield RawRows(pa.RecordBatch.from_pydict(columns), n_left_out=len(every) - len(rows))


VPDQ = Vpdq()


def _parse(data: bytes, file: ListFile) -> list[tuple[int, dict[str, str]]]:
    """Return the line number of each frame, and the text of its four cells."""
    frames: list[tuple[int, dict[str, str]]] = []
    number, time_s = -1, 0.0
    for row, line in enumerate(data.removeprefix(codecs.BOM_UTF8).splitlines(), start=1):
        if not line.strip():
            continue
        parts = _match_line(line)
        if parts is None:
            raise file.error("expected frame,quality,64 hex digits,seconds", row=row)
        number_before, time_before_s = number, time_s
        number, time_s = int(parts["frame"]), float(parts["timestamp"])
        if number <= number_before:
            raise file.error("frame numbers must increase", row=row)
        if time_s < time_before_s:
            raise file.error("time runs backward", row=row)
        frames.append((row, parts.groupdict()))
    if not frames:
        raise file.error("it has no frames; expected lines of frame,quality,hash,seconds")
    return frames


def _match_line(line: bytes) -> re.Match[str] | None:
    return _LINE.fullmatch(line.strip().decode("ascii", "replace"))
