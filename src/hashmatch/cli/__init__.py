"""The command line: arguments in, exit code out; data on stdout, everything else on stderr.

Each `*_command` module holds one command. Nothing heavy is imported before a command runs, so that
help and completion stay quick.
"""

from __future__ import annotations

from hashmatch.cli.app import main

__all__ = ["main"]
