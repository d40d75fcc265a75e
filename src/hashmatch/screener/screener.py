"""`Screener`: decode -> views -> hashes -> search -> confirm -> decide."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from hashmatch.decode import (
    DEFAULT_LIMITS,
    DEFAULT_VIDEO_LIMITS,
    DecodeLimits,
    Decoding,
    InProcess,
    Isolated,
    Isolation,
    VideoLimits,
)
from hashmatch.errors import DecodeError
from hashmatch.fingerprint import Fingerprint, Looking, fingerprint_each, prepare_to_fingerprint
from hashmatch.screener.deciding import decision_of
from hashmatch.screener.reading import Item, read_item, take_fingerprints
from hashmatch.screener.search import LUMA_MARGIN_BITS, Content, search, to_confirm
from hashmatch.screener.state import State, fit, load_state
from hashmatch.values import Decision, IndexRef, PolicyRef

_ITEM_TYPES = (bytes, bytearray, memoryview, str, os.PathLike)
_BATCH_ITEMS = 32
_BATCH_BYTES = 64 << 20
_SHARE_OF_TIME = 0.8


class Screener:
    """Decides about contents by one index and one policy.

    Made by `open`. Safe to share between threads and to use after a fork: every call works on the
    index and policy that it found when it began, whatever `reload` or `refresh` does meanwhile.
    Nothing is remembered about contents.
    """

    def __init__(
        self,
        index_dir: str | os.PathLike[str],
        policy: str | os.PathLike[str],
        *,
        decode: str = "luma",
        limits: DecodeLimits = DEFAULT_LIMITS,
        video_limits: VideoLimits = DEFAULT_VIDEO_LIMITS,
        isolation: Isolation | None = None,
        children: int = 1,
    ) -> None:
        if decode not in {"luma", "exact"}:
            raise ValueError(f"decode must be 'luma' or 'exact', not {decode!r}")
        # Absolute, so that a change of folder between now and reload() changes nothing.
        self._index_dir = os.path.abspath(index_dir)  # noqa: PTH100
        self._policy_path = os.path.abspath(policy)  # noqa: PTH100
        self._decode = decode
        self._limits = limits
        self._video_limits = _in_time(video_limits, isolation)
        self._state = load_state(self._index_dir, self._policy_path)
        self._decoding: Decoding[dict[str, Fingerprint | DecodeError]] = (
            InProcess(fingerprint_each)
            if isolation is None
            else Isolated(
                fingerprint_each,
                isolation,
                children=children,
                prepare=partial(prepare_to_fingerprint, self._state.pixel_hashes),
            )
        )

    @classmethod
    def open(
        cls,
        index_dir: str | os.PathLike[str],
        policy: str | os.PathLike[str],
        *,
        decode: str = "luma",
        limits: DecodeLimits = DEFAULT_LIMITS,
        video_limits: VideoLimits = DEFAULT_VIDEO_LIMITS,
        isolation: Isolation | None = None,
        children: int = 1,
    ) -> Screener:
        """Open a built index by mmap, and a policy.

        Parameters
        ----------
        index_dir : path
            A folder that `hashmatch index build` has built.
        policy : path
            A policy in TOML.
        decode : {"luma", "exact"}
            "luma" decodes JPEGs by their Y plane first and confirms every candidate the exact way;
            decisions have the same matches, distances and actions as with "exact", only a recorded
            hash without any match may differ by a few bits, and says so in its `decode`.
        limits : DecodeLimits
            Bytes and pixels above which a content is not opened.
        video_limits : VideoLimits
            The same for a video. What was looked at before a limit is met counts, beside the error.
            In isolation decoding ends after four fifths of the time for one content, unless
            `max_wall_s` is set, so that this is so of time, too.
        isolation : Isolation, optional
            Decode in child processes within these limits, so that a decoder that crashes, hangs or
            eats memory is a decision with an error (digests are matched all the same);
            `hashmatch.decode.Isolated` says what this asks of a script. Without, in the calling
            thread.
        children : int
            Child processes; more than one serve several threads.

        Raises
        ------
        IndexFormatError
            Where the folder holds no index of this version, or a damaged one.
        PolicyError
            Where the policy is malformed, or asks for an algorithm or a radius that the index
            cannot serve.
        AlgorithmError
            Where an algorithm cannot be used: its plug-in is missing or broken.
        """
        return cls(
            index_dir,
            policy,
            decode=decode,
            limits=limits,
            video_limits=video_limits,
            isolation=isolation,
            children=children,
        )

    @property
    def index_ref(self) -> IndexRef:
        """Which index decisions are made by now."""
        return self._state.index.ref

    @property
    def policy_ref(self) -> PolicyRef:
        """Which policy decisions are made by now."""
        return self._state.policy.ref

    def reload(self) -> None:
        """Read index and policy again and swap both at once.

        Calls under way finish with what they began with. Where either cannot be read, the error
        is raised (as by `open`) and the old pair stays in use.
        """
        self._state = load_state(self._index_dir, self._policy_path)

    def refresh(self) -> bool:
        """Take the generation of the index that is published now; return whether it is another.

        Cheap enough to be called before every batch: one short read where nothing changed, else the
        cost of opening what is new. The policy stays the one that was read. Calls under way finish
        with what they began with. May be called by several threads at once: the newest generation
        has the last word. Errors as by `reload`, and the index in use stays.
        """
        is_new = False
        while True:
            state = self._state
            newest = state.index.refreshed()
            if newest is state.index:
                return is_new
            # Another thread may have been quicker with a newer one: the next look will tell.
            self._state = fit(newest, state.policy, self._policy_path)
            is_new = True

    def close(self) -> None:
        """End the child processes, where there are any; to screen in isolation is then an error."""
        if isinstance(self._decoding, Isolated):
            self._decoding.close()

    def screen(self, item: Item, content_id: str | None = None) -> Decision:
        """Decide about one content; the same as ``screen_many([item])[0]``."""
        return self.screen_many([item], content_ids=[content_id])[0]

    def screen_many(
        self,
        items: Iterable[Item],
        *,
        content_ids: Sequence[str | None] | None = None,
        workers: int = 1,
    ) -> list[Decision]:
        """Decide about many contents, in order.

        Parameters
        ----------
        items : iterable of bytes-like or path
            Bytes are the content itself, a str or PathLike is where it lies.
        content_ids : sequence of str or None, optional
            One for each item; where None, the path as given, or the SHA-256 of the bytes.
        workers : int
            Threads; the result does not depend on it.

        Returns
        -------
        list of Decision
            One for each item. An item that cannot be read or decoded has a decision with `error`,
            made by the policy's `on_error` and by whatever rules fire all the same: a file that is
            no picture can have the digest of a listed one.

        Raises
        ------
        TypeError
            For an item that is neither bytes nor a path, before anything is screened.
        ValueError
            Where `content_ids` and `items` differ in number, or workers is below 1.
        """
        if workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        named = _named(list(items), content_ids)
        state = self._state
        step = max(1, min(_BATCH_ITEMS, -(-len(named) // workers)))
        batches = [named[start : start + step] for start in range(0, len(named), step)]
        if len(batches) <= 1 or workers == 1:
            return [made for batch in batches for made in self._screen_batch(state, batch)]
        with ThreadPoolExecutor(min(workers, len(batches))) as pool:
            results = pool.map(lambda batch: list(self._screen_batch(state, batch)), batches)
            return [made for result in results for made in result]

    def reject(self, content_id: str, reason: str) -> Decision:
        """Return the decision about a content that could not be obtained at all."""
        return decision_of(self._state, Content(content_id, error=reason))

    def _screen_batch(
        self, state: State, batch: Sequence[tuple[str | None, Item]]
    ) -> Iterator[Decision]:
        """Yield decisions, searching for many contents at a time within a budget of memory."""
        held: list[Content] = []
        held_bytes = 0
        for content_id, item in batch:
            content = read_item(state, content_id, item, self._limits)
            held.append(content)
            # A video has many views, and so is the last one held.
            is_video_file = isinstance(content.data, str)
            held_bytes += _BATCH_BYTES if is_video_file else len(content.data)
            if held_bytes >= _BATCH_BYTES:
                yield from self._decided(state, held)
                held, held_bytes = [], 0
        yield from self._decided(state, held)

    def _fingerprint(self, state: State, contents: Sequence[Content], decode: str) -> None:
        """Hash pixels by every algorithm that asks for them, from one decode of each content."""
        names = state.pixel_hashes
        if any(name not in LUMA_MARGIN_BITS for name in names):
            decode = "exact"
        policy = state.policy
        looking = Looking(policy.views, self._limits, self._video_limits, policy.video_interval_s)
        arguments = ((content.data, names, decode, looking) for content in contents)
        for content, made in zip(contents, self._decoding.run(arguments), strict=True):
            take_fingerprints(content, names, made)

    def _decided(self, state: State, contents: Sequence[Content]) -> Iterator[Decision]:
        if state.pixel_hashes:
            read = [content for content in contents if content.error is None]
            self._fingerprint(state, read, self._decode)
        for algorithm, radius in state.radii.items():
            confirm = to_confirm(state, algorithm, radius, contents)
            self._fingerprint(state, confirm, "exact")
        for algorithm, radius in state.radii.items():
            search(state, algorithm, radius, contents)
        for content in contents:
            yield decision_of(state, content)


def _in_time(limits: VideoLimits, isolation: Isolation | None) -> VideoLimits:
    if isolation is None or limits.max_wall_s is not None:
        return limits
    return replace(limits, max_wall_s=_SHARE_OF_TIME * isolation.time_s)


def _named(
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
