"""`Screener`: decode -> views -> hashes -> search -> confirm -> decide."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from hashmatch.decode import accept_truncated
from hashmatch.errors import Attempt, DecodeError
from hashmatch.fingerprint import Fingerprint, Looking, fingerprint_each, prepare_to_fingerprint
from hashmatch.screener.deciding import decision_of
from hashmatch.screener.options import DEFAULT_OPTIONS, ScreeningOptions
from hashmatch.screener.reading import Item, read_item, take_fingerprints
from hashmatch.screener.search import LUMA_MARGIN_BITS, Content, search, to_confirm
from hashmatch.screener.state import State, fit, load_state
from hashmatch.values import Decision, IndexRef, PolicyRef
from hashmatch.workers import (
    Executor,
    InlineExecutor,
    IsolatedExecutor,
    ThreadExecutor,
    attempted,
    spread,
)

_ITEM_TYPES = (bytes, bytearray, memoryview, str, os.PathLike)


class Screener:
    """Decides about contents by one index and one policy.

    Made by `open`. Safe to share between threads and to use after a fork: every call works on the
    index and policy that it found when it began, whatever `reload` or `refresh` does meanwhile.
    Nothing is remembered about contents.
    """

    def __init__(
        self,
        index: str | os.PathLike[str],
        policy: str | os.PathLike[str],
        options: ScreeningOptions = DEFAULT_OPTIONS,
    ) -> None:
        # Absolute, so that a change of folder between now and reload() changes nothing.
        self._index_dir = os.path.abspath(index)  # noqa: PTH100
        self._policy_path = os.path.abspath(policy)  # noqa: PTH100
        self._options = options
        self._state = load_state(self._index_dir, self._policy_path)
        self._executor = _executor(options, self._state.pixel_hashes)

    @classmethod
    def open(
        cls,
        index: str | os.PathLike[str],
        policy: str | os.PathLike[str],
        *,
        options: ScreeningOptions = DEFAULT_OPTIONS,
    ) -> Screener:
        """Open a built index by mmap, and a policy.

        Parameters
        ----------
        index : path
            A folder that `hashmatch index build` has built.
        policy : path
            A policy in TOML.
        options : ScreeningOptions
            How contents are decoded, within what limits, and in how many threads.

        Raises
        ------
        IndexFormatError
            The folder holds no index of this version, or a damaged one.
        PolicyError
            The policy is malformed, or asks for an algorithm or a radius that the index cannot
            serve.
        AlgorithmError
            An algorithm cannot be used: its plug-in is missing or broken.
        """
        return cls(index, policy, options)

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
        self._executor.close()

    def screen(self, item: Item, content_id: str | None = None) -> Decision:
        """Decide about one content; the same as ``screen_many([item])[0]``."""
        return self.screen_many([item], content_ids=[content_id])[0]

    def screen_many(
        self,
        items: Iterable[Item],
        *,
        content_ids: Sequence[str | None] | None = None,
        workers: int | None = None,
    ) -> list[Decision]:
        """Decide about many contents, in order.

        Parameters
        ----------
        items : iterable of bytes-like or path
            Bytes are the content itself, a str or PathLike is where it lies.
        content_ids : sequence of str or None, optional
            One for each item; where None, the path as given, or the SHA-256 of the bytes.
        workers : int, optional
            Threads instead of `ScreeningOptions.threads`; the result does not depend on it.

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
        workers = self._options.threads if workers is None else workers
        if workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        named = _named(list(items), content_ids)
        state = self._state
        step = max(1, min(self._options.batch_items, -(-len(named) // workers)))
        batches = [named[start : start + step] for start in range(0, len(named), step)]
        if len(batches) <= 1 or workers == 1:
            return [made for batch in batches for made in self._screen_batch(state, batch)]

        def screen(batch: Sequence[tuple[str | None, Item]]) -> list[Decision]:
            return list(self._screen_batch(state, batch))

        with ThreadExecutor(screen, workers=min(workers, len(batches))) as executor:
            results = executor.map(batches)
            return [made for result in results for made in result]

    def reject(self, content_id: str, reason: str) -> Decision:
        """Return the decision about a content that could not be obtained at all."""
        return decision_of(self._state, Content(content_id, error=reason))

    def _screen_batch(
        self, state: State, batch: Sequence[tuple[str | None, Item]]
    ) -> Iterator[Decision]:
        """Yield decisions, searching for many contents at a time within a budget of memory."""
        batch_bytes = self._options.batch_bytes
        held: list[Content] = []
        held_bytes = 0
        for content_id, item in batch:
            content = read_item(state, content_id, item, self._options.limits)
            held.append(content)
            # A video has many views, and so is the last one held.
            is_video_file = isinstance(content.data, str)
            held_bytes += batch_bytes if is_video_file else len(content.data)
            if held_bytes >= batch_bytes:
                yield from self._decided(state, held)
                held, held_bytes = [], 0
        yield from self._decided(state, held)

    def _fingerprint(self, state: State, contents: Sequence[Content], decode: str) -> None:
        """Hash pixels by every algorithm that asks for them, from one decode of each content."""
        names = state.pixel_hashes
        if any(name not in LUMA_MARGIN_BITS for name in names):
            decode = "exact"
        policy = state.policy
        options = self._options
        looking = Looking(
            policy.views, options.limits, options.timed_video_limits, policy.video_interval_s
        )
        arguments = (Attempt((content.data, names, decode, looking)) for content in contents)
        for content, made in zip(contents, self._executor.map(arguments), strict=True):
            take_fingerprints(content, names, made.error or made.unwrap())

    def _decided(self, state: State, contents: Sequence[Content]) -> Iterator[Decision]:
        block_views = self._options.block_views
        if state.pixel_hashes:
            read = [content for content in contents if content.error is None]
            self._fingerprint(state, read, self._options.decode)
        for algorithm, radius in state.radii.items():
            confirm = to_confirm(state, algorithm, radius, contents, block_views)
            self._fingerprint(state, confirm, "exact")
        for algorithm, radius in state.radii.items():
            search(state, algorithm, radius, contents, block_views)
        for content in contents:
            yield decision_of(state, content)


def _executor(
    options: ScreeningOptions, algorithms: Sequence[str]
) -> Executor[Attempt[tuple[Any, ...]], Attempt[dict[str, Fingerprint | DecodeError]]]:
    task = spread(fingerprint_each)
    if options.isolation is None:
        return InlineExecutor(attempted(task))
    prepare: list[Callable[[], object]] = [partial(prepare_to_fingerprint, algorithms)]
    if options.isolation.truncated:
        prepare.append(accept_truncated)
    return IsolatedExecutor(task, options.isolation, workers=options.threads, prepare=prepare)


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
