"""The floors of ARCHITECTURE.md hold: imports and includes point down only.

The rules are functions of a folder, so that they are shown here to find what they forbid, in a
small made-up house, before they are trusted to find nothing in the real one.
"""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = (
    {"errors", "_core", "_version"},
    {"values", "files", "registry", "strict_table", "views"},
    {"decode", "hashing", "hamming", "lists", "policy", "workers"},
    {"index"},
    {"fingerprint", "matching", "interop"},
    {"screener", "selfcheck"},
    {"backlog"},
    {"cli"},
)
FLOOR_OF = {module: number for number, floor in enumerate(FLOORS) for module in floor}

# Where a dependency may be imported; None: anywhere.
HOMES = {
    "numpy": None,
    "pyarrow": None,
    "faiss": {"interop"},
    "msgspec": {"fingerprint", "index"},
    "PIL": {"decode", "hashing"},
    "imagehash": {"hashing", "values"},
    "simplejpeg": {"decode"},
    "av": {"decode"},
    "typer": {"cli"},
    "rich": {"cli"},
    "matplotlib": {"cli"},
}
# The library never prints, exits, configures logging or reads the environment; the cli may.
CLI_ONLY = {
    *("print()", "input()", "exit()", "quit()", "SystemExit", "sys.exit", "os._exit", "os.abort"),
    *("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__", "sys.argv"),
    *("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"),
    *("logging.basicConfig", "logging.config", "logging.disable", "logging.captureWarnings"),
}
LOGGER_SETTINGS = {"addHandler", "setLevel"}

NATIVE_FLOORS = {"kernels": 1, "image": 2, "hash": 3, "hamming": 3, "bindings": 4, "tests": 5}
NATIVE_PROGRAMS = "tests"  # the floor that may print and exit
SIMD_HEADER = re.compile(r"(\w*intrin|arm_neon|arm_sve)\.h")
PYTHON_HEADER = re.compile(r"(pybind11/.*|Python\.h)")
NATIVE_FORBIDDEN = re.compile(
    r"\b(iostream|cstdio|stdio\.h|v?f?printf|puts|cout|cerr|clog|abort|_?exit|terminate|assert)\b"
)
ENVIRONMENT_READER = "kernels/dispatch.cpp"


