"""Importing is cheap, the public names are complete, and the three versions agree."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import hashmatch
from hashmatch import _core, _version

AT_ONCE = {"__version__", *(name for name in hashmatch.__all__ if name.endswith("Error"))}
HEAVY = ("PIL", "faiss", "hashmatch._core", "numpy", "pyarrow", "rich", "simplejpeg", "typer")


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_versions_agree() -> None:
    assert hashmatch.__version__ == _version.__version__
    assert _core.__version__ == _version.__version__
    assert version("hashmatch") == _version.__version__


def test_import_loads_nothing_heavy() -> None:
    loaded = run_python("import hashmatch, sys; print(*sys.modules)").split()
    assert "hashmatch.errors" in loaded
    assert not set(HEAVY) & set(loaded)


@pytest.mark.parametrize("name", [name for name in hashmatch.__all__ if name not in AT_ONCE])
def test_every_public_name_loads_in_a_fresh_interpreter(name: str) -> None:
    assert run_python(f"import hashmatch; print(hashmatch.{name} is not None)") == "True\n"


def test_a_public_name_is_loaded_once() -> None:
    first = hashmatch.HammingIndex
    assert vars(hashmatch)["HammingIndex"] is first is hashmatch.HammingIndex


def test_dir_lists_the_public_names() -> None:
    assert dir(hashmatch) == sorted(hashmatch.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'hashmatch' has no attribute 'HamingIndex'"):
        hashmatch.HamingIndex  # noqa: B018


def test_every_error_is_public_and_a_hashmatch_error() -> None:
    public = {name for name in hashmatch.__all__ if name.endswith("Error")}
    assert public == {name for name in vars(hashmatch.errors) if name.endswith("Error")}
    assert all(issubclass(getattr(hashmatch, name), hashmatch.HashmatchError) for name in public)
