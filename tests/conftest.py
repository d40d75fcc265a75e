"""Fixtures for every test: corpus, clips, kernels, golden files; one Hypothesis profile."""

import os
import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from hashmatch import _core
from tests.golden import GoldenFiles

Picture = NDArray[np.uint8]

CORPUS_VARIABLE = "HASHMATCH_TEST_CORPUS"
CASES_VARIABLE = "HASHMATCH_TEST_CASES"

# How long an example takes says more about the machine than about the code. Under CI, Hypothesis
# itself chooses a profile without chance.
settings.register_profile("hashmatch", parent=settings.default, deadline=None)
settings.load_profile("hashmatch")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="used by `make golden`")


def pytest_configure() -> None:
    """Refuse a folder that is named but missing: skipping its tests would hide that."""
    os.environ.pop("COLUMNS", None)  # the width of a terminal must not decide about a test
    for variable in (CORPUS_VARIABLE, CASES_VARIABLE):
        folder = os.environ.get(variable)
        if folder and not Path(folder).is_dir():
            raise pytest.UsageError(f"{variable} names no folder: {folder}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, variable in (("corpus", CORPUS_VARIABLE), ("case", CASES_VARIABLE)):
        if item.get_closest_marker(marker) and not os.environ.get(variable):
            pytest.skip(f"{variable} is not set")


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
    """Run the test once with each kernel of this CPU, then restore the one in use before."""
    before = _core.select_kernel(request.param)
    yield request.param
    _core.select_kernel(before)


@pytest.fixture(scope="session")
def pictures() -> list[Picture]:
    """Return 40 grey pictures, 96 x 64: five scenes, each of which moves a little."""
    rng = np.random.default_rng(20261124)
    found = []
    for _ in range(5):
        scene = np.zeros((80, 112))
        for step in (4, 8, 16):
            coarse = rng.normal(0, 10 + step, (80 // step, 112 // step))
            scene += np.kron(coarse, np.ones((step, step)))
        scene = (128 + scene).clip(0, 255)
        found += [
            np.ascontiguousarray(scene[at : at + 64, at : at + 96], np.uint8) for at in range(8)
        ]
    return found


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Return a function that encodes pictures as a video; `stamps` are in tenths of a second."""
    folder = tmp_path_factory.mktemp("clips")

    def make(
        pictures: list[Picture],
        suffix: str = "mkv",
        codec: str = "libx264",
        *,
        pixels: str = "yuv420p",
        stamps: list[int] | None = None,
        with_sound: bool = False,
        movie_flags: str = "",
        **options: str,
    ) -> bytes:
        import av

        path = folder / f"clip.{suffix}"
        flags = {"movflags": movie_flags} if movie_flags else {}
        with av.open(str(path), "w", options=flags) as container:
            stream: Any = container.add_stream(codec, rate=10, options=options) if codec else None
            sound: Any = container.add_stream("aac", rate=8000) if with_sound else None
            if stream:
                stream.height, stream.width = pictures[0].shape
                stream.pix_fmt = pixels
                stream.codec_context.time_base = Fraction(1, 10)
                stream.codec_context.thread_count = 1  # x264's threads take part in what it does
            for number, picture in enumerate(pictures if stream else ()):
                frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format=pixels)
                frame.pts = stamps[number] if stamps else number
                frame.time_base = Fraction(1, 10)
                container.mux(stream.encode(frame))
            if sound:
                silence = av.AudioFrame.from_ndarray(
                    np.zeros((1, 8000), np.float32), format="fltp", layout="mono"
                )
                silence.sample_rate, silence.pts = 8000, 0
                container.mux([*sound.encode(silence), *sound.encode(None)])
            if stream:
                container.mux(stream.encode(None))
        return path.read_bytes()

    return make


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a built copy of the demo, for tests that only read it."""
    from hashmatch.index import build_index

    folder = tmp_path_factory.mktemp("demo") / "demo"
    source = Path(__file__).parents[1] / "indexes" / "demo"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("built"))
    build_index(folder)
    return folder
