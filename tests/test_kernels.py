"""Which kernel runs is one choice, made once, and a wrong choice is never passed over."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hashmatch import HashmatchError, _core

CPUINFO = Path("/proc/cpuinfo")

USE_A_KERNEL = """
import numpy as np
from hashmatch import HashmatchError, HammingIndex, _core
try:
    index = HammingIndex.build(np.zeros((1, 32), np.uint8))
    index.search(np.zeros((1, 32), np.uint8))
except HashmatchError as error:
    print(type(error).__name__, error, sep=": ", end="")
else:
    print(_core.active_kernel(), end="")
"""


def kernels_of_this_build() -> list[str]:
    with pytest.raises(HashmatchError) as caught:
        _core.select_kernel("no-such-kernel")
    return re.split(", ", str(caught.value).partition("this build has ")[2])


def use_a_kernel(wanted: str | None) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "HASHMATCH_KERNEL"}
    if wanted is not None:
        environment["HASHMATCH_KERNEL"] = wanted
    done = subprocess.run(
        [sys.executable, "-c", USE_A_KERNEL],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_every_machine_can_run_the_portable_kernel() -> None:
    assert _core.runnable_kernels()[-1] == "portable"


def test_runnable_kernels_are_those_of_the_build_in_its_order() -> None:
    built, runnable = kernels_of_this_build(), _core.runnable_kernels()
    assert [name for name in built if name in runnable] == runnable


@pytest.mark.skipif(not CPUINFO.exists(), reason="the CPU's flags are not told")
def test_runnable_kernels_agree_with_what_the_operating_system_says_of_the_cpu() -> None:
    flags = set(CPUINFO.read_text().split())
    runnable = set(_core.runnable_kernels())
    wide = {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vpopcntdq", "avx512_bitalg"}
    assert ("avx2" in runnable) == ("avx2" in flags)
    assert ("avx512" in runnable) == (wide <= flags)
    assert ("neon" in runnable) == ("asimd" in flags)


def test_a_kernel_is_used_until_another_is_selected(kernel: str) -> None:
    assert _core.active_kernel() == kernel
    assert _core.select_kernel("portable") == kernel
    assert _core.active_kernel() == "portable"


def test_an_unknown_name_is_refused_and_changes_nothing(kernel: str) -> None:
    with pytest.raises(HashmatchError, match=r"^unknown kernel 'sse9'; this build has .*portable$"):
        _core.select_kernel("sse9")
    assert _core.active_kernel() == kernel


def test_the_best_runnable_kernel_is_the_default() -> None:
    assert use_a_kernel(None) == _core.runnable_kernels()[0]
    assert use_a_kernel("") == _core.runnable_kernels()[0]


@pytest.mark.parametrize("name", _core.runnable_kernels())
def test_the_environment_chooses_among_the_runnable(name: str) -> None:
    assert use_a_kernel(name) == name


def test_an_unknown_name_in_the_environment_stops_the_first_use() -> None:
    message = use_a_kernel("sse9")
    assert message.startswith("HashmatchError: HASHMATCH_KERNEL: unknown kernel 'sse9'; this build")
    assert "\n" not in message


def test_a_kernel_this_cpu_lacks_stops_the_first_use() -> None:
    lacking = sorted(set(kernels_of_this_build()) - set(_core.runnable_kernels()))
    if not lacking:
        pytest.skip("this CPU runs every kernel of this build")
    for name in lacking:
        expected = f"kernel '{name}' needs instructions this CPU lacks"
        assert use_a_kernel(name) == f"HashmatchError: HASHMATCH_KERNEL: {expected}"
        with pytest.raises(HashmatchError, match=f"^{expected}$"):
            _core.select_kernel(name)
