"""Names of views: one grammar, composed and parsed in one place.

A name lists, from the outside in and joined by ``/``, how a view was made: whether the picture
lies in a second file inside the first (``embedded``, ``embedded2``), which picture of its file was
taken (``frame``, ``page2``; the first picture has no word), whether its colours are those of its
profile (``profiled``), on what ground it was laid (``on_white``, ``on_black``), whether its border
was ``trimmed``, whether its contrast was ``stretched``, whether it is the ``negative``, and how it
was turned (``rot90``) or which segment of it was taken (``segment_1``). Each part occurs at most
once, in this order; a view without any is named ``as_stored``.
"""

from __future__ import annotations

import re
from functools import lru_cache

AS_STORED = "as_stored"
"""The view that every content has, and whose hash is recorded."""

FRAME = "frame"
"""A picture of an animation or video after the first; its time is given separately."""

GROUNDS = {"on_white": 255, "on_black": 0}
"""Grounds that transparent pictures are laid on, with their level."""

PROFILED = "profiled"
"""The picture in the colours that a colour-managed viewer shows."""

TRIMMED = "trimmed"

STRETCHED = "stretched"
"""The picture with its contrast stretched."""

NEGATIVE = "negative"
"""The picture with dark and light exchanged: the complement of its code."""

ORIENTATIONS = (
    *(AS_STORED, "rot90", "rot180", "rot270"),
    *("flipx", "flipy", "transpose", "anti_transpose"),
)
"""The eight orientations, as pdqhash orders them: turns are counter-clockwise, ``flipx`` swaps top
and bottom, ``flipy`` left and right."""

VIEW_KINDS = (
    "orientations",
    "trimmed",
    "flattened",
    "frames",
    "profiled",
    "stretched",
    "negative",
)
"""Kinds of views that a policy can ask for in addition to the picture as stored."""

_GRAMMAR = re.compile(
    r"(?P<embedded>embedded(?:[2-9]|[1-9][0-9]+)?)?/?"
    r"(?P<frames>frame|page[1-9][0-9]*)?/?"
    rf"(?P<profiled>{PROFILED})?/?"
    rf"(?P<flattened>{'|'.join(GROUNDS)})?/?"
    rf"(?P<trimmed>{TRIMMED})?/?"
    rf"(?P<stretched>{STRETCHED})?/?"
    rf"(?P<negative>{NEGATIVE})?/?"
    rf"(?:(?P<orientations>{'|'.join(ORIENTATIONS[1:])})|(?P<segments>segment_[1-9][0-9]*))?"
)


def page(number: int) -> str:
    """Return the part of a name for a page of a document, counted from 1."""
    return f"page{number}"


def embedded(number: int) -> str:
    """Return the part of a name for the pictures of a file inside the first, counted from 1."""
    return "embedded" if number == 1 else f"embedded{number}"


def segment(number: int) -> str:
    """Return the part of a name for a segment of a picture, counted from 1."""
    return f"segment_{number}"


@lru_cache(maxsize=4096)  # a long video has many views of few names
def join(*names: str) -> str:
    """Compose names or parts of names, outermost first; ``as_stored`` adds nothing."""
    return "/".join(name for name in names if name != AS_STORED) or AS_STORED


def parse(name: str) -> tuple[str, ...]:
    """Return the parts of a name, outermost first; empty for ``as_stored``.

    ValueError if it is not the name of a view.
    """
    return tuple(_parse(name).values())


def kinds(name: str) -> tuple[str, ...]:
    """Return the kinds in a name, outermost first, such as ``"frames"`` or ``"trimmed"``.

    ValueError if it is not the name of a view.
    """
    return tuple(_parse(name))


def region(name: str) -> str:
    """Return the parts of a name that say which part of a picture it shows; empty for the whole.

    ValueError if it is not the name of a view.
    """
    return _choose(name, ("trimmed", "segments"))


def appearance(name: str) -> str:
    """Return the parts of a name that say in which colours and on what ground a picture is shown.

    ValueError if it is not the name of a view.
    """
    return _choose(name, ("profiled", "flattened"))


@lru_cache(maxsize=4096)
def _choose(name: str, kinds: tuple[str, ...]) -> str:
    return "/".join(part for kind, part in _parse(name).items() if kind in kinds)


def _parse(name: str) -> dict[str, str]:
    found = _GRAMMAR.fullmatch(name)
    parts = {kind: part for kind, part in found.groupdict().items() if part} if found else {}
    if name != join(*parts.values()):
        raise ValueError(f"{name!r} is not the name of a view")
    return parts
