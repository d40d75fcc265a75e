"""Contents: one thing that was uploaded, read but not yet decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hashmatch.errors import DecodeError
from hashmatch.values.hash import Hash

MediaKind = Literal["picture", "video"]


@dataclass(frozen=True, slots=True)
class Media:
    """The encoded bytes of a picture or video, or where they lie.

    Parameters
    ----------
    kind : {"picture", "video"}
        What to decode it as. Whatever does not begin like a video is a picture, or no media.
    source : bytes or str
        The whole file, or the absolute path of one that is read while it is decoded.
    """

    kind: MediaKind
    source: bytes | str = field(repr=False)

    @property
    def is_file(self) -> bool:
        """True if `source` is a path."""
        return isinstance(self.source, str)


@dataclass(frozen=True, slots=True)
class Content:
    """One thing that was uploaded.

    Parameters
    ----------
    content_id : str
        What the caller calls it.
    sha256 : str or None
        SHA-256 of its bytes in hex; None if they could not be read.
    digests : mapping of str to Hash
        Digests of its bytes by name, those that were asked for.
    media : Media or None
        What can be decoded; None if `error` says why not.
    error : DecodeError or None
        Why it could not be read.
    """

    content_id: str
    sha256: str | None = None
    digests: Mapping[str, Hash] = field(default_factory=dict)
    media: Media | None = None
    error: DecodeError | None = None
