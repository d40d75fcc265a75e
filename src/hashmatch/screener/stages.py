"""The stages of one content that are the screener's own: `ingest`, `nominate` and `decide`."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

from hashmatch._version import __version__
from hashmatch.decode import DEFAULT_LIMITS, DecodeLimits, read_picture_content
from hashmatch.errors import Attempt, attempt
from hashmatch.fingerprint import digests, identify_media
from hashmatch.hashing import get_algorithm
from hashmatch.index import Index
from hashmatch.matching import DEFAULT_BLOCK_VIEWS, MatchTable, search_views
from hashmatch.policy import Policy
from hashmatch.values import (
    Content,
    Decision,
    Fingerprint,
    Fingerprints,
    Hash,
    Media,
    RecordedHash,
)
from hashmatch.views import AS_STORED, segment

Item = bytes | bytearray | memoryview | str | os.PathLike[str]
"""The bytes of a content, or the path of its file."""

_RECORDED_VIEWS = (AS_STORED, segment(1))


def ingest(
    item: Item,
    *,
    content_id: str | None = None,
    digest_names: Collection[str] = (),
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> Content:
    """Read one item once, take its digests, and tell pictures from videos.

    A video in a file is not held: its digests are taken in one read, its frames in another. An item
    that cannot be read is a content with an `error`.

    Parameters
    ----------
    item : bytes-like or path
        Bytes are the content itself, a str or PathLike is where it lies.
    content_id : str, optional
        The path or, of bytes, their SHA-256 unless given.
    digest_names : collection of str
        Digests to take in addition to SHA-256. With any, they are also taken of a file that is too
        large to decode.
    limits : DecodeLimits
        Bytes above which a picture in a file is not read.
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


def nominate(
    index: Index,
    contents: Sequence[Fingerprints],
    radii: Mapping[str, int],
    *,
    block_views: int = DEFAULT_BLOCK_VIEWS,
) -> list[int]:
    """Return the positions of the luma-decoded contents that exact decoding might match, in order.

    They are those with a luma fingerprint that is incomplete, of a quality at which the drift of
    luma has no bound, or near a row of the index by the radius and the bound (`LumaDrift`).
    """
    nominated: set[int] = set()
    for algorithm, radius in radii.items():
        drift = get_algorithm(algorithm).luma_drift
        if drift is None:
            continue
        searched: dict[int, Fingerprint] = {}
        for position, fingerprints in enumerate(contents):
            fingerprint = fingerprints.get(algorithm)
            if fingerprint is None or fingerprint.decode != "luma":
                continue
            if fingerprint.is_complete and all(
                quality is not None and quality >= drift.min_quality
                for quality in fingerprint.qualities
            ):
                searched[position] = fingerprint
            else:
                nominated.add(position)
        positions, sought = list(searched), list(searched.values())
        wide = min(radius + drift.margin_bits, index.bits(algorithm))
        hits = search_views(index, algorithm, sought, wide, block_views=block_views)
        nominated.update(positions[number] for number, _ in hits)
    return sorted(nominated)


def decide(policy: Policy, fingerprints: Fingerprints, table: MatchTable) -> Decision:
    """Decide from all matches; if the content has an error, apply `on_error` as well.

    A pure function: it reads no index and no clock.
    """
    error = fingerprints.error
    outcome = policy.decide(table.groups, failed=error is not None)
    by_name = {fingerprint.algorithm: fingerprint for fingerprint in fingerprints}
    return Decision(
        content_id=fingerprints.content_id,
        sha256=fingerprints.sha256,
        hashes=tuple(
            RecordedHash(name, found.codes[0].tobytes().hex(), found.quality, found.decode)
            for name, found in sorted(by_name.items())
            if found.views[0] in _RECORDED_VIEWS
        ),
        n_matches=table.n_matches,
        n_entries=table.n_entries,
        matches=table.matches,
        rules=outcome.rules,
        rules_not_tried=policy.rules_not_about(by_name),
        rule=outcome.rule,
        action=outcome.action,
        would_action=outcome.would_action,
        queue=outcome.queue,
        priority=outcome.priority,
        mode=outcome.mode,
        policy=policy.ref,
        index=table.index,
        error=None if error is None else str(error),
        error_kind=None if error is None else str(error.kind),
        hashmatch_version=__version__,
    )
