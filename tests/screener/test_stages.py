"""Each stage of a content is of use alone, and together they are the screener."""

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import DecodeLimits
from hashmatch.errors import DecodeError, ErrorKind
from hashmatch.fingerprint import ViewOptions, fingerprint_content, fingerprint_hashes, hash_image
from hashmatch.hashing import register
from hashmatch.index import Index
from hashmatch.matching import MatchTable, match_fingerprints, match_many
from hashmatch.policy import Policy
from hashmatch.screener import Screener, decide, ingest
from hashmatch.values import Content, Media

Opened = Callable[..., Screener]
RADII = {"pdq": 31}


def test_the_stages_in_order_are_the_screener(
    opened: Opened, demo: Path, uploads: list[Path]
) -> None:
    index, policy = Index.open(demo), Policy.load(demo / "policy.toml")
    options = ViewOptions(policy.views)
    screener = opened(decode="exact")
    tables = []
    fingerprints = []
    for path in uploads:
        content = ingest(path)
        made = fingerprint_content(content, ["pdq"], options=options)
        table = match_fingerprints(index, made, RADII, suppression=policy.suppression)
        assert decide(policy, made, table) == screener.screen(path)
        tables.append(table)
        fingerprints.append(made)
    for block_views in (1, 7, 4096):
        again = match_many(
            index,
            fingerprints,
            RADII,
            suppression=policy.suppression,
            block_views=block_views,
        )
        assert again == tables


def test_a_content_is_fingerprinted_without_an_index(demo: Path) -> None:
    path = demo / "images" / "coffee.jpg"
    for content in (ingest(path), Content("a", media=Media("picture", str(path)))):
        made = fingerprint_content(content, ["phash", "pdq"], options=ViewOptions(()))
        assert list(made.attempts) == ["phash", "pdq"]
        for one in made:
            assert one.codes[0].tobytes().hex() == hash_image(path, one.algorithm).hex
            assert one.views == ("as_stored",)


def test_hashes_match_without_pixels_and_all_of_them_on_demand(demo: Path) -> None:
    index = Index.open(demo)
    made = fingerprint_hashes({"pdq": hash_image(demo / "images" / "coffee.jpg")})
    table = match_fingerprints(index, made, {"pdq": 256}, limit=None)
    assert table.n_matches == table.n_entries == len(table.matches) == 17
    assert sum(group.n_matches for group in table.groups) == 17
    few = match_fingerprints(index, made, {"pdq": 256}, limit=3)
    assert few == dataclasses.replace(table, matches=table.matches[:3])
    with pytest.raises(KeyError, match="phash"):
        match_fingerprints(index, fingerprint_hashes({"phash": "00" * 8}), {"phash": 1})


def test_luma_fingerprints_only_nominate(demo: Path) -> None:
    content = ingest(demo / "uploads" / "coffee-exact-copy.jpg")
    made = fingerprint_content(content, ["pdq"], decode="luma")
    assert [one.decode for one in made] == ["luma"]
    table = match_fingerprints(Index.open(demo), made, RADII)
    assert (table.n_matches, table.matches, table.groups) == (0, (), ())


def test_matches_decide_without_an_index(demo: Path) -> None:
    policy = Policy.load(demo / "policy.toml")
    index = Index.open(demo)
    made = fingerprint_hashes({"pdq": hash_image(demo / "images" / "coffee.jpg")})
    table = match_fingerprints(index, made, RADII)
    decision = decide(policy, made, table)
    assert decision.action == "block"
    nothing = decide(policy, made, MatchTable(index.ref))
    assert (nothing.action, nothing.matches, nothing.index) == ("allow", (), index.ref)


@pytest.mark.parametrize("digest_names", [(), ("md5",)])
def test_an_item_is_ingested_with_its_kind_and_digests(
    demo: Path, clip: bytes, tmp_path: Path, digest_names: tuple[str, ...]
) -> None:
    (tmp_path / "clip.jpg").write_bytes(clip)  # the name is not asked
    picture = demo / "images" / "coffee.jpg"
    for item, kind, is_file in (
        (picture, "picture", False),
        (picture.read_bytes(), "picture", False),
        (clip, "video", False),
        (tmp_path / "clip.jpg", "video", True),
    ):
        content = ingest(item, digest_names=digest_names)
        assert content.error is None
        assert content.media is not None
        assert content.media.kind == kind
        assert isinstance(content.media.source, str) == is_file
        assert tuple(content.digests) == digest_names
        assert content.content_id == (str(item) if isinstance(item, Path) else content.sha256)
        with pytest.raises(dataclasses.FrozenInstanceError):
            content.media = None  # type: ignore[misc]
    large = ingest(picture, digest_names=digest_names, limits=DecodeLimits(max_bytes=10))
    assert (large.media, large.error and large.error.kind) == (None, ErrorKind.TOO_LARGE)
    assert tuple(large.digests) == digest_names
    assert (large.sha256 is None) == (not digest_names)
    absent = ingest(tmp_path / "absent", content_id="a", digest_names=digest_names)
    assert (absent.content_id, absent.sha256, absent.digests) == ("a", None, {})
    assert absent.error is not None
    assert absent.error.kind == ErrorKind.UNREADABLE


