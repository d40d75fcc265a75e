"""What every test may lean on: the corpus, the kernels, golden files, one Hypothesis profile."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from hashmatch import _core

CORPUS_VARIABLE = "HASHMATCH_TEST_CORPUS"

# How long an example takes says more about the machine than about the code. Under CI, Hypothesis
# itself chooses a profile without chance.
settings.register_profile("hashmatch", parent=settings.default, deadline=None)
settings.load_profile("hashmatch")


class GoldenFiles:
    """Compare bytes with committed files; rewrite these instead only when asked to."""

    def __init__(self, *, rewrite: bool) -> None:
        self._rewrite = rewrite

    def check(self, path: Path, actual: bytes) -> None:
        if self._rewrite:
            path.write_bytes(actual)
            return
        assert path.is_file(), f"{path} is missing; `make golden` writes it"
        expected = path.read_bytes()
        assert actual == expected, f"not as in {path}; if it is meant to change: `make golden`"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="for `make golden` alone")


def pytest_configure() -> None:
    """Refuse a corpus that was asked for and is not there: skipping would hide it."""
    folder = os.environ.get(CORPUS_VARIABLE)
    if folder and not Path(folder).is_dir():
        raise pytest.UsageError(f"{CORPUS_VARIABLE} names no folder: {folder}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("corpus") and not os.environ.get(CORPUS_VARIABLE):
        pytest.skip(f"{CORPUS_VARIABLE} is not set")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of the picture corpus; tests that use it carry the marker `corpus`."""
    return Path(os.environ[CORPUS_VARIABLE]).resolve()


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> GoldenFiles:
    """The golden files; tests that use it carry the marker `golden`."""
    return GoldenFiles(rewrite=request.config.getoption("--rewrite-golden"))


@pytest.fixture(params=_core.runnable_kernels())
def kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once with each kernel this CPU offers; the choice before is restored."""
    before = _core.select_kernel(request.param)
    yield request.param
    _core.select_kernel(before)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a built copy of the demo, for tests that only read it."""
    from hashmatch.catalog import build_catalog

    folder = tmp_path_factory.mktemp("demo") / "demo"
    source = Path(__file__).parents[1] / "indexes" / "demo"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("built"))
    build_catalog(folder)
    return folder
