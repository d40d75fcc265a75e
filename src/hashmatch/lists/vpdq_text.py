"""Hashes of one video as vPDQ's text: ``frame,quality,hex,timestamp``, a frame a line.

Written by ThreatExchange's vPDQ and read here strictly. Time stamps are written with all the digits
they need to be read again as the same float, and with three decimals at least, so that a file of
vPDQ's own, which has three, is written again byte for byte.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hashmatch.lists.source import Defaults, Source
from hashmatch.values import VideoHash

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
        The file; blank lines are passed over.

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
    source = Source(path=Path(path), defaults=Defaults("pdq", None, None))
    try:
        lines = source.path.read_bytes().splitlines()
    except OSError as error:
        raise source.error(f"cannot be read: {error.strerror or type(error).__name__}") from None
    frames = list(vpdq_frames(lines, source))
    codes = bytes.fromhex("".join(frame.digits for frame in frames))
    return VideoHash(
        codes=np.frombuffer(codes, np.uint8).reshape(-1, _CODE_BYTES),
        qualities=np.array([int(frame.quality) for frame in frames], np.int16),
        frames=np.array([int(frame.number) for frame in frames], np.int64),
        timestamps_s=np.array([float(frame.time_s) for frame in frames], np.float64),
    )


class VpdqFrame(NamedTuple):
    """One line, its parts as it has them; `row` counts lines from 1."""

    row: int
    number: str
    quality: str
    digits: str
    time_s: str


def vpdq_frames(lines: Iterable[bytes], source: Source) -> Iterator[VpdqFrame]:
    """Yield the frames of a text, read strictly; HashListError as by `read_vpdq`."""
    before: VpdqFrame | None = None
    for row, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        parts = _LINE.fullmatch(line.strip().decode("ascii", "replace"))
        if parts is None:
            raise source.error("expected frame,quality,64 hex digits,seconds", row=row)
        frame = VpdqFrame(row, parts["frame"], parts["quality"], parts["hex"], parts["time"])
        if before is not None and int(frame.number) <= int(before.number):
            raise source.error("frame numbers must increase", row=row)
        if before is not None and float(frame.time_s) < float(before.time_s):
            raise source.error("time runs backward", row=row)
        yield frame
        before = frame
    if before is None:
        raise source.error("no frame in it; expected lines of frame,quality,hash,seconds")


def vpdq_lines(video: VideoHash) -> Iterable[str]:
    """Yield the lines of a video's hashes, each with its line feed.

    The text has no place for `error`: who writes down a video that could not be decoded whole has
    to say so beside it.
    """
    rows = zip(
        video.frames.tolist(),
        video.qualities.tolist(),
        video.codes,
        video.timestamps_s.tolist(),
        strict=True,
    )
    for frame, quality, code, time_s in rows:
        yield f"{frame},{quality},{code.tobytes().hex()},{_decimal(time_s)}\n"


def _decimal(time_s: float) -> str:
    """Shortest text that reads as the same float, without an exponent, three decimals at least."""
    whole, _, decimals = f"{Decimal(repr(time_s)):f}".partition(".")
    return f"{whole}.{decimals:<03}"
