"""Rows of vPDQ text: one file is one video, one entry; each of its frames is a row of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from hashmatch.lists.canonical import RawRows
from hashmatch.lists.source import Source
from hashmatch.lists.vpdq_text import vpdq_frames

SUFFIX = ".txt"
DEFAULT_MIN_QUALITY = 50
"""Frames of less quality are left out, as vPDQ leaves them out of its matching."""

_INNER_SUFFIX = ".vpdq"


def entry_id_of(name: str) -> str:
    """Return the id that the name of a file gives its video: without ``.txt`` or ``.vpdq.txt``."""
    stem = name[: -len(SUFFIX)] if name.lower().endswith(SUFFIX) else name
    return stem[: -len(_INNER_SUFFIX)] if stem.lower().endswith(_INNER_SUFFIX) else stem


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_vpdq_rows(file: BinaryIO, source: Source) -> Iterator[RawRows]:
    """Yield the frames of a video that are of the quality asked for.

    HashListError where the text is not as `read_vpdq` wants it, or no frame is good enough: the
    video would be on the list and never match.
    """
    every = list(vpdq_frames(file.read().splitlines(), source))
    frames = [frame for frame in every if int(frame.quality) >= source.min_quality]
    if not frames:
        raise source.error(
            f"no frame of quality {source.min_quality} or more; leave the video out, or ask for a "
            "lower min_quality"
        )
    n_rows = len(frames)
    entry_id = source.entry_id or entry_id_of(source.path.name)
    if not entry_id.isascii() and not _is_utf8(entry_id):
        raise source.error("its name is not UTF-8; rename it, or say which entry_id it is")
    text = {
        "hash": [frame.digits for frame in frames],
        "entry_id": [entry_id] * n_rows,
        "algorithm": ["pdq"] * n_rows,
        "media_type": ["video"] * n_rows,
        "quality": [frame.quality for frame in frames],
        "timestamp_s": [frame.time_s for frame in frames],
    }
    records = [
        json.dumps(
            {
                "frame": frame.number,
                "quality": frame.quality,
                "hash": frame.digits,
                "timestamp": frame.time_s,
            }
        )
        for frame in frames
    ]
    yield RawRows(
        numbers=pa.array([frame.row for frame in frames], pa.int64()),
        text={name: pa.array(cells, pa.string()) for name, cells in text.items()},
        labels=None,
        record=pa.array(records, pa.string()),
        n_left_out=len(every) - n_rows,
    )
