"""`hashmatch info`: what is there, as it is."""

import json
import platform
from dataclasses import asdict
from importlib import metadata

import PIL
import pytest
import simplejpeg

from hashmatch import __version__, _core
from hashmatch.cli import info_command, main
from hashmatch.hashing import algorithms
from hashmatch.workers import probe_protection


def test_json_says_what_is_installed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    said = capfd.readouterr()
    assert said.err == ""
    facts = json.loads(said.out)
    assert facts["version"] == __version__
    assert facts["python"] == platform.python_version()
    assert facts["kernel"] == _core.active_kernel()
    assert facts["runnable_kernels"] == list(_core.runnable_kernels())
    assert facts["pillow"] == PIL.__version__
    pictures = {"JPEG", "PNG", "GIF", "WebP", "BMP", "TIFF", "AVIF", "HEIC", "JPEG XL"}
    assert set(facts["codecs"]) == {"plain JPEG", "video", *pictures}
    assert facts["codecs"]["JPEG"]
    assert facts["codecs"]["plain JPEG"] == f"simplejpeg {simplejpeg.__version__}"
    assert facts["algorithms"] == list(algorithms())
    assert facts["algorithm_problems"] == []
    assert facts["isolation"] == asdict(probe_protection())
    assert list(facts["isolation"]) == ["no_new_privs", "landlock", "seccomp"]


def test_people_read_it_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert f"hashmatch {__version__}" in said.err
    assert _core.active_kernel() in said.err
    seccomp = "yes" if probe_protection().seccomp else "not available"
    (line,) = [line for line in said.err.splitlines() if "isolation: seccomp" in line]
    assert line.split()[2:] == seccomp.split()


def test_an_extra_is_installed_when_all_it_needs_is(monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = [
        "numpy<3,>=2.0",
        'pytest>=8; extra == "dev"',
        'hypothesis; extra == "dev"',
        'pytest; extra == "half"',
        'no-such-package-at-all>=1; extra == "half"',
        "no-such-package[x]; python_version >= '3.11' and extra == 'none'",
    ]
    monkeypatch.setattr(metadata, "requires", lambda _: requirements)
    assert info_command.extras() == {"dev": True, "half": False, "none": False}
    monkeypatch.setattr(metadata, "requires", lambda _: None)
    assert info_command.extras() == {}