def test_an_error_keeps_its_kind_up_to_the_decision(opened: Opened, demo: Path) -> None:
    screener = opened()
    for item, kind in (
        (b"", "empty"),
        (b"text", "not_media"),
        (demo / "uploads" / "rocket-truncated.jpg", "truncated"),
        (demo, "unreadable"),
        (demo / "images" / "coffee.jpg", None),
    ):
        decision = screener.screen(item)
        assert decision.error_kind == kind
        assert (decision.error is None) == (kind is None)
    assert screener.reject("a", "gone").error_kind == "unreadable"
    assert screener.reject("a", "late", ErrorKind.TIMEOUT).error_kind == "timeout"


def test_an_error_holds_no_pixels(demo: Path) -> None:
    """The frames of a traceback would keep every decoded picture of a batch in memory."""
    made = fingerprint_content(ingest(demo / "uploads" / "rocket-truncated.jpg"), ["pdq"])
    assert made.error is not None
    assert (made.error.__traceback__, made.error.__cause__, made.error.__context__) == (None,) * 3


class PickyHash:
    """The level of a flat picture as a code; black ones cannot be hashed."""

    name = "picky"
    bits = 64
    default_radius = 0
    consumes = "grey"

    def hash_pixels(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], None]:
        if not pixels.any():
            raise DecodeError("too dark", ErrorKind.NOT_HASHED)
        return pixels[0, :8], None


@pytest.mark.parametrize("levels", [(80, 0, 160), (80, 160, 0), (0, 80, 160)])
def test_a_frame_that_cannot_be_hashed_costs_no_other_frame(
    levels: tuple[int, ...], index_of: Callable[..., Screener]
) -> None:
    frames = [Image.new("L", (16, 16), level) for level in levels]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=500)
    with register(PickyHash()):
        entries = [(f"level-{level}", "picky", f"{level:02x}" * 8) for level in (80, 160)]
        decision = index_of(entries, radii={"picky": 0}).screen(buffer.getvalue())
    assert [match.entry_id for match in decision.matches] == ["level-160", "level-80"]
    assert (decision.error, decision.error_kind) == ("too dark", "not_hashed")
    assert (decision.action, decision.rule, decision.rules_not_tried) == ("block", "r-picky", ())
    # The hash that is recorded is that of the first frame or none.
    assert [found.hex for found in decision.hashes] == (["50" * 8] if levels[0] else [])


@pytest.mark.parametrize("levels", [(0,), (0, 0)])
def test_a_content_without_any_hash_has_an_error(
    levels: tuple[int, ...], index_of: Callable[..., Screener]
) -> None:
    frames = [Image.new("L", (16, 16), level) for level in levels]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=500)
    with register(PickyHash()):
        screener = index_of([("level-80", "picky", "50" * 8)], radii={"picky": 0})
        decision = screener.screen(buffer.getvalue())
    assert (decision.error, decision.action, decision.queue) == (
        "too dark",
        "review",
        "undecodable",
    )
    assert (decision.hashes, decision.matches, decision.rules_not_tried) == ((), (), ("r-picky",))


def test_a_video_whose_bytes_cannot_all_be_read_has_its_frames_looked_at(
    clip: bytes, stills: list[tuple[str, str, str]], index_of: Callable[..., Screener],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def digest_until_damage(*_: object) -> None:
        raise DecodeError("I/O error", ErrorKind.UNREADABLE)

    (tmp_path / "clip.mp4").write_bytes(clip)
    screener = index_of(stills)
    whole = screener.screen(tmp_path / "clip.mp4")
    monkeypatch.setattr("hashmatch.screener.ingestion.digests", digest_until_damage)
    decision = screener.screen(tmp_path / "clip.mp4")
    assert (decision.error, decision.error_kind, decision.sha256) == (
        "I/O error", "unreadable", None,
    )  # fmt: skip
    assert whole.n_matches > 0
    met = [{each.entry_id for each in one.matches} for one in (decision, whole)]
    assert met[0] <= met[1]  # without the digest, samples begin elsewhere
    assert decision.action == "block"
