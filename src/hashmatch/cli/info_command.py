"""`hashmatch info`."""

from __future__ import annotations

import platform
import re
from dataclasses import asdict
from importlib import metadata
from typing import Any

from hashmatch._version import __version__
from hashmatch.cli.display import print_facts, print_json, print_note
from hashmatch.cli.options import AsJson

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+).*;.*\bextra\s*==\s*['\"]([^'\"]+)['\"]")


def info(*, as_json: AsJson = False) -> None:
    """Show version, kernels, codecs, extras and isolation.

    Example: hashmatch info --json
    """
    facts = collect()
    if as_json:
        print_json(facts)
        return
    installed = {True: "installed", False: "not installed"}
    print_facts(
        f"hashmatch {facts['version']}",
        {
            "python": facts["python"],
            "machine": facts["machine"],
            "kernel in use": facts["kernel"],
            "kernels this CPU runs": ", ".join(facts["runnable_kernels"]),
            "algorithms": ", ".join(facts["algorithms"]),
            "pillow": facts["pillow"],
            **{f"decodes {name}": decoder or "no" for name, decoder in facts["codecs"].items()},
            **{f"extra {name}": installed[has] for name, has in facts["extras"].items()},
            **{
                f"isolation: {name.replace('_', ' ')}": _describe(has)
                for name, has in facts["isolation"].items()
            },
        },
    )
    for problem in facts["algorithm_problems"]:
        print_note(f"hashmatch: {problem}")


def _describe(has: bool | int) -> str:
    """Return how a protection holds: `True`, or the version of its interface."""
    if not has:
        return "not available"
    return "yes" if has is True else f"yes, version {has}"


def collect() -> dict[str, Any]:
    """Return the facts about this installation, ready for JSON."""
    from hashmatch._core import active_kernel, runnable_kernels
    from hashmatch.decode import find_codecs
    from hashmatch.hashing import algorithms, problems
    from hashmatch.workers import probe_protection

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
        "isolation": asdict(probe_protection()),
    }


def extras() -> dict[str, bool]:
    """Return, for each extra, whether all the packages that it needs are installed."""
    try:
        requirements = metadata.requires("hashmatch") or []
    except metadata.PackageNotFoundError:
        return {}  # run from a source tree
    found: dict[str, bool] = {}
    for parts in filter(None, map(_REQUIREMENT.fullmatch, requirements)):
        package, extra = parts.groups()
        is_installed = any(metadata.distributions(name=package))
        found[extra] = found.get(extra, True) and is_installed
    return dict(sorted(found.items()))