def imported(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything a module imports, also late or only for types."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith(("import_module", "__import__"))
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.lineno, str(node.args[0].value)


def face_of(package: Path) -> set[str] | None:
    """Return the names that a package hands out in `__all__`; None for a plain module."""
    face = package / "__init__.py"
    if not face.is_file():
        return None
    for node in ast.parse(face.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def import_fault(module: str, target: str, house: Path) -> str | None:
    root, *rest = target.split(".")
    if root != "hashmatch":
        home = HOMES.get(root, set()) if root not in sys.stdlib_module_names else None
        return None if home is None or module in home else f"{root} is not for {module}"
    other = rest[0] if rest else ""
    if other not in FLOOR_OF:
        return f"{target} is no module on a floor"
    if other != module and FLOOR_OF[other] >= FLOOR_OF[module]:
        return f"{module} (floor {FLOOR_OF[module]}) imports {other} (floor {FLOOR_OF[other]})"
    face = face_of(house / other)
    if other != module and face is not None and not (len(rest) < 3 and face.issuperset(rest[1:])):
        return f"{target} is behind the face of {other}"
    return None


def circle(package: Path) -> list[str]:
    """Return modules that import one another when they are loaded, if there are any."""
    imports: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        home = ("hashmatch", *path.relative_to(package).parts[:-1])
        name = ".".join(home if path.stem == "__init__" else (*home, path.stem))
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        early = [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
        imports[name] = {target for node in early for _, target in imported(node, home)}
    names = set(imports) - {"hashmatch"}  # the face of the whole is lazy
    graph = {
        name: {target if target in names else target.rpartition(".")[0] for target in targets}
        for name, targets in imports.items()
    }
    try:
        TopologicalSorter({name: graph[name] & names - {name} for name in names}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def names_used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every name used, imports resolved; `name()` for a plain call."""
    meaning: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            meaning |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            meaning |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.lineno, f"{node.func.id}()"
        parts: list[str] = []
        inner: Any = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            parts.append(meaning.get(inner.id, inner.id))
        if parts:
            yield getattr(node, "lineno", 0), ".".join(reversed(parts))


def python_faults(package: Path) -> list[str]:
    faults = []
    for path in sorted(package.rglob("*.py")):
        within = path.relative_to(package)
        module = within.parts[0].removesuffix(".py")
        if within == Path("__init__.py"):
            continue  # the one door: it names every floor, lazily
        if module not in FLOOR_OF:
            faults.append(f"{within}: {module} is on no floor")
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, target in imported(tree, ("hashmatch", *within.parts[:-1])):
            if fault := import_fault(module, target, package):
                faults.append(f"{within}:{line}: {fault}")
        for line, name in names_used(tree) if module != "cli" else ():
            if name in CLI_ONLY or name.rpartition(".")[2] in LOGGER_SETTINGS:
                faults.append(f"{within}:{line}: {name} is for the cli")
    return faults


def include_fault(home: str, target: str) -> str | None:
    other = target.partition("/")[0]
    if PYTHON_HEADER.fullmatch(target):
        return None if home == "bindings" else f"{target} is for bindings"
    if SIMD_HEADER.fullmatch(target):
        return None if home == "kernels" else f"{target} is for kernels"
    if other != home and NATIVE_FLOORS.get(other, 0) >= NATIVE_FLOORS[home]:
        return f"{home} includes {target}"
    return None


def native_faults(csrc: Path) -> list[str]:
    faults = []
    for path in sorted([*csrc.rglob("*.cpp"), *csrc.rglob("*.h")]):
        within = path.relative_to(csrc)
        home = within.parts[0]
        if home not in NATIVE_FLOORS:
            faults.append(f"{within}: on no floor")
            continue
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            code = text.partition("//")[0]
            fault = None
            if include := re.match(r'\s*#\s*include\s*(<.+>|"(.+)")', code):
                system, own = include.group(1)[1:-1], include.group(2)
                fault = include_fault(home, system)
                if own and not (csrc / own).is_file():
                    fault = f"{own} is not spelled from csrc/"
            is_library = home != "tests"
            if fault is None and is_library and (found := NATIVE_FORBIDDEN.search(code)):
                fault = f"{found.group()} is not for a library"
            if "getenv" in code and within != Path(ENVIRONMENT_READER):
                fault = f"getenv is for {ENVIRONMENT_READER}"
            if fault:
                faults.append(f"{within}:{line}: {fault}")
    return faults


def test_the_library_keeps_its_floors() -> None:
    assert {"values", "index", "screener"} <= {p.stem for p in (ROOT / "src/hashmatch").iterdir()}
    assert python_faults(ROOT / "src/hashmatch") == []


def test_no_modules_import_one_another() -> None:
    assert circle(ROOT / "src/hashmatch") == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    build(tmp_path, GOOD_PYTHON)
    assert circle(tmp_path) == []
    build(tmp_path, {"hamming/storage.py": "from hashmatch.hamming.hamming import B"})
    assert {"hashmatch.hamming.hamming", "hashmatch.hamming.storage"} == set(circle(tmp_path))


def test_the_native_core_keeps_its_floors() -> None:
    assert set(NATIVE_FLOORS) <= {folder.name for folder in (ROOT / "csrc").iterdir()}
    assert native_faults(ROOT / "csrc") == []


GOOD_PYTHON = {
    "__init__.py": "from hashmatch.screener import Screener",
    "values.py": "import os\nimport numpy as np\nos.fspath('.')",
    "_version.py": "__version__ = '1'",
    "hamming/__init__.py": "from hashmatch.hamming.hamming import A\n__all__ = ['A']",
    "hamming/hamming.py": "from hashmatch._core import A\nfrom hashmatch.hamming import storage",
    "hamming/storage.py": "import numpy",
    "interop/a.py": "import faiss\nfrom hashmatch.hamming import A",
    "index/__init__.py": "__all__ = ['A']",
    "decode/modes.py": "from PIL import Image\nimport hashmatch.values\nlog.addFilter(print_less)",
    "screener/screener.py": "from ..index import A\nfrom hashmatch._version import __version__",
    "cli/main.py": "import os, rich\nfrom hashmatch import backlog\nprint(os.environ['HOME'])",
}


def build(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "line", "fault"),
    [
        ("hamming/a.py", "from hashmatch.screener import S", "hamming (floor 2) imports screener"),
        (
            "hamming/a.py",
            "import hashmatch.policy.rules",
            "hamming (floor 2) imports policy (floor 2)",
        ),
        ("hamming/a.py", "from hashmatch import lists", "hamming (floor 2) imports lists"),
        ("screener/a.py", "from hashmatch.index.manifest import M", "behind the face of index"),
        ("screener/a.py", "from hashmatch.index import manifest", "behind the face of index"),
        ("screener/a.py", "import hashmatch.index.manifest", "behind the face of index"),
        ("hamming/a.py", "from .. import decode", "hamming (floor 2) imports decode"),
        ("hamming/deep/a.py", "from ...decode import x", "hamming (floor 2) imports decode"),
        ("hamming/a.py", "def f():\n    import hashmatch.cli", "hamming (floor 2) imports cli"),
        (
            "hamming/a.py",
            "if TYPE_CHECKING:\n    import hashmatch.backlog",
            "imports backlog (floor 6)",
        ),
        ("hamming/a.py", "importlib.import_module('hashmatch.cli')", "imports cli (floor 7)"),
        ("values.py", "from hashmatch import files", "values (floor 1) imports files (floor 1)"),
        ("lists/a.py", "import hashmatch.index", "lists (floor 2) imports index"),
        ("backlog/a.py", "from hashmatch import Screener", "hashmatch.Screener is no module"),
        ("backlog/a.py", "import hashmatch", "hashmatch is no module on a floor"),
        ("utils.py", "", "utils is on no floor"),
        ("tools/a.py", "", "tools is on no floor"),
        ("index/a.py", "from PIL import Image", "PIL is not for index"),
        ("backlog/a.py", "import rich.table", "rich is not for backlog"),
        ("policy/a.py", "import requests", "requests is not for policy"),
        ("policy/a.py", "print('x')", "print() is for the cli"),
        ("policy/a.py", "file.write = sys.stderr.write", "sys.stderr is for the cli"),
        ("policy/a.py", "import os\nos.environ.get('X')", "os.environ is for the cli"),
        ("policy/a.py", "from os import environ as e\ne['X']", "os.environ is for the cli"),
        ("policy/a.py", "import os as o\no.getenv('X')", "os.getenv is for the cli"),
        ("policy/a.py", "raise SystemExit(1)", "SystemExit is for the cli"),
        ("policy/a.py", "import logging\nlogging.basicConfig()", "logging.basicConfig is for"),
        ("policy/a.py", "logger.setLevel(10)", "logger.setLevel is for the cli"),
    ],
)
def test_a_python_fault_is_found(tmp_path: Path, name: str, line: str, fault: str) -> None:
    house = build(tmp_path, GOOD_PYTHON)
    assert python_faults(house) == []
    build(house, {name: line})
    (found,) = python_faults(house)
    assert found.startswith(name) or name.startswith("tools")
    assert fault in found


GOOD_NATIVE = {
    "kernels/a.h": "// prints nothing: no printf\n#include <immintrin.h>\n#include <cstdint>",
    "kernels/dispatch.cpp": 'const char* name = std::getenv("X");',
    "hash/a.h": '#include "kernels/a.h"',
    "hamming/a.h": '#include "kernels/a.h"\n#include "hamming/b.h"',
    "hamming/b.h": "struct Exit {};",
    "tests/a.h": "#include <cstdio>",
    "bindings/a.cpp": '#include <pybind11/numpy.h>\n#include "hamming/a.h"\n#include "hash/a.h"',
}


@pytest.mark.parametrize(
    ("name", "line", "fault"),
    [
        ("kernels/b.h", '#include "hamming/a.h"', "kernels includes hamming/a.h"),
        ("hash/b.cpp", '#include "hamming/a.h"', "hash includes hamming/a.h"),
        ("hamming/c.cpp", '#include "hash/a.h"', "hamming includes hash/a.h"),
        ("hamming/c.cpp", '# include "bindings/a.cpp"', "hamming includes bindings/a.cpp"),
        ("hamming/c.cpp", '#include "b.h"', "b.h is not spelled from csrc/"),
        ("hamming/c.cpp", '#include "../hash/a.h"', "../hash/a.h is not spelled from csrc/"),
        ("hamming/c.cpp", "#include <pybind11/pybind11.h>", "pybind11/pybind11.h is for bindings"),
        ("hash/b.cpp", "#include <Python.h>", "Python.h is for bindings"),
        ("hamming/c.cpp", "#include <nmmintrin.h>", "nmmintrin.h is for kernels"),
        ("hash/b.cpp", "#include <iostream>", "iostream is not for a library"),
        ("hash/b.cpp", 'std::printf("x");', "printf is not for a library"),
        ("hash/b.cpp", "std::abort();", "abort is not for a library"),
        ("hamming/c.cpp", 'getenv("X");', "getenv is for kernels/dispatch.cpp"),
        ("hamming/c.cpp", '#include "tests/a.h"', "hamming includes tests/a.h"),
        ("extra/a.h", "", "on no floor"),
    ],
)
def test_a_native_fault_is_found(tmp_path: Path, name: str, line: str, fault: str) -> None:
    csrc = build(tmp_path, GOOD_NATIVE)
    assert native_faults(csrc) == []
    build(csrc, {name: line})
    (found,) = native_faults(csrc)
    assert found.startswith(name)
    assert fault in found
