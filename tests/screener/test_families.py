"""Screening by several algorithms at once, and by digests of files that are not pictures."""

import csv
import hashlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import imagehash
import jsonschema
import numpy as np
import pytest
from PIL import Image

from hashmatch.decode import DecodeLimits
from hashmatch.errors import AlgorithmError, DecodeError, PolicyError
from hashmatch.hashing import algorithms, register
from hashmatch.index import build_index
from hashmatch.screener import Item, Screener, ScreeningOptions

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "decision-row.schema.json").read_text())
ORACLES = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "ahash": imagehash.average_hash,
    "whash": imagehash.whash,
}
RADII = {"phash": 8, "dhash": 6, "ahash": 5, "whash": 5, "crop-resistant": 16}
HEAD = 'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "undecodable" }\n'


def rule(algorithm: str, rest: str = 'action = "block"', **when: Any) -> str:
    conditions = {"algorithm": algorithm, **when}
    text = ", ".join(f"{key} = {json.dumps(value)}" for key, value in conditions.items())
    return f'[[rules]]\nname = "{algorithm}"\nwhen = {{ {text} }}\n{rest}\n'


def write_index(folder: Path, hashes: dict[str, dict[str, list[str]]], policy: str) -> Path:
    """Build an index with a list per algorithm; `hashes` is {algorithm: {entry id: [hex]}}."""
    lists = ""
    for algorithm, entries in hashes.items():
        with (folder / f"{algorithm}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["entry_id", "hash"])
            rows.writerows((entry, one) for entry, many in entries.items() for one in many)
        lists += (
            f'[[lists]]\nname = "known-{algorithm}"\nfile = "{algorithm}.csv"\nversion = "1"\n'
            f'harm = "h"\nalgorithm = "{algorithm}"\n'
        )
    (folder / "recipe.toml").write_text(f'name = "families"\n{lists}')
    # What trimmed views find is for test_views.py: oracles here look at pictures as stored.
    (folder / "policy.toml").write_text('views = ["orientations"]\n' + HEAD + policy)
    build_index(folder)
    return folder


def digests_of(data: bytes) -> dict[str, str]:
    return {name: hashlib.new(name, data).hexdigest() for name in ("md5", "sha1", "sha256")}


def opened(folder: Path, **options: Any) -> Screener:
    return Screener.open(folder, folder / "policy.toml", options=ScreeningOptions(**options))


def rgb(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


@pytest.fixture(scope="module")
def pictures(demo: Path) -> list[Path]:
    return sorted((demo / "images").iterdir())


@pytest.mark.parametrize("decode", ["luma", "exact"])
def test_the_family_matches_as_imagehash_compares(
    demo: Path, pictures: list[Path], uploads: list[Path], tmp_path: Path, decode: str
) -> None:
    entries = {
        name: {path.name: [str(oracle(rgb(path)))] for path in pictures}
        for name, oracle in ORACLES.items()
    }
    rules = "".join(rule(name, max_distance=RADII[name], min_quality=100) for name in ORACLES)
    screener = opened(write_index(tmp_path, entries, rules), decode=decode)
    n_matches = dict.fromkeys(ORACLES, 0)
    for path in uploads:
        decision = screener.screen(path)
        jsonschema.validate(decision.to_dict(), SCHEMA)
        if decision.error is not None:
            is_cut = path.name == "rocket-truncated.jpg"  # and hashed as far as it goes
            assert bool(decision.hashes) == is_cut
            continue
        made = {name: oracle(rgb(path)) for name, oracle in ORACLES.items()}
        assert {one.algorithm: one.hex for one in decision.hashes} == {
            name: str(one) for name, one in made.items()
        }
        assert {(one.quality, one.decode) for one in decision.hashes} == {(None, "exact")}
        expected = {
            (name, entry, made[name] - imagehash.hex_to_hash(text), "as_stored")
            for name in ORACLES
            for entry, (text,) in entries[name].items()
            if made[name] - imagehash.hex_to_hash(text) <= RADII[name]
        }
        found = {(m.algorithm, m.entry_id, m.distance, m.view) for m in decision.matches}
        assert found == expected
        assert decision.action == ("block" if expected else "allow")
        for name, *_ in expected:
            n_matches[name] += 1
    assert all(n_matches.values())


def test_crop_resistant_matches_as_imagehash_does(pictures: list[Path], tmp_path: Path) -> None:
    some = pictures[:4]
    hashes = {path.name: imagehash.crop_resistant_hash(rgb(path)) for path in some}
    entries = {name: str(many).split(",") for name, many in hashes.items()}
    rules = rule("crop-resistant", max_distance=16)
    screener = opened(write_index(tmp_path, {"crop-resistant": entries}, rules))
    image = rgb(some[0])
    width, height = image.size
    buffer = io.BytesIO()
    image.crop((0, 0, width * 3 // 4, height)).save(buffer, "PNG")
    decision = screener.screen(buffer.getvalue())
    jsonschema.validate(decision.to_dict(), SCHEMA)
    upload = imagehash.crop_resistant_hash(Image.open(io.BytesIO(buffer.getvalue())))
    expected = {name for name, many in hashes.items() if upload.matches(many, hamming_cutoff=16)}
    assert {match.entry_id for match in decision.matches} == expected
    assert all(match.view.startswith("segment_") for match in decision.matches)
    assert decision.n_matches == len(expected) > 0


def test_a_screener_that_cannot_compute_its_hashes_does_not_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = rule("crop-resistant", max_distance=16)
    folder = write_index(tmp_path, {"crop-resistant": {"a": ["00" * 8]}}, rules)
    opened(folder)
    monkeypatch.setitem(sys.modules, "imagehash", None)
    with pytest.raises(AlgorithmError, match="install it: pip install"):
        opened(folder)


def digest_index(folder: Path, files: list[Path], rules: str = "") -> Path:
    made = {file.name: digests_of(file.read_bytes()) for file in files}
    hashes = {
        name: {file: [of[name]] for file, of in made.items()} for name in ("md5", "sha1", "sha256")
    }
    policy = "".join(rule(name) for name in hashes) + rules
    return write_index(folder, hashes, policy)


def test_an_undecodable_file_is_matched_by_its_digest(
    demo: Path, uploads: list[Path], tmp_path: Path
) -> None:
    """Error and match stand side by side, the gravest action wins, and nothing is swallowed."""
    bad = [path for path in uploads if path.name in ("text-file.jpg", "empty.jpg")]
    bad.append(tmp_path / "header.jpg")
    bad[-1].write_bytes((demo / "uploads" / "rocket-truncated.jpg").read_bytes()[:600])
    good = demo / "uploads" / "blank.png"
    folder = digest_index(tmp_path, [*bad, good])
    text = (folder / "recipe.toml").read_text()
    (folder / "pdq.csv").write_text("entry_id,hash\n" + f"far,{'0f' * 32}\n")
    (folder / "recipe.toml").write_text(
        text + '[[lists]]\nname = "pdq"\nfile = "pdq.csv"\nversion = "1"\nharm = "h"\n'
    )
    build_index(folder)
    with (folder / "policy.toml").open("a") as policy:
        policy.write(rule("pdq", max_distance=31))
    screener = opened(folder)
    for path in bad:
        decision = screener.screen(path)
        jsonschema.validate(decision.to_dict(), SCHEMA)
        assert decision.error is not None
        assert (decision.action, decision.rule) == ("block", "md5")
        assert (decision.queue, decision.priority) == ("undecodable", "medium")
        assert [one.name for one in decision.rules] == ["md5", "sha1", "sha256"]
        assert {m.entry_id for m in decision.matches} == {path.name}
        assert {one.algorithm: one.hex for one in decision.hashes} == digests_of(path.read_bytes())
        assert {one.decode for one in decision.hashes} == {"bytes"}
        assert decision.sha256 == digests_of(path.read_bytes())["sha256"]
        by_bytes = screener.screen(path.read_bytes(), content_id=str(path))
        assert by_bytes == decision
    decision = screener.screen(good)
    assert decision.error is None
    assert (decision.action, decision.n_matches) == ("block", 3)
    assert [one.algorithm for one in decision.hashes] == ["md5", "pdq", "sha1", "sha256"]
    other = screener.screen(b"another text")
    assert (other.action, other.queue, other.rules) == ("review", "undecodable", ())
    items: list[Item] = [*uploads, *bad, b"another text", tmp_path, tmp_path / "absent"]
    each = [screener.screen(item) for item in items]
    assert screener.screen_many(items) == each == screener.screen_many(items, workers=2)
    assert each[-1].hashes == () == each[-2].hashes


def test_a_file_too_large_to_decode_is_matched_by_its_digest(demo: Path, tmp_path: Path) -> None:
    large = demo / "uploads" / "coffee-exact-copy.jpg"
    folder = digest_index(tmp_path, [large])
    for item in (large, large.read_bytes()):
        decision = opened(folder, limits=DecodeLimits(max_bytes=1000)).screen(item)
        assert decision.n_matches == 3
        assert decision.action == "block"
        assert decision.sha256 == digests_of(large.read_bytes())["sha256"]
    unread = opened(folder, limits=DecodeLimits(max_bytes=1000)).screen(large)
    assert str(unread.error).startswith("too large")


def test_a_policy_of_digests_decodes_nothing(
    demo: Path, uploads: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = digest_index(tmp_path, uploads[:1])
    screener = opened(folder)
    monkeypatch.setattr("hashmatch.fingerprint.content.render_views", None)
    text = screener.screen(demo / "uploads" / "text-file.jpg")
    assert (text.error, text.action, text.n_matches) == (None, "allow", 0)
    assert screener.screen(uploads[0]).n_matches == 3


def test_a_file_is_read_once(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = demo / "uploads" / "coffee-exact-copy.jpg"
    screener = opened(digest_index(tmp_path, [path]))
    opens, real = [], os.open

    def counted(*args: Any) -> int:
        opens.append(args)
        return real(*args)

    monkeypatch.setattr(os, "open", counted)
    assert screener.screen(path).n_matches == 3
    assert len(opens) == 1


@pytest.mark.parametrize("algorithm", ["md5", "phash"])
def test_a_distance_that_the_algorithm_does_not_have(
    tmp_path: Path, algorithm: str, demo: Path
) -> None:
    index = write_index(tmp_path, {"phash": {"a": ["00" * 8]}, "md5": {"a": ["00" * 16]}}, "")
    (index / "policy.toml").write_text(HEAD + rule(algorithm, max_distance=65))
    reason = "is a digest" if algorithm == "md5" else "65 is more than the 64 bits of phash"
    with pytest.raises(PolicyError, match=reason):
        opened(index)


class Failing:
    name, bits, default_radius, consumes = "acme", 64, 4, "grey"

    def hash_pixels(self, pixels: Any) -> Any:
        raise DecodeError("entry point acme = acme:HASH failed: RuntimeError: no")


def test_an_algorithm_that_fails_takes_no_other_with_it(
    pictures: list[Path], tmp_path: Path
) -> None:
    acme = register(Failing())
    phash = {path.name: [str(imagehash.phash(rgb(path)))] for path in pictures}
    rules = rule("acme", max_distance=0) + rule("phash", max_distance=0)
    folder = write_index(tmp_path, {"acme": {"a": ["00" * 8]}, "phash": phash}, rules)
    decision = opened(folder).screen(pictures[0])
    assert decision.error == "entry point acme = acme:HASH failed: RuntimeError: no"
    assert (decision.action, decision.rule, decision.queue) == ("block", "phash", "undecodable")
    assert [one.algorithm for one in decision.hashes] == ["phash"]
    acme.close()
    with pytest.raises(AlgorithmError, match="'acme'.*install the plug-in"):
        opened(folder)


def test_only_pdq_is_decoded_luma_first() -> None:
    assert [name for name, one in algorithms().items() if one.luma_drift is not None] == ["pdq"]


def test_one_decode_serves_all(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = {name: {"a": ["00" * 8]} for name in ORACLES} | {"pdq": {"a": ["00" * 32]}}
    rules = "".join(rule(name, max_distance=0) for name in hashes)
    screener = opened(write_index(tmp_path, hashes, rules))
    n_greys = 0
    from hashmatch.decode import decode_pictures
    from hashmatch.hashing import grey_of

    def counted(pixels: Any, real: Any = grey_of) -> Any:
        nonlocal n_greys
        n_greys += 1
        return real(pixels)

    monkeypatch.setattr("hashmatch.fingerprint.rendering.grey_of", counted)
    n_decodes = 0

    def decoded(data: bytes, real: Any = decode_pictures, **options: Any) -> Any:
        nonlocal n_decodes
        n_decodes += 1
        return real(data, **options)

    monkeypatch.setattr("hashmatch.fingerprint.rendering.decode_pictures", decoded)
    decision = screener.screen(pictures[0])
    assert (n_decodes, n_greys, len(decision.hashes)) == (1, 1, 5)
    assert {one.decode for one in decision.hashes} == {"exact"}
    assert np.all([one.hex for one in decision.hashes])
