"""`Screener`: ingest -> fingerprint -> nominate and confirm -> match -> decide."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from hashmatch.errors import DecodeError, ErrorKind, HashmatchError
from hashmatch.fingerprint import (
    GivenHashes,
    MediaExecutor,
    ViewOptions,
    decode_fingerprints,
    encode_fingerprints,
    fingerprint_contents,
    fingerprint_hashes,
    fingerprint_media,
    open_media,
    prepare_to_fingerprint,
)
from hashmatch.hashing import get_algorithm
from hashmatch.matching import MatchTable, match_fingerprints, match_many
from hashmatch.screener.decision import decide
from hashmatch.screener.ingestion import Item, ingest
from hashmatch.screener.nomination import nominate
from hashmatch.screener.options import DEFAULT_OPTIONS, ScreeningOptions
from hashmatch.screener.snapshot import Snapshot, StrPath, fit_snapshot, load_snapshot
from hashmatch.screener.unreachable import UnreachableHashes, find_unreachable
from hashmatch.values import Content, Decision, Fingerprints, IndexRef, PolicyRef
from hashmatch.workers import InlineExecutor, IsolatedExecutor, ThreadExecutor, attempted, spread

_ITEM_TYPES = (bytes, bytearray, memoryview, str, os.PathLike)


class Screener:
    """Decides about uploads by one index and one policy.

    Created by `open`. Safe to share between threads and, without isolation, to use after a fork:
    every call works on a snapshot of index and policy taken when it began, whatever `reload` or
    `refresh` does meanwhile.
    Keeps nothing about what it has screened.
    """

    def __init__(
        self,
        index: StrPath,
        policy: StrPath,
        options: ScreeningOptions,
        generation: int | None = None,
    ) -> None:
        # Absolute, so that a change of folder between now and reload() changes nothing.
        self._index_dir = os.path.abspath(index)  # noqa: PTH100
        self._policy_path = os.path.abspath(policy)  # noqa: PTH100
        self._options = options
        self._refused: HashmatchError | None = None
        self._load(generation)
        self._executor = _make_executor(options, self._snapshot.pixel_hashes)

    @classmethod
    def open(
        cls,
        index: StrPath,
        policy: StrPath,
        *,
        options: ScreeningOptions = DEFAULT_OPTIONS,
        generation: int | None = None,
    ) -> Screener:
        """Memory-map a built index and load a policy.

        Parameters
        ----------
        index, policy : path
            A folder that `hashmatch index build` has built, and a policy in TOML.
        options : ScreeningOptions
            How uploads are decoded, within what limits, and in how many threads.
        generation : int or None
            The generation of the index to begin with; None: the current one.

        Raises
        ------
        IndexFormatError
            The index in the folder is damaged or of another version.
        PolicyError
            The policy is malformed, asks for an algorithm or a radius that the index cannot serve,
            or names a list, harm or classification that the index lacks.
        AlgorithmError
            An algorithm cannot be used: its plug-in is missing or broken.
        """
        return cls(index, policy, options, generation)

    @property
    def index_ref(self) -> IndexRef:
        """Identity of the index in use."""
        return self._snapshot.index.ref

    @property
    def policy_ref(self) -> PolicyRef:
        """Identity of the policy in use."""
        return self._snapshot.policy.ref

    @property
    def refused(self) -> HashmatchError | None:
        """The error of the last `reload` or `refresh`, because of which an older pair is in use.

        None if it succeeded.
        """
        return self._refused

    def unreachable_hashes(self) -> tuple[UnreachableHashes, ...]:
        """Return the listed hashes whose quality is too low for every rule about them.

        Reads 6 bytes of each row of the index.
        """
        return find_unreachable(self._snapshot.index, self._snapshot.policy)

    def reload(self) -> None:
        """Read index and policy again and swap both at once.

        Calls in progress finish with the pair they began with. If index or policy cannot be read,
        or the index lacks what the policy names, the error is raised (as by `open`), `refused`
        holds it, and the old pair stays in use.
        """
        self._load(None)

    def _load(self, generation: int | None) -> None:
        with self._noting_refusal():
            snapshot = load_snapshot(self._index_dir, self._policy_path, generation=generation)
        self._policy = snapshot.policy  # first: see refresh()
        self._snapshot = snapshot

    def refresh(self) -> bool:
        """Switch to the current generation of the index; return whether it is a different one.

        Cheap enough to be called before every batch: one short read if nothing changed, else the
        cost of opening what is new. The policy stays the one that was read. Calls in progress
        finish with the index they began with. Several threads may call this at once: the newest
        generation wins. Errors are those of `reload`: a generation that lacks a list, harm or
        classification that the policy names is not adopted. The index in use then stays.
        """
        with self._noting_refusal():
            return self._refresh()

    def _refresh(self) -> bool:
        is_new = False
        while True:
            snapshot, policy = self._snapshot, self._policy
            newest = snapshot.index.refreshed()
            if newest is snapshot.index and policy is snapshot.policy:
                return is_new
            # Another thread may just have set a newer pair, which this replaces: look again.
            self._snapshot = fit_snapshot(newest, policy, self._policy_path)
            is_new |= newest is not snapshot.index

    @contextmanager
    def _noting_refusal(self) -> Iterator[None]:
        try:
            yield
        except HashmatchError as error:
            self._refused = error.with_traceback(None)
            raise
        self._refused = None

    def close(self) -> None:
        """End the child processes, if there are any; screening in isolation is then an error."""
        self._executor.close()

    def screen(self, item: Item, content_id: str | None = None) -> Decision:
        """Decide about one upload; the same as ``screen_many([item])[0]``."""
        return self.screen_many([item], content_ids=[content_id])[0]

    def screen_hashes(self, hashes: GivenHashes, *, content_id: str = "") -> Decision:
        """Decide about an upload from hashes that were made elsewhere.

        `hashes` maps each algorithm, digests included, to hex, bytes, a `Hash` or several of these;
        errors are those of `fingerprint_hashes`, and never show a hash. A hash without quality
        passes every `min_quality`. The decision's `sha256` is None, and its `rules_not_tried` names
        the rules about algorithms of which no hash was given.
        """
        snapshot, block_views = self._snapshot, self._options.block_views
        fingerprints = fingerprint_hashes(hashes, content_id=content_id)
        table = match_fingerprints(
            snapshot.index,
            fingerprints,
            snapshot.radii,
            suppression=snapshot.policy.suppression,
            block_views=block_views,
        )
        return decide(snapshot.policy, fingerprints, table)

    def screen_many(
        self,
        items: Iterable[Item],
        *,
        content_ids: Sequence[str | None] | None = None,
        workers: int | None = None,
    ) -> list[Decision]:
        """Decide about many uploads, in order.

        An item that cannot be read or decoded also gets a decision: with an `error`, from the
        policy's `on_error` and any rules that still fire.

        Parameters
        ----------
        items : iterable of bytes-like or path
            Bytes are the content itself; a str or PathLike is the path to it.
        content_ids : sequence of str or None, optional
            One for each item; if None, the path as given, or the SHA-256 of the bytes.
        workers : int, optional
            Used instead of `ScreeningOptions.threads`; the result does not depend on it.

        Raises
        ------
        TypeError
            An item is neither bytes nor a path; nothing is screened then.
        ValueError
            `content_ids` and `items` differ in length, or `workers` is below 1.
        """
        workers = self._options.threads if workers is None else workers
        if workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        if isinstance(items, str):
            raise TypeError("items must be an iterable of items; pass a single path to screen()")
        pairs = _pair(list(items), content_ids)
        snapshot = self._snapshot
        step = max(1, min(self._options.batch_items, -(-len(pairs) // workers)))
        batches = [pairs[start : start + step] for start in range(0, len(pairs), step)]

        def screen(batch: Sequence[tuple[str | None, Item]]) -> list[Decision]:
            return list(self._screen_batch(snapshot, batch))

        if len(batches) <= 1 or workers == 1:
            return [decision for batch in batches for decision in screen(batch)]
        with ThreadExecutor(screen, workers=min(workers, len(batches))) as executor:
            return [decision for result in executor.map(batches) for decision in result]

    def reject(
        self, content_id: str, reason: str, kind: ErrorKind = ErrorKind.UNREADABLE
    ) -> Decision:
        """Return the decision about an upload that could not be obtained at all."""
        fingerprints = Fingerprints(content_id, None, {}, DecodeError(reason, kind))
        snapshot = self._snapshot
        return decide(snapshot.policy, fingerprints, MatchTable(snapshot.index.ref))

    def _screen_batch(
        self, snapshot: Snapshot, batch: Sequence[tuple[str | None, Item]]
    ) -> Iterator[Decision]:
        """Yield decisions, searching for many items at a time within a memory budget."""
        options = self._options
        held: list[Content] = []
        held_bytes = 0
        for content_id, item in batch:
            content = ingest(
                item, content_id=content_id, digest_names=snapshot.digests, limits=options.limits
            )
            held.append(content)
            if content.media is not None:
                # A video in a file ends the batch: it has many views, and none are held with them.
                source = content.media.source
                held_bytes += options.batch_bytes if isinstance(source, str) else len(source)
            if held_bytes >= options.batch_bytes:
                yield from self._decide_all(snapshot, held)
                held, held_bytes = [], 0
        yield from self._decide_all(snapshot, held)

    def _decide_all(self, snapshot: Snapshot, contents: Sequence[Content]) -> Iterator[Decision]:
        index, radii, block_views = snapshot.index, snapshot.radii, self._options.block_views
        fingerprints = self._fingerprint(snapshot, contents, self._options.decode)
        nominated = nominate(index, fingerprints, radii, block_views=block_views)
        confirmed = self._fingerprint(snapshot, [contents[at] for at in nominated], "exact")
        for position, exact in zip(nominated, confirmed, strict=True):
            fingerprints[position] = exact
        suppression = snapshot.policy.suppression
        tables = match_many(
            index, fingerprints, radii, suppression=suppression, block_views=block_views
        )
        for hashed, table in zip(fingerprints, tables, strict=True):
            yield decide(snapshot.policy, hashed, table)

    def _fingerprint(
        self, snapshot: Snapshot, contents: Sequence[Content], decode: str
    ) -> list[Fingerprints]:
        """Hash by every algorithm that rules ask about, from one decode of each item."""
        options, policy = self._options, snapshot.policy
        views = ViewOptions(
            *(policy.views, options.limits, options.timed_video_limits, policy.video_interval_s),
            sampling_key=policy.sampling_key,
        )
        if any(get_algorithm(name).luma_drift is None for name in snapshot.pixel_hashes):
            decode = "exact"
        hashed = fingerprint_contents(
            contents, snapshot.pixel_hashes, decode=decode, options=views, executor=self._executor
        )
        return list(hashed)


def _make_executor(options: ScreeningOptions, algorithms: Sequence[str]) -> MediaExecutor:
    task = spread(fingerprint_media)
    if options.isolation is None:
        return InlineExecutor(attempted(task))
    return IsolatedExecutor(
        task,
        options.isolation,
        encode=encode_fingerprints,
        decode=decode_fingerprints,
        workers=options.threads,
        prepare=[partial(prepare_to_fingerprint, algorithms)],
        send=open_media,
    )


def _pair(
    items: Sequence[Item], content_ids: Sequence[str | None] | None
) -> list[tuple[str | None, Item]]:
    for item in items:
        if not isinstance(item, _ITEM_TYPES):
            raise TypeError(f"an item must be bytes or a path, not {type(item).__name__}")
    if content_ids is None:
        return [(None, item) for item in items]
    if len(content_ids) != len(items):
        raise ValueError(f"{len(content_ids)} content_ids for {len(items)} items")
    for content_id in content_ids:
        if not isinstance(content_id, str | None):
            raise TypeError(f"a content_id must be a str, not {type(content_id).__name__}")
    return list(zip(content_ids, items, strict=True))
