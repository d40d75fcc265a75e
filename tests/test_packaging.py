"""The source distribution holds what a build and the demo need, and nothing that was built."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT_OUT = {"__pycache__", "built"}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("sdist")
    command = [
        "egg_info",
        "--egg-base",
        str(folder),
        "sdist",
        "--formats",
        "gztar",
        "--dist-dir",
        str(folder),
    ]
    subprocess.run(
        [sys.executable, "setup.py", "-q", *command], cwd=ROOT, check=True, capture_output=True
    )
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        return {member.name.partition("/")[2] for member in tar if member.isfile()}


def files_of(folder: str) -> set[str]:
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    names = {path.relative_to(ROOT) for path in files if path.suffix not in {".so", ".pyc"}}
    return {name.as_posix() for name in names if not LEFT_OUT & set(name.parts)}


@pytest.mark.parametrize("folder", ["csrc", "src/hashmatch", "indexes", "tests", "docs"])
def test_every_source_is_packed(packed: set[str], folder: str) -> None:
    assert len(files_of(folder)) > 0
    assert files_of(folder) <= packed


@pytest.mark.parametrize(
    "name",
    ["setup.py", "Makefile", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"],
)
def test_the_top_level_is_packed(packed: set[str], name: str) -> None:
    assert name in packed


def test_nothing_built_is_packed(packed: set[str]) -> None:
    parts = {part for name in packed for part in Path(name).parts}
    assert not LEFT_OUT & parts
    assert not {name for name in packed if name.endswith((".so", ".pyc"))}
