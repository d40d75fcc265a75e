"""Native build: the sources under csrc/, without its tests, become `hashmatch._core`.

The rest of the packaging is in pyproject.toml. No instruction set is chosen here: each kernel names
its own in function-level target attributes, and the choice is made at run time.
"""

import os
import re
import shutil
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
FLOORS = ("kernels", "image", "hash", "hamming", "bindings")
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "src/hashmatch/_version.py").read_text())[1]  # type: ignore[index]

# Contraction into FMA is off, so that every kernel rounds alike and gives the same hash.
flags = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra", "-pthread"]
link_flags = ["-pthread"]
if sanitize := os.environ.get("HASHMATCH_SANITIZE"):  # e.g. "address,undefined"
    flags += [f"-fsanitize={sanitize}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
    flags += ["-g", "-O1"]
    link_flags += [f"-fsanitize={sanitize}"]

core = Pybind11Extension(
    "hashmatch._core",
    sorted(str(p.relative_to(ROOT)) for d in FLOORS for p in (ROOT / "csrc" / d).glob("*.cpp")),
    depends=sorted(str(p.relative_to(ROOT)) for p in (ROOT / "csrc").rglob("*.h")),
    include_dirs=["csrc"],
    define_macros=[("HASHMATCH_VERSION", f'"{VERSION}"')],
    extra_compile_args=flags,
    extra_link_args=link_flags,
    cxx_std=20,
)


class BuildWithDemo(build_py):
    """The standard build, plus the demo, which lies outside src/."""

    def run(self) -> None:
        """Copy the modules, then the demo."""
        super().run()
        if not self.editable_mode:
            shutil.copytree(
                ROOT / "indexes/demo",
                Path(self.build_lib) / "hashmatch/_demo",
                ignore=shutil.ignore_patterns("built", "*.py", "__pycache__"),
                dirs_exist_ok=True,
            )


ParallelCompile(default=os.cpu_count() or 1).install()
setup(ext_modules=[core], cmdclass={"build_ext": build_ext, "build_py": BuildWithDemo})
