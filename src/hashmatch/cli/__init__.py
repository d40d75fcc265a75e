"""The command line: arguments in, exit code out; data on stdout, everything else on stderr.

Each `*_command` module holds one command. Nothing heavy is imported before a command runs, so that
help and completion stay quick; importing this package, as every worker process of a scan does,
imports nothing at all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (`sys.argv` where None); return 0 if done, 1 if failed, 2 for usage."""
    try:
        from hashmatch.cli.app import run

        return run(argv)
    except KeyboardInterrupt:  # while the commands were being imported
        sys.stderr.write("hashmatch: interrupted\n")
        return 1


__all__ = ["main"]
