"""Read items, and note what became of them: digests of their bytes, hashes of their pixels."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping

from hashmatch.decode import DecodeLimits, read_picture_content
from hashmatch.errors import DecodeError
from hashmatch.fingerprint import Fingerprint, digests, fingerprint_digest
from hashmatch.screener.search import Content
from hashmatch.screener.state import State

Item = bytes | bytearray | memoryview | str | os.PathLike[str]
"""Bytes are a content; a str or PathLike is where one lies."""


def read_item(state: State, content_id: str | None, item: Item, limits: DecodeLimits) -> Content:
    """Read one item and take the digests that rules ask about; what goes wrong is its error.

    A video in a file is not held: its digests are taken in one read, its frames in another.
    """
    if content_id is None and isinstance(item, str | os.PathLike):
        content_id = os.fsdecode(item)
    content = Content(content_id or "")
    try:
        data = _opened(item, limits)
        _digest(state, content, data)
    except (DecodeError, MemoryError) as error:
        content.error = str(error) if isinstance(error, DecodeError) else "out of memory"
        if state.digests and isinstance(item, str | os.PathLike):
            _digest_unread(state, content, item)
    else:
        content.data = data if state.pixel_hashes else b""
    if content_id is None and content.sha256 is not None:
        content.content_id = content.sha256
    return content


def take_fingerprints(
    content: Content,
    names: Iterable[str],
    made: Mapping[str, Fingerprint | DecodeError] | DecodeError,
) -> None:
    """Give a content its fingerprints by `names`, in place of those that it had.

    What could not be decoded to its end, or hashed by one of them, is an error of the content; the
    views before that, what the others made of it and digests stand.
    """
    if isinstance(made, DecodeError):
        content.error = str(made)
        made = {}
    for name in names:
        content.fingerprints.pop(name, None)
        one = made.get(name)
        if isinstance(one, Fingerprint):
            content.fingerprints[name] = one
            content.error = content.error or one.error
        elif one is not None:
            content.error = content.error or str(one)
    if all(one.decode != "luma" for one in content.fingerprints.values()):
        content.data = b""


def _opened(item: Item, limits: DecodeLimits) -> bytes | str:
    """Return the bytes of an item, or where it lies if it is a video in a file."""
    if not isinstance(item, str | os.PathLike):
        return bytes(item)
    data = read_picture_content(item, limits=limits)
    # Absolute, since a process of its own may have to open it.
    return os.path.abspath(item) if data is None else data  # noqa: PTH100


def _digest(state: State, content: Content, item: bytes | str | os.PathLike[str]) -> None:
    """Take the SHA-256 of a content and the digests that rules ask about, in one read."""
    made = digests(item, {"sha256", *state.digests})
    content.sha256 = made["sha256"].hex
    for name in state.digests:
        content.fingerprints[name] = fingerprint_digest(made[name])


def _digest_unread(state: State, content: Content, path: str | os.PathLike[str]) -> None:
    """Take the digests of a file that was not read, since it is empty or too large, if that goes.

    The content has its error already.
    """
    with contextlib.suppress(DecodeError, MemoryError):
        _digest(state, content, path)
