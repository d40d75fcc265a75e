"""Boxes of ISO media files: taken apart, changed and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box around some bytes."""
    content = b"".join(parts)
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and content of every box in a row; sizes of 32 bits only."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def change(data: bytes, path: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    """Return boxes with the content of those at a path, such as ``b"moov/trak"``, replaced.

    `edit` gets the content. Offsets are not adjusted, so only what lies behind the samples may
    change its size.
    """
    first, _, rest = path.partition(b"/")
    changed = []
    for kind, content in boxes(data):
        if kind == first:
            content = change(content, rest, edit) if rest else edit(content)  # noqa: PLW2901
        changed.append(box(kind, content))
    return b"".join(changed)


def find(data: bytes, path: bytes) -> bytes:
    """Return the content of the first box at a path."""
    for part in path.split(b"/"):
        data = next(content for kind, content in boxes(data) if kind == part)
    return data
