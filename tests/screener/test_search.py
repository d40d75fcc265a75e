"""Luma first, then exactly: the margin and its purpose; and floods of matches."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hashmatch.errors import Attempt
from hashmatch.fingerprint import ViewOptions, fingerprint_contents, fingerprint_media, hash_image
from hashmatch.hashing.pdq import LUMA_DRIFT
from hashmatch.index import build_index
from hashmatch.screener import Screener
from hashmatch.values import Content, Fingerprint, Fingerprints

Opened = Callable[..., Screener]


def drift(monkeypatch: pytest.MonkeyPatch, n_bits: int, quality: int | None = None) -> None:
    """Make every picture one that luma decode can take, with codes `n_bits` off in every view."""
    mask = np.packbits(np.arange(256) < n_bits)

    def fingerprint(
        contents: Sequence[Content], names: tuple[str, ...], *, decode: str, **options: Any
    ) -> Iterator[Fingerprints]:
        for made in fingerprint_contents(contents, names, decode="exact", **options):
            if decode == "exact":
                yield made
                continue
            attempts = {
                name: one if one.value is None else Attempt(drifted(one.value))
                for name, one in made.attempts.items()
            }
            yield dataclasses.replace(made, attempts=attempts)

    def drifted(made: Fingerprint) -> Fingerprint:
        return dataclasses.replace(
            made,
            decode="luma",
            codes=made.codes ^ mask,
            qualities=made.qualities if quality is None else (quality,) * len(made.views),
        )

    monkeypatch.setattr("hashmatch.screener.screener.fingerprint_contents", fingerprint)


@pytest.fixture
def copies(uploads: list[Path]) -> list[Path]:
    return [path for path in uploads if path.name.startswith(("coffee", "rocket-", "cat"))]


@pytest.mark.parametrize("drift_bits", [0, 8, LUMA_DRIFT.margin_bits])
def test_drift_within_the_margin_changes_no_match(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, drift_bits: int, copies: list[Path]
) -> None:
    exact = opened(decode="exact").screen_many(copies)
    screener = opened(decode="luma")
    drift(monkeypatch, drift_bits)
    drifted = screener.screen_many(copies)
    for one, other in zip(drifted, exact, strict=True):
        assert dataclasses.replace(one, hashes=()) == dataclasses.replace(other, hashes=())
        if one.matches:
            assert one.hashes == other.hashes
        elif one.error is None and drift_bits:
            assert one.hashes[0].decode == "luma"
            assert one.hashes[0].hex != other.hashes[0].hex


def test_drift_beyond_the_margin_is_what_the_margin_is_for(
    opened: Opened, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = demo / "uploads" / "coffee-exact-copy.jpg"
    screener = opened(decode="luma")
    assert screener.screen(path).n_matches == 1
    drift(monkeypatch, 31 + 16 + 1)
    assert screener.screen(path).n_matches == 0


def test_low_quality_is_confirmed_whatever_the_drift(
    opened: Opened, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = demo / "uploads" / "coffee-exact-copy.jpg"
    screener = opened(decode="luma")
    drift(monkeypatch, 128, quality=LUMA_DRIFT.min_quality - 1)
    decision = screener.screen(path)
    assert decision.matches[0].distance == 0
    assert (decision.hashes[0].decode, decision.hashes[0].quality) == ("exact", 100)


@pytest.mark.corpus
def test_the_margin_is_twice_the_drift_of_real_pictures(corpus: Path) -> None:
    worst = 0
    for path in sorted(corpus.rglob("*.jp*g")) + sorted((corpus / "photos").iterdir()):
        data = path.read_bytes()
        luma, exact = (
            fingerprint_media(data, "picture", ("pdq",), decode, ViewOptions())["pdq"].unwrap()
            for decode in ("luma", "exact")
        )
        if luma.decode == "luma" and (luma.quality or 0) >= LUMA_DRIFT.min_quality:
            drift = np.bitwise_count(luma.codes[:8] ^ exact.codes[:8]).sum(axis=1)
            worst = max(worst, int(drift.max()))
    assert 2 <= worst <= LUMA_DRIFT.margin_bits // 2


def test_a_flood_of_matches_is_counted_in_full(demo: Path, tmp_path: Path) -> None:
    """100,000 entries around one picture: all counted and judged, the nearest 100 recorded."""
    n_entries = 100_000
    picture = demo / "images" / "coffee.jpg"
    center = hash_image(picture).code
    rng = np.random.default_rng(7)
    codes = np.tile(center, (n_entries, 1))
    # 0, 1, 2 or 3 bits away; many ties at the 100th place.
    for _ in range(3):
        column, flip = rng.integers(0, 32, n_entries), rng.integers(0, 2, n_entries)
        codes[np.arange(n_entries), column] ^= (flip << 3).astype(np.uint8)
    distances = np.bitwise_count(codes ^ center).sum(axis=1)
    hexes = codes.tobytes().hex()
    order = rng.permutation(n_entries)
    lines = ["entry_id,hash,harm"]
    for row in range(n_entries):
        harm = "spam" if row % 2 else "csam"
        lines.append(f"e{order[row]:06},{hexes[64 * row : 64 * row + 64]},{harm}")
    (tmp_path / "flood.csv").write_text("\n".join(lines))
    (tmp_path / "recipe.toml").write_text(
        'name = "flood"\n[[lists]]\nname = "flood"\nfile = "flood.csv"\nversion = "1"\n'
    )
    build_index(tmp_path)

    policy = tmp_path / "policy.toml"
    text = (demo / "policy.toml").read_text()
    policy.write_text(text.replace("[[rules]]\n", "[[rules]]\nmay_be_absent = true\n"))
    decision = Screener.open(tmp_path, policy).screen(picture)
    assert decision.n_matches == n_entries
    expected = sorted((int(distances[row]), f"e{order[row]:06}") for row in range(n_entries))
    assert [(m.distance, m.entry_id) for m in decision.matches] == expected[:100]
    assert {rule.name: rule.n_matches for rule in decision.rules} == {
        "csam-near-exact": n_entries // 2,
        "spam": n_entries // 2,
    }
    assert (decision.action, decision.queue) == ("block", "minor-safety")
