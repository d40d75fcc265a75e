"""The choice of a kernel: one for the process, refused if it is unknown or cannot run here."""

import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hashmatch import HashmatchError, _core

ROOT = Path(__file__).parents[1]
CPUINFO = Path("/proc/cpuinfo")
# The best kernel of each architecture, which dispatch.cpp lists first.
FIRST = {"x86_64": "kAvx512", "AMD64": "kAvx512", "aarch64": "kNeon"}

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


def test_runnable_kernels_keep_the_order_of_the_build() -> None:
    built, runnable = kernels_of_this_build(), _core.runnable_kernels()
    assert [name for name in built if name in runnable] == runnable


@pytest.mark.skipif(not CPUINFO.exists(), reason="no /proc/cpuinfo")
def test_runnable_kernels_match_the_flags_in_cpuinfo() -> None:
    flags = set(CPUINFO.read_text().split())
    runnable = set(_core.runnable_kernels())
    wide = {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vpopcntdq", "avx512_bitalg"}
    assert ("avx2" in runnable) == ("avx2" in flags)
    assert ("avx512" in runnable) == (wide <= flags)
    assert ("neon" in runnable) == ("asimd" in flags)


def test_a_selected_kernel_stays_active_until_the_next_selection(kernel: str) -> None:
    assert _core.active_kernel() == kernel
    assert _core.select_kernel("portable") == kernel
    assert _core.active_kernel() == "portable"


def test_selecting_an_unknown_name_fails_and_changes_nothing(kernel: str) -> None:
    with pytest.raises(HashmatchError, match=r"^unknown kernel 'sse9'; this build has .*portable$"):
        _core.select_kernel("sse9")
    assert _core.active_kernel() == kernel


def test_the_best_runnable_kernel_is_the_default() -> None:
    assert use_a_kernel(None) == _core.runnable_kernels()[0]
    assert use_a_kernel("") == _core.runnable_kernels()[0]


@pytest.mark.parametrize("name", _core.runnable_kernels())
def test_the_environment_selects_a_runnable_kernel(name: str) -> None:
    assert use_a_kernel(name) == name


def test_an_unknown_name_in_the_environment_fails_on_first_use() -> None:
    message = use_a_kernel("sse9")
    assert message.startswith("HashmatchError: HASHMATCH_KERNEL: unknown kernel 'sse9'; this build")
    assert "\n" not in message


def test_a_kernel_that_this_cpu_cannot_run_fails_on_first_use() -> None:
    lacking = sorted(set(kernels_of_this_build()) - set(_core.runnable_kernels()))
    if not lacking:
        pytest.skip("this CPU runs every kernel of this build")
    for name in lacking:
        expected = f"kernel '{name}' needs instructions this CPU lacks"
        assert use_a_kernel(name) == f"HashmatchError: HASHMATCH_KERNEL: {expected}"
        with pytest.raises(HashmatchError, match=f"^{expected}$"):
            _core.select_kernel(name)


@pytest.mark.skipif(platform.machine() not in FIRST, reason="only the portable kernel is built")
def test_a_new_kernel_is_one_file_and_one_line(tmp_path: Path) -> None:
    csrc = tmp_path / "csrc"
    shutil.copytree(ROOT / "csrc", csrc)
    # The new file: plain C++ with registers of 8 floats.
    example = (csrc / "kernels/kernel_portable.cpp").read_text(encoding="utf-8")
    example = example.replace("kPortable", "kExample").replace('"portable"', '"example"')
    example = example.replace("#define HM_LANES 4", "#define HM_LANES 8")
    (csrc / "kernels/kernel_example.cpp").write_text(example, encoding="utf-8")
    # The new line: best first.
    dispatch = csrc / "kernels/dispatch.cpp"
    lines = dispatch.read_text(encoding="utf-8").splitlines()
    place = next(
        i for i, line in enumerate(lines) if f"KERNEL({FIRST[platform.machine()]})" in line
    )
    lines.insert(place, "    KERNEL(kExample) \\")
    dispatch.write_text("\n".join([*lines, ""]), encoding="utf-8")

    # The kernels' native test lists the new one first, and compares it with naive loops.
    compiler = [os.environ.get("CXX", "g++"), "-std=c++20", "-O0", f"-I{csrc}", "-pthread"]
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}

    def compile_object(source: Path) -> Path:
        target = tmp_path / f"{source.stem}.o"
        subprocess.run([*compiler, "-c", source, "-o", target], env=environment, check=True)
        return target

    program = tmp_path / "kernels_test"
    with ThreadPoolExecutor(2) as pool:
        sources = [*(csrc / "kernels").glob("*.cpp"), csrc / "tests/kernels_test.cpp"]
        objects = list(pool.map(compile_object, sources))
    subprocess.run([*compiler, *objects, "-o", program], env=environment, check=True)
    done = subprocess.run([program, "20"], capture_output=True, text=True, check=True)
    assert re.match(r"example: .* all right$", done.stdout.splitlines()[0])
    assert re.match(r"portable: .* all right$", done.stdout.splitlines()[-1])
