"""Native core of hashmatch; use the Python modules above it."""

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__version__: str

def active_kernel() -> str: ...
def select_kernel(name: str) -> str: ...
def runnable_kernels() -> list[str]: ...
def copy_codes(codes: NDArray[np.uint8]) -> NDArray[np.uint8]: ...
def pack_planes(codes: NDArray[np.uint8]) -> NDArray[np.uint8]: ...
def build_tables(
    codes: NDArray[np.uint8],
    threads: int,
    layout: tuple[int, int] | None = None,
    second_sketches: bool | None = None,
) -> Tables | None: ...

class Tables:
    def __init__(
        self,
        n_substrings: int,
        substring_bits: int,
        directory: NDArray[np.uint32],
        postings: NDArray[np.uint32],
        sketches: NDArray[np.uint16],
        sketches2: NDArray[np.uint8] | None = None,
    ) -> None: ...
    @property
    def n_substrings(self) -> int: ...
    @property
    def substring_bits(self) -> int: ...
    @property
    def directory(self) -> NDArray[np.uint32]: ...
    @property
    def postings(self) -> NDArray[np.uint32]: ...
    @property
    def sketches(self) -> NDArray[np.uint16]: ...
    @property
    def sketches2(self) -> NDArray[np.uint8] | None: ...

class Strategy(enum.Enum):
    scan = ...
    probe = ...
    batch_probe = ...

class Index:
    def __init__(
        self,
        rows: NDArray[np.uint8],
        planes: NDArray[np.uint8],
        ids: NDArray[np.int64] | None,
        tables: Tables | None,
    ) -> None: ...
    def search(
        self,
        queries: NDArray[np.uint8],
        radius: int,
        threads: int,
        strategy: Strategy | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]: ...
    def nearest(
        self, queries: NDArray[np.uint8], k: int, threads: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]: ...
    def join(
        self, radius: int, threads: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]: ...
    def constant_time(
        self, queries: NDArray[np.uint8], radius: int, threads: int
    ) -> NDArray[np.uint8]: ...
    def plan(self, radius: int, n_queries: int) -> dict[str, Any]: ...

def pdq_hash(
    pixels: NDArray[np.uint8] | NDArray[np.float32],
    gain: float = 1.0,
) -> tuple[NDArray[np.uint8], int, int]: ...
def pdq_dihedral(
    pixels: NDArray[np.uint8] | NDArray[np.float32],
    tolerance_bits: int = 0,
    gain: float = 1.0,
) -> tuple[NDArray[np.uint8], int, int]: ...
def grey_of_rgb(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]: ...
def line_deviations(
    pixels: NDArray[np.uint8],
    top: int,
    bottom: int,
    left: int,
    right: int,
    side: int,
    most_spread: int,
    most_deviation: float,
    more_lines: int,
) -> tuple[int, float, list[float]]: ...
def border_edge(
    pixels: NDArray[np.uint8],
    top: int,
    bottom: int,
    left: int,
    right: int,
    side: int,
) -> tuple[int, float]: ...
def lanczos_resize(
    grey: NDArray[np.uint8], height: int, width: int, tall_first: bool
) -> NDArray[np.uint8]: ...
def phash_coefficients(grey: NDArray[np.uint8]) -> NDArray[np.float64]: ...
def whash_sums(grey: NDArray[np.uint8]) -> NDArray[np.uint64]: ...
def whash_approximation(grey: NDArray[np.uint8]) -> NDArray[np.float64]: ...
