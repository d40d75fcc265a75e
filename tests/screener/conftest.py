"""The demo's uploads and a clip, and screeners for them."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashmatch.fingerprint import hash_image
from hashmatch.index import build_index
from hashmatch.screener import Screener, ScreeningOptions

Picture = Any
MakeClip = Callable[..., bytes]
Entries = list[tuple[str, str, str]]
"""Entry id, algorithm, hash in hex."""

HEAD = 'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "undecodable" }\n'
RULE = '[[rules]]\nname = "r-{name}"\nwhen = {{ algorithm = "{name}", max_distance = {radius} }}\n'


@pytest.fixture(scope="session")
def uploads(demo: Path) -> list[Path]:
    """Every upload of the demo, in order."""
    return sorted(path for path in (demo / "uploads").rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def opened(demo: Path) -> Callable[..., Screener]:
    """Open the demo's index and policy, with the options given."""

    def open_demo(**options: Any) -> Screener:
        return Screener.open(demo, policy=demo / "policy.toml", options=ScreeningOptions(**options))

    return open_demo


@pytest.fixture(scope="session")
def clip(make_clip: MakeClip, pictures: list[Picture]) -> bytes:
    """Four seconds, five scenes of eight frames each."""
    return make_clip(pictures, "mp4", crf="12", g="5", movie_flags="faststart")


@pytest.fixture(scope="session")
def stills(pictures: list[Picture]) -> Entries:
    """The hash of each picture; a scene, which is eight of them, is one entry."""
    return [(f"scene-{n // 8}", "pdq", hash_image(one).hex) for n, one in enumerate(pictures)]


@pytest.fixture
def index_of(tmp_path: Path) -> Callable[..., Screener]:
    """Return what builds an index of (entry id, algorithm, hex) and opens it with a policy."""

    def build(
        entries: Entries,
        *,
        head: str = "",
        radii: dict[str, int] | None = None,
        **options: Any,
    ) -> Screener:
        with (tmp_path / "known.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("entry_id", "algorithm", "hash"), *entries])
        (tmp_path / "recipe.toml").write_text(
            'name = "videos"\n[[lists]]\nname = "known"\nfile = "known.csv"\nversion = "1"\n'
            'harm = "h"\n'
        )
        build_index(tmp_path)
        rules = "".join(
            RULE.format(name=name, radius=radius) + 'action = "block"\n'
            for name, radius in (radii or {"pdq": 31}).items()
        )
        (tmp_path / "policy.toml").write_text(head + HEAD + rules)
        return Screener.open(
            tmp_path, tmp_path / "policy.toml", options=ScreeningOptions(**options)
        )

    return build
