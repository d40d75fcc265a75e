"""Looking at processes from outside, and results in JSON for isolated ones."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def decode(_: object, data: bytes) -> Any:
    return json.loads(data)


AS_JSON: dict[str, Any] = {"encode": encode, "decode": decode}
"""How plain results come back from an isolated process."""


def wait_for(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    """Wait until a condition holds."""
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, "waited too long"
        time.sleep(0.02)


def stat_fields(pid: int | str) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; none of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    fields = stat_fields(pid)
    return bool(fields) and fields[0] != "Z"


def is_confined(pid: int) -> bool:
    """Return whether a process has a filter of its system calls, as one has that decodes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "\nSeccomp:\t2\n" in status


def _find(field: int, value: int) -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        fields = stat_fields(path.name)
        if fields and fields[0] != "Z" and int(fields[field]) == value:
            found.add(int(path.name))
    return found


def children_of(pid: int) -> set[int]:
    return _find(1, pid)


def processes_of_session(session: int) -> set[int]:
    return _find(3, session)
