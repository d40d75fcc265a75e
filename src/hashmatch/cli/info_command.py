"""`hashmatch info`."""

from __future__ import annotations

# ruff: noqa: PLC0415  (heavy imports where they are used, so that help stays quick)
import platform
import re
from importlib import metadata
from typing import Any

from hashmatch._version import __version__
from hashmatch.cli.display import print_facts, print_json, print_note
from hashmatch.cli.options import AsJson

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+).*;.*\bextra\s*==\s*['\"]([^'\"]+)['\"]")


def info(*, as_json: AsJson = False) -> None:
    """Show version, kernels, codecs and extras.

    Example: hashmatch info --json
    """
    facts = collect()
    if as_json:
        print_json(facts)
        return
    codecs = {f"decodes {name}": made_by or "no" for name, made_by in facts["codecs"].items()}
    extras = {
        f"extra {name}": "installed" if has else "not installed"
        for name, has in facts["extras"].items()
    }
    print_facts(
        f"hashmatch {facts['version']}",
        {
            "python": facts["python"],
            "machine": facts["machine"],
            "kernel in use": facts["kernel"],
            "kernels this CPU runs": ", ".join(facts["runnable_kernels"]),
            "algorithms": ", ".join(facts["algorithms"]),
            "pillow": facts["pillow"],
            **codecs,
            **extras,
        },
    )
    for problem in facts["algorithm_problems"]:
        print_note(f"hashmatch: {problem}")


def collect() -> dict[str, Any]:
    """Return the facts about this installation, ready for JSON."""
    from hashmatch._core import active_kernel, runnable_kernels
    from hashmatch.decode import find_codecs
    from hashmatch.hashing import algorithms, problems

    pillow, *formats = find_codecs().items()
    return {
        "version": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "kernel": active_kernel(),
        "runnable_kernels": runnable_kernels(),
        "algorithms": list(algorithms()),
        "algorithm_problems": problems(),
        "pillow": pillow[1],
        "codecs": dict(formats),
        "extras": extras(),
    }


def extras() -> dict[str, bool]:
    """Return each extra and whether all packages that it needs are installed."""
    try:
        requirements = metadata.requires("hashmatch") or []
    except metadata.PackageNotFoundError:
        return {}  # run from a source tree
    found: dict[str, bool] = {}
    for requirement in requirements:
        if parts := _REQUIREMENT.fullmatch(requirement):
            package, extra = parts.groups()
            found[extra] = found.get(extra, True) and _is_installed(package)
    return dict(sorted(found.items()))


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
