"""Fixtures of the tests of Hamming indexes."""

from collections.abc import Iterator

import pytest

from hashmatch import _core


@pytest.fixture(params=_core.runnable_kernels(), scope="module")
def kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once with each kernel this CPU has."""
    before = _core.select_kernel(request.param)
    yield request.param
    _core.select_kernel(before)
