"""The demo: its decisions byte by byte, and that its files are what they claim to be."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pdqhash
import pytest
from PIL import Image

from hashmatch.cli import demo_command, main

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "indexes" / "demo"
DOCUMENT = ROOT / "docs" / "decision-row.md"

OUTCOMES = {
    "advert-on-two-lists.jpg": ("block", "minor-safety"),
    "album/cat-greyscale.jpg": ("block", "spam"),
    "album/cat.gif": ("block", "spam"),
    "album/cat.webp": ("block", "spam"),
    "album/julia-blurred.jpg": ("quarantine", "intimate-images"),
    "allow-listed.jpg": ("allow", None),
    "blank.png": ("allow", None),
    "clock-too-blurry.jpg": ("quarantine", "intimate-images"),
    "coffee-captioned.jpg": ("review", "minor-safety"),
    "coffee-cmyk.jpg": ("block", "minor-safety"),
    "coffee-exact-copy.jpg": ("block", "minor-safety"),
    "coffee-recompressed.jpg": ("block", "minor-safety"),
    "coffee-rotated-90.jpg": ("block", "minor-safety"),
    "empty.jpg": ("review", "undecodable"),
    "retina-mirrored.jpg": ("quarantine", "intimate-images"),
    "retina-resized-up.jpg": ("quarantine", "intimate-images"),
    "rocket-letterboxed.jpg": ("quarantine", "violent-extremism"),
    "rocket-palette.png": ("quarantine", "violent-extremism"),
    "rocket-resized.jpg": ("quarantine", "violent-extremism"),
    "rocket-truncated.jpg": ("review", "undecodable"),
    "text-file.jpg": ("review", "undecodable"),
    "unrelated-cameraman.jpg": ("allow", None),
    "unrelated-grass.jpg": ("allow", None),
    "unrelated-julia.png": ("allow", None),
    "unrelated-pebbles.jpg": ("allow", None),
    "unrelated-ridges.jpg": ("allow", None),
}


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with an unbuilt copy of indexes/demo, as in a fresh clone."""
    shutil.copytree(DEMO, tmp_path / "indexes/demo", ignore=shutil.ignore_patterns("built"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_demo() -> bytes:
    assert main(["demo"]) == 0
    return Path("indexes/demo/built/decisions.jsonl").read_bytes()


@pytest.mark.golden
@pytest.mark.usefixtures("clone")
def test_decisions_are_as_expected(golden: Any) -> None:
    golden.check(DEMO / "expected.jsonl", run_demo())


@pytest.mark.golden
@pytest.mark.usefixtures("clone")
def test_the_example_of_the_documentation_is_a_real_row(golden: Any) -> None:
    (row,) = (json.loads(row) for row in run_demo().splitlines() if b"retina-mirrored" in row)
    example = json.dumps(row, indent=2) + "\n"
    text = DOCUMENT.read_text()
    fences = re.compile(r"(?<=```json\n).*?(?=```)", re.DOTALL)
    golden.check(DOCUMENT, fences.sub(lambda _: example, text).encode())


@pytest.mark.usefixtures("clone")
def test_each_upload_ends_as_its_readme_says() -> None:
    rows = [json.loads(row) for row in run_demo().splitlines()]
    found = {
        row["content_id"].removeprefix("indexes/demo/uploads/"): (row["action"], row["queue"])
        for row in rows
    }
    assert found == OUTCOMES
    for row in rows:
        undecodable = row["queue"] == "undecodable"
        assert (row["error"] is not None) == undecodable
        assert row["policy"]["version"] == "demo-1"


@pytest.mark.usefixtures("clone")
def test_a_second_run_writes_the_same_bytes() -> None:
    assert run_demo() == run_demo()


@pytest.mark.usefixtures("clone")
def test_people_are_told_what_happened(capfd: pytest.CaptureFixture[str]) -> None:
    run_demo()
    said = capfd.readouterr()
    assert said.out == ""
    text = " ".join(said.err.split())
    for upload in OUTCOMES:
        assert upload in text
    for phrase in (
        "demo-hotline H-1001 at 0 bits",
        "when mirrored",
        "spam (suppressed by known-good)",
        "demo-own-images case-41 at 0 bits",
        "cannot be decoded: empty file",
        "demo-counter-terror ct-1 at 2 bits without its border",
        "a row of JSON for each is in indexes/demo/built/decisions.jsonl",
    ):
        assert phrase in text


def test_elsewhere_the_packaged_demo_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    packaged = tmp_path / "package"
    shutil.copytree(DEMO, packaged, ignore=shutil.ignore_patterns("built"))
    monkeypatch.setattr(demo_command, "PACKAGED", packaged)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    assert main(["demo"]) == 0
    assert (work / "hashmatch-demo/built/decisions.jsonl").read_bytes().count(b"\n") == 26
    assert main(["demo"]) == 0  # what is there already is used as it is
    assert main(["demo", "own"]) == 0
    assert (work / "own/built/decisions.jsonl").is_file()
    assert not (packaged / "built").exists()

    (work / "taken").mkdir()
    capfd.readouterr()
    assert main(["demo", "taken"]) == 2
    assert "taken exists but is not a demo" in capfd.readouterr().err
    monkeypatch.setattr(demo_command, "PACKAGED", tmp_path / "absent")
    assert main(["demo", "new"]) == 1
    assert "this installation has no demo" in capfd.readouterr().err


def hashed(path: Path) -> tuple[str, int]:
    with Image.open(path) as image:
        bits, quality = pdqhash.compute(np.asarray(image.convert("RGB")))
    return np.packbits(bits).tobytes().hex(), int(quality)


def test_lists_hold_the_reference_hashes_of_the_images() -> None:
    rows: list[dict[str, str]] = []
    for path in sorted((DEMO / "lists").iterdir()):
        if path.suffix == ".csv":
            with path.open(newline="") as file:
                rows += csv.DictReader(file)
        else:
            rows += [json.loads(line) for line in path.read_text().splitlines()]
    images = {hashed(path)[0]: path for path in sorted((DEMO / "images").iterdir())}
    listed = {row.get("pdq") or row["hash"] for row in rows}
    assert listed == set(images)
    assert len(rows) == len(images) + 1  # galaxies are on two lists


def test_images_are_pictures_worth_hashing() -> None:
    qualities = {path.stem: hashed(path)[1] for path in (DEMO / "images").iterdir()}
    assert qualities.pop("clock") < 50  # so that the demo shows what stretching the contrast does
    assert min(qualities.values()) >= 50


def test_files_are_small_and_accounted_for() -> None:
    readme = (DEMO / "README.md").read_text()
    files = [path for name in ("images", "uploads") for path in (DEMO / name).rglob("*.*")]
    assert sum(path.stat().st_size for path in files) < 2_000_000
    for path in files:
        if path.parts[-2] == "images":
            subject = re.sub(r"-(\d|advert)$", "", path.stem)
            source = rf"^\| [^|]*\b{subject}\b.*(CC0|public domain)"
            assert re.search(source, readme, re.MULTILINE), subject
        else:
            assert path.name in readme or path.name.startswith("unrelated-")
