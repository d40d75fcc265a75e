"""Screening in isolation by several algorithms: as in process, whatever one of them does."""

import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from hashmatch.fingerprint import hash_image
from hashmatch.hashing import unregister
from hashmatch.index import build_index
from hashmatch.screener import Item, Screener, ScreeningOptions
from hashmatch.workers import Isolation

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

# A plug-in of a third party: the width of a picture says what it does.
PLUGIN = """
import ctypes
import numpy as np

class Hash:
    name, bits, default_radius, consumes = "acme", 64, 4, "grey"

    def hash_pixels(self, pixels):
        if pixels.shape[1] == 77:
            raise RuntimeError("no")
        if pixels.shape[1] == 78:
            raise MemoryError
        if pixels.shape[1] == 79:
            ctypes.string_at(0)
        return np.zeros(8, np.uint8), None

HASH = Hash()
"""
HEAD = 'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "undecodable" }\n'
IN_ISOLATION = ScreeningOptions(isolation=Isolation(time_s=20.0, memory_bytes=512 << 20))


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the plug-in, for this process and for those that it starts."""
    folder = tmp_path / "site"
    info = folder / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "acme.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hashmatch.algorithms]\nacme = acme:HASH\n")
    monkeypatch.syspath_prepend(folder)
    yield
    sys.modules.pop("acme", None)
    unregister("acme")


def index_of(folder: Path, pictures: list[Path], algorithms: list[str]) -> Path:
    """Build an index of the hashes of pictures, each algorithm with a list and a rule."""
    recipe, policy = 'name = "isolated"\n', HEAD
    for name in algorithms:
        with (folder / f"{name}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["entry_id", "hash"])
            for path in pictures:
                if name == "md5":
                    code = hashlib.md5(path.read_bytes()).hexdigest()
                else:
                    code = "00" * 8 if name == "acme" else hash_image(path, name).hex
                rows.writerow([path.name, code])
        recipe += (
            f'[[lists]]\nname = "known-{name}"\nfile = "{name}.csv"\nversion = "1"\n'
            f'harm = "h"\nalgorithm = "{name}"\n'
        )
        when = f'algorithm = "{name}", max_distance = 0'
        policy += f'[[rules]]\nname = "{name}"\nwhen = {{ {when} }}\naction = "block"\n'
    (folder / "recipe.toml").write_text(recipe)
    (folder / "policy.toml").write_text(policy)
    build_index(folder)
    return folder


@pytest.mark.parametrize(
    "algorithms", [["pdq"], ["pdq", "phash", "dhash", "md5"], ["md5"]], ids=" ".join
)
def test_isolation_changes_no_decision(
    demo: Path, uploads: list[Path], tmp_path: Path, algorithms: list[str]
) -> None:
    folder = index_of(tmp_path, sorted((demo / "images").iterdir()), algorithms)
    items: list[Item] = [*uploads, b"", b"no picture", tmp_path / "absent"]
    expected = Screener.open(folder, folder / "policy.toml").screen_many(items)
    screener = Screener.open(folder, folder / "policy.toml", options=IN_ISOLATION)
    try:
        assert screener.screen_many(items) == expected
        assert sum(one.n_matches > 0 for one in expected) > 0
    finally:
        screener.close()


@pytest.mark.usefixtures("acme")
def test_a_failing_algorithm_loses_no_match_of_another(demo: Path, tmp_path: Path) -> None:
    paths = []
    with Image.open(demo / "images" / "coffee.jpg") as image:
        for width_px in (76, 77, 78, 79):
            paths.append(tmp_path / f"{width_px}.png")
            image.convert("RGB").resize((width_px, 100)).save(paths[-1])
    folder = index_of(tmp_path, paths, ["acme", "md5", "phash"])
    # A view of another width would not fail.
    policy = (folder / "policy.toml").read_text()
    (folder / "policy.toml").write_text(f"views = []\n{policy}")
    with_all = ["acme", "md5", "phash"]
    expected = [  # in process, the last would take this one along
        (None, with_all),
        ("entry point acme = acme:HASH of acme 1.0 failed: RuntimeError: no", with_all[1:]),
        ("out of memory", with_all[1:]),
        ("decoder crashed: SIGSEGV", ["md5"]),
    ]
    screener = Screener.open(folder, folder / "policy.toml", options=IN_ISOLATION)
    try:
        decisions = screener.screen_many(paths)
    finally:
        screener.close()
    for decision, (error, algorithms) in zip(decisions, expected, strict=True):
        assert decision.error == error
        assert [one.algorithm for one in decision.hashes] == algorithms
        assert {one.algorithm for one in decision.matches} == set(algorithms)
        assert decision.action == "block"
        assert decision.queue == (None if error is None else "undecodable")
    in_process = Screener.open(folder, folder / "policy.toml").screen_many(paths[:3])
    assert decisions[:3] == in_process
    assert json.loads(json.dumps(decisions[3].to_dict()))["n_matches"] == 1
