"""The command tree, and the translation of exceptions into one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import Annotated

import typer

from hashmatch._version import __version__
from hashmatch.cli.demo_command import demo
from hashmatch.cli.display import print_note
from hashmatch.cli.hash_command import hash_pictures
from hashmatch.cli.index_commands import index_app
from hashmatch.cli.info_command import info
from hashmatch.cli.match_command import match
from hashmatch.cli.scan_command import scan_files
from hashmatch.cli.selfcheck_command import selfcheck
from hashmatch.cli.video_commands import video_app
from hashmatch.errors import HashmatchError

DONE, FAILED, USAGE = 0, 1, 2

_FOUND_BY_TYPER: type[Exception] = typer.BadParameter.__mro__[2]
"""Base class of every usage error that typer raises; it has no public name."""

app = typer.Typer(
    name="hashmatch",
    help="Recognise known harmful pictures and videos: hash uploads, match them against lists, "
    "decide by policy.\n\nTry it: hashmatch demo",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo)
app.command("hash")(hash_pictures)
app.add_typer(index_app, name="index")
app.command("match")(match)
app.command("scan")(scan_files)
app.command("selfcheck")(selfcheck)
app.add_typer(video_app, name="video")
app.command("info")(info)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hashmatch {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of an error; goes before the command."),
    ] = False,
) -> None:
    """Accept the options that precede the command; `run` acts on them."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; see `hashmatch.cli.main`."""
    args = list(sys.argv[1:] if argv is None else argv)
    _replace_closed_streams()
    try:
        _refuse_empty(args)
        command = typer.main.get_command(app)
        code = command.main(args=args, prog_name="hashmatch", standalone_mode=False)
        sys.stdout.flush()
        if code == 130:  # typer's exit code for a Ctrl-C that no command handled
            raise KeyboardInterrupt
        return code if isinstance(code, int) else DONE
    except (KeyboardInterrupt, typer.Abort):
        print_note("hashmatch: interrupted")
        return FAILED
    except BrokenPipeError:  # the reader of our output is gone
        _flush_stdout()
        return FAILED
    except Exception as error:
        if "--debug" in takewhile(lambda arg: arg.startswith("-"), args):
            raise
        _flush_stdout()
        print_note(f"hashmatch: error: {' '.join(_explain(error).split())}")
        return USAGE if isinstance(error, _FOUND_BY_TYPER) else FAILED


def _refuse_empty(args: Sequence[str]) -> None:
    """Raise a usage error for an empty argument, which as a path would mean the current folder."""
    for before, arg in zip(["", *args], args, strict=False):
        option, is_option, value = arg.partition("=")
        if arg and not (option.startswith("--") and is_option and not value):
            continue
        name = option or (before if before.startswith("-") else "an argument")
        raise typer.BadParameter(f"{name} is empty; if it comes from a variable, is that set?")


def _replace_closed_streams() -> None:
    """Replace standard streams that were closed before the start, which Python sets to None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Nothing is read or lost without an error: a descriptor of the wrong kind gives one.
            flags = os.O_RDONLY if name == "stdout" else os.O_WRONLY
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode))


def _flush_stdout() -> None:
    """Flush stdout; drop what cannot be written, or Python would report an error on exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: Exception) -> str:
    if isinstance(error, _FOUND_BY_TYPER):
        context = getattr(error, "ctx", None)
        where = f" (see {context.command_path} --help)" if context else ""
        return getattr(error, "format_message", error.__str__)().rstrip(".") + where
    if isinstance(error, HashmatchError):
        return str(error)
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename is not None else ""
        return f"{name}{error.strerror or error}"
    if isinstance(error, MemoryError):
        return "not enough memory"
    return (
        f"{type(error).__name__}: {error}; this is a bug, please report it with what "
        "hashmatch --debug ... prints"
    )
