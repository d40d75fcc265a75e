"""Decisions about hashes made elsewhere are those about the content, as far as hashes go."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from hashmatch.fingerprint import digests, hash_image
from hashmatch.screener import Screener
from hashmatch.values import Hash
from tests.displayed_frames import displayed

Opened = Callable[..., Screener]
Entries = list[tuple[str, str, str]]

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "decision-row.schema.json").read_text())


def test_a_hash_decides_as_its_picture_does(opened: Opened, uploads: list[Path]) -> None:
    screener = opened(decode="exact")
    n_matches = 0
    for path in uploads:
        whole = screener.screen(path, content_id="a")
        if whole.error is not None:
            continue
        made = screener.screen_hashes({"pdq": hash_image(path)}, content_id="a")
        jsonschema.validate(made.to_dict(), SCHEMA)
        assert (made.sha256, made.error, made.rules_not_tried) == (None, None, ())
        (own,), (hashed,) = made.hashes, whole.hashes
        assert own == dataclasses.replace(hashed, decode="given")
        # Nothing is known of the pixels: not the quality with the contrast stretched, either.
        matches = tuple(
            dataclasses.replace(match, stretched_quality=None)
            for match in whole.matches
            if match.view == "as_stored"
        )
        assert matches == made.matches
        is_clear = all(match.quality is None or match.quality >= 50 for match in matches)
        if len(matches) == len(whole.matches) and is_clear:
            same = dataclasses.replace(whole, sha256=None, hashes=made.hashes, matches=matches)
            assert made == same
        n_matches += made.n_matches
    assert n_matches > 10


def test_rules_without_a_hash_are_named(demo: Path, index_of: Callable[..., Screener]) -> None:
    picture = demo / "images" / "coffee.jpg"
    known = {**digests(picture), "pdq": hash_image(picture), "phash": hash_image(picture, "phash")}
    entries = [("coffee", name, one.hex) for name, one in known.items()]
    screener = index_of(entries, radii={"md5": 0, "pdq": 31, "phash": 8})
    everything = screener.screen(picture)
    assert (everything.n_matches, everything.n_entries, everything.rules_not_tried) == (3, 1, ())
    some = screener.screen_hashes({"md5": known["md5"], "sha1": known["sha1"]})
    assert some.rules_not_tried == ("r-pdq", "r-phash")
    assert [one.algorithm for one in some.hashes] == ["md5", "sha1"]
    assert (some.action, some.rule, some.n_matches) == ("block", "r-md5", 1)
    assert (some.content_id, some.sha256) == ("", None)
    jsonschema.validate(some.to_dict(), SCHEMA)
    three = screener.screen_hashes({name: known[name].hex for name in ("md5", "pdq", "phash")})
    assert (three.n_matches, three.n_entries) == (3, 1)
    assert three.rules == everything.rules
    unreadable = screener.screen(b"no picture")
    assert unreadable.rules_not_tried == ("r-pdq", "r-phash")


@pytest.mark.parametrize(("quality", "n_rules"), [(None, 1), (50, 1), (49, 0), (0, 0)])
def test_a_hash_without_quality_passes_every_min_quality(
    stills: Entries, index_of: Callable[..., Screener], quality: int | None, n_rules: int
) -> None:
    screener = index_of(stills[:8])
    code = np.frombuffer(bytes.fromhex(stills[0][2]), np.uint8)
    decision = screener.screen_hashes({"pdq": Hash("pdq", code, quality)})
    assert (decision.n_matches, len(decision.rules)) == (1, n_rules)
    assert decision.matches[0].quality == quality


def test_several_hashes_are_views_of_one_content(
    stills: Entries, index_of: Callable[..., Screener]
) -> None:
    screener = index_of(stills)
    of_scenes = [stills[0][2], stills[8][2], stills[9][2]]
    decision = screener.screen_hashes({"pdq": of_scenes})
    assert {match.entry_id for match in decision.matches} == {"scene-0", "scene-1"}
    assert decision.hashes[0].hex == of_scenes[0]


@pytest.mark.parametrize("hashes", [{}, {"pdq": "0f"}, {"acme": "0f" * 32}])
def test_wrong_hashes_are_a_mistake_in_code(opened: Opened, hashes: Any) -> None:
    with pytest.raises(ValueError, match="hash|expected 64 hex digits"):
        opened().screen_hashes(hashes)


def test_pdq_hashes_of_frames_match_as_the_video_does(
    clip: bytes, stills: Entries, index_of: Callable[..., Screener]
) -> None:
    screener = index_of(stills, head='views = ["frames"]\n')
    frames = displayed(clip)
    made = screener.screen_hashes({"pdq": [code.tobytes() for code in frames.codes]})
    whole = screener.screen(clip)
    assert [(m.entry_id, m.distance) for m in made.matches] == [
        (m.entry_id, m.distance) for m in whole.matches
    ]
