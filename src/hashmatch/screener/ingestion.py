"""Ingestion: from an item to its `Content`, with digests of the bytes and the kind of media."""

from __future__ import annotations

import os
from collections.abc import Collection

from hashmatch.decode import DEFAULT_LIMITS, DecodeLimits, read_picture_content
from hashmatch.errors import Attempt, attempt
from hashmatch.fingerprint import digests, identify_media
from hashmatch.values import Content, Hash, Media

Item = bytes | bytearray | memoryview | str | os.PathLike[str]
"""The bytes of a content, or the path of its file."""


def ingest(
    item: Item,
    *,
    content_id: str | None = None,
    digest_names: Collection[str] = (),
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Content:
    """Read one item once, compute its digests, and distinguish pictures from videos.

    A video in a file is not held in memory: one read gives its digests, another its frames. An item
    that cannot be read gives a `Content` with an `error`.

    Parameters
    ----------
    item : bytes-like or path
        Bytes are the content itself; a str or PathLike is the path to it.
    content_id : str, optional
        By default the path or, for bytes, their SHA-256.
    digest_names : collection of str
        Digests to compute in addition to SHA-256. If there are any, they are also computed for a
        file that is too large to decode.
    limits : DecodeLimits
        A picture in a file with more bytes is not read.
    """
    path = item if isinstance(item, str | os.PathLike) else None
    if content_id is None and path is not None:
        content_id = os.fsdecode(path)
    media = attempt(_open, item, limits)
    hashed: Attempt[dict[str, Hash]] = Attempt()
    source = media.value.source if media.value else path if digest_names else None
    if source is not None:
        hashed = attempt(digests, source, {"sha256", *digest_names})
    found = hashed.value or {}
    sha256 = found["sha256"].hex if found else None
    return Content(
        content_id=(sha256 or "") if content_id is None else content_id,
        sha256=sha256,
        digests={name: found[name] for name in digest_names if found},
        media=media.value,
        error=media.error or hashed.error,
    )


def _open(item: Item, limits: DecodeLimits) -> Media:
    if not isinstance(item, str | os.PathLike):
        return identify_media(bytes(item))
    data = read_picture_content(item, limits=limits)
    if data is not None:
        return Media("picture", data)
    # Absolute, since a process of its own may have to open it.
    return Media("video", os.path.abspath(item))  # noqa: PTH100
