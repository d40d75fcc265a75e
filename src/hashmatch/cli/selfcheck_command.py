"""`hashmatch selfcheck`."""

from __future__ import annotations

from dataclasses import asdict
from operator import attrgetter
from typing import TYPE_CHECKING

import typer

from hashmatch.cli.display import print_json, print_note, print_table
from hashmatch.cli.options import AsJson

if TYPE_CHECKING:
    from hashmatch.selfcheck import Check


def selfcheck(*, as_json: AsJson = False) -> None:
    """Check that decoders still give the pinned hashes.

    Hashes a few files that ship with hashmatch. Run it after upgrading Pillow, simplejpeg, PyAV or
    a plug-in, and before deploying; the exit code is 1 if any hash has moved.

    Example: hashmatch selfcheck
    """
    from hashmatch.selfcheck import run_selfcheck

    checks = run_selfcheck()
    n_drifted = sum(check.drifted for check in checks)
    if as_json:
        print_json({"drifted": n_drifted, "checks": [_row(check) for check in checks]})
    else:
        columns = ("decoder", "version", "decode", "files", "algorithms", "drift")
        print_table("Decoders and hashes", columns, _table(checks))
        for check in filter(attrgetter("drifted"), checks):
            pinned = check.pinned
            at = "" if pinned.timestamp_s is None else f" at {pinned.timestamp_s:g} s"
            print_note(f"drift: {pinned.file}{at}, {pinned.algorithm}: {_describe_drift(check)}")
        print_note(f"{len(checks)} pinned hashes, {n_drifted} drifted")
    if n_drifted:
        raise typer.Exit(1)


def _row(check: Check) -> dict[str, object]:
    row = asdict(check.pinned)
    del row["hex"]
    row["pinned_quality"] = row.pop("quality")
    names = ("version", "drifted", "skipped", "distance", "quality", "error")
    return row | {name: getattr(check, name) for name in names}


def _table(checks: list[Check]) -> list[list[object]]:
    groups: dict[tuple[str, str, str], list[Check]] = {}
    for check in checks:
        key = (check.pinned.decoder, check.version or "none", check.pinned.decode)
        groups.setdefault(key, []).append(check)
    return [
        [
            *key,
            len({check.pinned.file for check in group}),
            ", ".join(dict.fromkeys(check.pinned.algorithm for check in group)),
            _drift(group),
        ]
        for key, group in groups.items()
    ]


def _drift(group: list[Check]) -> str:
    if all(check.skipped for check in group):
        return "not checked: not installed"
    drifted = [check for check in group if check.drifted]
    words = (f"{check.pinned.algorithm}: {_describe_drift(check)}" for check in drifted)
    return "; ".join(dict.fromkeys(words)) or "none"


def _describe_drift(check: Check) -> str:
    if check.error is not None:
        return f"cannot be decoded: {check.error}"
    words = f"{check.distance} bits"
    if check.quality != check.pinned.quality:
        words += f", quality {check.quality} instead of {check.pinned.quality}"
    return words
