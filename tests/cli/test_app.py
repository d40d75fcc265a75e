"""Exit codes and messages of the command line as a whole, and what it must not import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hashmatch import __version__
from hashmatch.cli import app, main, scan_command

COMMANDS = ("demo", "hash", "index", "match", "scan", "video", "selfcheck", "info")


def run(*args: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "hashmatch.cli", *map(str, args)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_nothing_heavy_is_imported_before_a_command_runs() -> None:
    for module, has_typer in (("hashmatch.cli", False), ("hashmatch.cli.app", True)):
        script = f"import sys, {module}; print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        modules = done.stdout.split()
        loaded = {name.partition(".")[0] for name in modules}
        assert ("typer" in loaded) == has_typer
        assert not loaded & {"numpy", "PIL", "pyarrow", "faiss", "rich"}
        assert module in modules
        assert "hashmatch._core" not in modules


@pytest.mark.parametrize(
    "args",
    [
        [],
        *([command] for command in COMMANDS),
        *(["index", command] for command in ("build", "info", "verify")),
        *(["video", command] for command in ("hash", "match")),
    ],
)
def test_help_is_on_stdout_with_an_example(
    args: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    for flag in ("--help", "-h"):
        assert main([*args, flag]) == 0
        said = capfd.readouterr()
        assert said.err == ""
        assert said.out.startswith(f"Usage: hashmatch {' '.join(args)}".rstrip())
        if args not in (["index"], ["video"]):
            assert "Example: hashmatch" in said.out or "Try it: hashmatch demo" in said.out
        assert "..." not in said.out.partition("Commands:")[2]  # no summary is cut short


def test_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == f"hashmatch {__version__}\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Missing command (see hashmatch --help)"),
        (["index"], "Missing command (see hashmatch index --help)"),
        (["scna"], "No such command 'scna'"),
        (["--bla"], "No such option: --bla (see hashmatch --help)"),
        (["info", "--bla"], "No such option: --bla (see hashmatch info --help)"),
        (["info", "more"], "Got unexpected extra argument"),
        (["hash"], "Missing argument 'PATH"),
        (["match", "--index", "."], "Missing argument 'HASH"),
        (["scan", ".", "--policy", "x"], "policy"),
        (["scan", "."], "Missing option '--index"),
        (["index", "build"], "Missing argument 'DIR'"),
        (["index", "build", "absent"], "absent"),
        (["hash", ".", "--workers", "0"], "Invalid value for '--workers'"),
        (["hash", ".", "--workers", "two"], "Invalid value for '--workers'"),
        (["hash", ".", "--decode", "fast"], "Invalid value for '--decode'"),
        (["scan", "", "--index", "."], "an argument is empty"),
        (["scan", "a", "--index", ""], "--index is empty"),
        (["scan", "a", "--index="], "--index is empty"),
        (["hash", ".", "-o", ""], "-o is empty"),
        (["index", "build", ""], "an argument is empty"),
        (["video", "hash", "v.mp4", "--interval", "inf"], "'--interval'"),
        (["video", "hash", "v.mp4", "-o", "v.csv"], "ends in .txt"),
        (["scan", ".", "-o", "rows.csv", "--index", ".", "--policy", __file__], "ends in .jsonl"),
        (["index", "add", ".", __file__, "--list", "l", "--wait-s", "inf"], "'--wait-s'"),
        (["index", "compact", ".", "--threads", "100000"], "'--threads'"),
        (["index", "compact", ".", "--keep", "1" + "0" * 30], "'--keep'"),
        (["index", "rollback", ".", "1" + "0" * 30], "GENERATION"),
        (["index", "bench", "--limit", "inf"], "'--limit'"),
        (["index", "bench", "--seed", "1" + "0" * 30], "'--seed'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    args: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("hashmatch: error: ")
    assert said.err.count("\n") == 1
    assert message in said.err


def broken(error: BaseException) -> object:
    def command(**_: object) -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device", "out.csv"), "out.csv: No space left on device"),
        (OSError("odd"), "odd"),
        (MemoryError(), "not enough memory"),
        (ZeroDivisionError("by\nzero"), "ZeroDivisionError: by zero; this is a bug"),
        (KeyError("lost"), "KeyError: 'lost'; this is a bug"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_1(
    error: Exception,
    message: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hashmatch.cli.info_command.collect", broken(error))
    assert main(["info"]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"hashmatch: error: {message}")
    assert said.err.count("\n") == 1
    with pytest.raises(type(error)):
        main(["--debug", "info"])


def test_ctrl_c_is_exit_code_1(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashmatch.cli.info_command.collect", broken(KeyboardInterrupt()))
    assert main(["info"]) == 1
    assert capfd.readouterr().err == "hashmatch: interrupted\n"


def test_debug_shows_a_traceback(tmp_path: Path) -> None:
    debug = run("--debug", "index", "info", tmp_path)
    assert debug.returncode == 1
    assert b"Traceback" in debug.stderr


def test_completion_scripts_are_offered() -> None:
    done = run("--show-completion", env={**os.environ, "_HASHMATCH_COMPLETE": "source_bash"})
    assert done.returncode == 0
    assert b"_HASHMATCH_COMPLETE" in done.stdout
    words = {
        "COMP_WORDS": "hashmatch sc",
        "COMP_CWORD": "1",
        "_HASHMATCH_COMPLETE": "complete_bash",
    }
    done = run(env={**os.environ, **words})
    assert done.stdout.split() == [b"scan"]


def test_a_closed_pipe_ends_quietly(demo: Path) -> None:
    paths = [str(path) for path in (demo / "uploads").iterdir()]
    program = f"{sys.executable} -m hashmatch.cli"
    scan = f"{program} scan --index {demo} --policy {demo}/policy.toml --workers 1"
    for command in (f"{program} hash --workers 1", scan):
        done = subprocess.run(
            ["bash", "-c", f"{command} {' '.join(paths)} {demo / 'images'} | head -c 20"],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert len(done.stdout) == 20
        assert b"Error" not in done.stderr
        assert b"Broken pipe" not in done.stderr


@pytest.mark.parametrize("arguments", ["info --json", "--version", "hash {demo}/images"])
def test_a_closed_stdout_is_one_line_and_exit_code_1(demo: Path, arguments: str) -> None:
    command = f"{sys.executable} -m hashmatch.cli {arguments.format(demo=demo)}"
    for redirection in (">&-", ">/dev/full"):
        done = subprocess.run(
            ["bash", "-c", f"{command} {redirection}"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith("hashmatch: error: ")
        assert done.stderr.count("\n") == 1
        assert "bug" not in done.stderr


def test_notes_for_a_closed_stderr_do_not_reach_stdout(demo: Path) -> None:
    scan = f"scan {demo}/uploads --index {demo} --policy {demo}/policy.toml"
    for arguments in (f"index info {demo}", f"{scan} -o /dev/null"):
        done = subprocess.run(
            ["bash", "-c", f"{sys.executable} -m hashmatch.cli {arguments} 2>&-"],
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, b"")


def test_a_closed_stdin_is_an_error(demo: Path) -> None:
    command = f"{sys.executable} -m hashmatch.cli match - --index {demo} --json <&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"hashmatch: error: stdin cannot be read: Bad file descriptor\n"


def test_a_name_cannot_control_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["hash", "red\x1b[31m"]) == 2
    assert r"red\x1b[31m: no such file or folder" in capfd.readouterr().err


def test_an_output_that_is_a_folder_is_refused_before_the_work(
    demo: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "rows.csv"
    folder.mkdir()
    index = ["--index", str(demo), "--policy", str(demo / "policy.toml")]
    for command in (["hash"], ["scan", *index], ["video", "hash"]):
        assert main([*command, str(demo / "images"), "-o", str(folder)]) == 2
        said = capfd.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert f"file '{folder}' is a directory" in said.err


def test_the_commands_are_those_delivered() -> None:
    names = {command.name for command in app.app.registered_commands}
    names |= {group.name for group in app.app.registered_groups}
    assert names == set(COMMANDS)
    assert scan_command.scan_files.__doc__


@pytest.mark.parametrize("columns", ["0", "", "-1", "many", "80"])
def test_a_table_is_printed_whatever_columns_says(demo: Path, columns: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hashmatch.cli", "index", "info", str(demo)],
        env={**os.environ, "COLUMNS": columns},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "Index demo" in done.stderr


def test_rows_are_the_same_in_every_locale(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "\u00e4\u20ac.txt").write_text("no picture")
    command = [sys.executable, "-m", "hashmatch.cli", "scan", ".", "--index", str(demo)]
    command += ["--policy", str(demo / "policy.toml"), "--workers", "1"]
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    rows = [
        subprocess.run(
            command, cwd=tmp_path, env=os.environ | locale, capture_output=True, check=True
        ).stdout
        for locale in ({"LC_ALL": "C.UTF-8"}, ascii_only)
    ]
    assert rows[0] == rows[1]
    assert json.loads(rows[0])["content_id"] == "\u00e4\u20ac.txt"


def test_ctrl_c_right_after_the_start_is_no_traceback(demo: Path) -> None:
    """Also in the middle of the imports, which take most of the first tenth of a second."""
    interrupt = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == sys.argv[1]: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from hashmatch.cli import main\n"
        "sys.exit(main(['index', 'info', sys.argv[2]]))\n"
    )
    for module in ("typer", "hashmatch.cli.app", "rich", "hashmatch.index"):
        done = subprocess.run(
            [sys.executable, "-c", interrupt, module, str(demo)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "hashmatch: interrupted\n"
