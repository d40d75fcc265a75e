"""A screener in every way of calling it, with wrong arguments and with what cannot be decoded."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashmatch.decode import DecodeLimits
from hashmatch.errors import PolicyError
from hashmatch.fingerprint import content as content_module
from hashmatch.fingerprint.rendering import render_views
from hashmatch.index import Index
from hashmatch.screener import Screener
from hashmatch.values import IndexRef, Media

Opened = Callable[..., Screener]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_many_is_each(opened: Opened, workers: int, uploads: list[Path]) -> None:
    screener = opened()
    items: list[Any] = [*uploads, *(path.read_bytes() for path in uploads), *reversed(uploads)]
    one_by_one = [screener.screen(item) for item in items]
    assert screener.screen_many(items, workers=workers) == one_by_one
    assert len({decision.action for decision in one_by_one}) == 4


def test_memory_bound_splits_batches_without_changing_them(
    opened: Opened, uploads: list[Path]
) -> None:
    whole = opened().screen_many(uploads)
    assert opened(batch_bytes=30_000, batch_items=5).screen_many(uploads) == whole


def test_bytes_and_paths_differ_in_the_content_id_only(opened: Opened, uploads: list[Path]) -> None:
    screener = opened()
    for path in uploads:
        data = path.read_bytes()
        by_path, by_bytes = screener.screen(path), screener.screen(data)
        assert by_bytes.content_id == hashlib.sha256(data).hexdigest() == by_bytes.sha256
        same = dataclasses.replace(by_path, content_id=by_bytes.content_id)
        if data:  # a file is known to be empty before it is read
            assert same == by_bytes
        for kind in (bytearray, memoryview):
            assert screener.screen(kind(data)) == by_bytes


def test_content_id_is_as_given(
    opened: Opened, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screener = opened()
    monkeypatch.chdir(demo / "uploads")
    assert screener.screen("./blank.png").content_id == "./blank.png"
    assert screener.screen(Path("blank.png")).content_id == "blank.png"
    assert screener.screen("blank.png", content_id="upload-1").content_id == "upload-1"
    assert screener.screen("blank.png", content_id="").content_id == ""
    named = screener.screen_many(["blank.png", "blank.png"], content_ids=["a", None])
    assert [decision.content_id for decision in named] == ["a", "blank.png"]


@pytest.mark.parametrize("item", [None, 3, ["blank.png"], object(), open])
def test_another_type_of_item_is_a_mistake_in_code(opened: Opened, item: Any) -> None:
    with pytest.raises(TypeError, match="an item must be bytes or a path, not"):
        opened().screen_many([b"", item])


def test_wrong_arguments(opened: Opened) -> None:
    screener = opened()
    with pytest.raises(TypeError, match="pass a single path to screen"):
        screener.screen_many("blank.png")
    with pytest.raises(ValueError, match="1 content_ids for 2 items"):
        screener.screen_many([b"a", b"b"], content_ids=["a"])
    with pytest.raises(TypeError, match="content_id must be a str, not int"):
        screener.screen(b"a", content_id=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        screener.screen_many([b"a"], workers=0)
    with pytest.raises(ValueError, match="unknown decode 'fast': expected one of exact, luma"):
        opened(decode="fast")
    assert screener.screen_many([]) == []


def test_an_unreadable_item_is_a_decision(opened: Opened, demo: Path, tmp_path: Path) -> None:
    screener = opened(limits=DecodeLimits(max_bytes=20_000))
    big = demo / "uploads" / "coffee-exact-copy.jpg"
    for item, reason in (
        (tmp_path / "absent.jpg", "no such file"),
        (tmp_path, "is a directory"),
        (b"", "empty file"),
        (big, "too large: more than 20000 bytes"),
        (big.read_bytes(), "too large: more than 20000 bytes"),
        ("nul\0character", "not a path"),
    ):
        decision = screener.screen(item)
        assert str(decision.error).startswith(reason)
        assert (decision.action, decision.queue, decision.rule) == ("review", "undecodable", None)
        assert (decision.n_matches, decision.hashes) == (0, ())
        assert (decision.sha256 is None) == (not isinstance(item, bytes))
    rejected = screener.reject("s3://bucket/a.jpg", "access denied")
    assert (rejected.content_id, rejected.error) == ("s3://bucket/a.jpg", "access denied")
    assert (rejected.action, rejected.queue) == ("review", "undecodable")


def test_running_out_of_memory_is_a_decision_about_one_item(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, uploads: list[Path]
) -> None:
    screener = opened()
    expected = screener.screen_many(uploads)
    victim = next(n for n, path in enumerate(uploads) if path.name == "coffee-recompressed.jpg")

    def starved(media: Media, *args: Any, **options: Any) -> Any:
        if media.source == uploads[victim].read_bytes():
            raise MemoryError
        return render_views(media, *args, **options)

    monkeypatch.setattr(content_module, "render_views", starved)
    decisions = screener.screen_many(uploads)
    assert (decisions[victim].error, decisions[victim].error_kind) == ("out of memory", "memory")
    assert decisions[victim].queue == "undecodable"
    expected[victim] = decisions[victim]
    assert decisions == expected


def test_a_policy_without_rules_still_decodes(demo: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "q" }\n'
    )
    screener = Screener.open(demo, policy)
    decision = screener.screen(demo / "uploads" / "coffee-exact-copy.jpg")
    assert (decision.action, decision.n_matches) == ("allow", 0)
    assert decision.hashes[0].algorithm == "pdq"
    assert screener.screen(demo / "uploads" / "text-file.jpg").action == "review"


def test_a_policy_that_the_index_cannot_serve_is_refused(
    opened: Opened, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.toml"
    text = (demo / "policy.toml").read_text()
    policy.write_text(text.replace('harm = "spam",', 'harm = "spam", algorithm = "phash",'))
    with pytest.raises(PolicyError, match="rules ask about phash, but index demo holds pdq"):
        Screener.open(demo, policy)

    narrow = type(
        "Narrow",
        (),
        {
            "algorithms": ("pdq",),
            "ref": IndexRef("narrow", 1, ""),
            "bits": lambda *_: 16,
            "names": Index.open(demo).names,
        },
    )
    monkeypatch.setattr(Index, "open", lambda *_, **__: narrow())
    with pytest.raises(PolicyError, match="max_distance of 31 is more than the 16 bits of pdq"):
        opened()


def test_references_say_what_decided(opened: Opened, demo: Path) -> None:
    screener = opened()
    decision = screener.screen(b"not a picture")
    assert decision.index == screener.index_ref
    assert decision.policy == screener.policy_ref
    digest = hashlib.sha256((demo / "policy.toml").read_bytes()).hexdigest()
    assert (decision.policy.version, decision.policy.digest) == ("demo-1", digest)
    assert (decision.index.name, decision.index.generation) == ("demo", 1)
