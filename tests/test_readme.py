"""README.md does what it says: its commands are run in order, and their output compared.

``console`` blocks are run by bash, ``pycon`` blocks by Python, in one folder that holds a copy of
``indexes/demo``. A ``toml`` block is a file: its first line names it. Output may be abbreviated
with ``...``.
"""

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
SCRIPTS = Path(sys.executable).parent
LANGUAGES = {"console", "pycon", "sh", "toml"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks_of(markdown: str) -> list[Block]:
    return [
        Block(found[1], found[2], markdown.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(markdown)
    ]


def differs(expected: str, actual: str) -> bool:
    bare = re.sub(r" +$", "", actual, flags=re.MULTILINE)  # tables are padded with blanks
    return not doctest.OutputChecker().check_output(expected, bare, doctest.ELLIPSIS)


def run_console(block: Block, folder: Path) -> list[str]:
    """Run the commands of a block; say what was not as it stands there."""
    commands = COMMAND.findall(block.text)
    assert "".join(f"$ {command}\n{output}" for command, output in commands) == block.text
    environment = os.environ | {
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",
    }
    faults = []
    for command, expected in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0 or differs(expected, done.stdout):
            faults.append(f"$ {command}\n{done.stdout}[exit code {done.returncode}]")
    return faults


def run_python(block: Block, meaning: dict[str, object]) -> list[str]:
    """Run the statements of a block; say what was not as it stands there."""
    test = doctest.DocTestParser().get_doctest(block.text, meaning, "README", None, block.line)
    assert test.examples
    faults: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(
        test, out=faults.append, clear_globs=False
    )
    meaning |= test.globs
    return faults


def write_file(block: Block, folder: Path) -> list[str]:
    path = folder / block.text.partition("\n")[0].removeprefix("# ")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text)
    return []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    demo = tmp_path / "indexes/demo"
    shutil.copytree(ROOT / "indexes/demo", demo, ignore=shutil.ignore_patterns("built"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_all(blocks: list[Block], folder: Path) -> list[str]:
    meaning: dict[str, object] = {}
    faults = []
    for block in blocks:
        if block.language == "console":
            found = run_console(block, folder)
        elif block.language == "pycon":
            found = run_python(block, meaning)
        elif block.language == "toml":
            found = write_file(block, folder)
        else:
            continue
        faults += [f"README.md:{block.line}: {fault}" for fault in found]
    return faults


def test_what_readme_shows_is_what_happens(folder: Path) -> None:
    assert (SCRIPTS / "hashmatch").exists(), "hashmatch is not installed here; try `make test`"
    blocks = blocks_of(README.read_text())
    assert {block.language for block in blocks} == LANGUAGES
    faults = run_all(blocks, folder)
    assert faults == [], "\n\n".join(faults)


def test_every_make_target_that_readme_and_contributing_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = README.read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_every_link_leads_somewhere() -> None:
    for page in (README, ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md", ROOT / "SECURITY.md"):
        targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
        assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("```console\n$ echo a \\\n  b\na b\n$ true\n```\n", 0),
        ("```console\n$ echo took 5 s\ntook ... s\n```\n", 0),
        ("```console\n$ echo a\nb\n```\n", 1),
        ("```console\n$ echo a\n$ false\n```\n", 2),
        ("```pycon\n>>> a = 2\n```\n```pycon\n>>> a + 1\n3\n```\n", 0),
        ("```pycon\n>>> 1 + 1\n3\n```\n", 1),
        (
            "```toml\n# x/y.toml\na = 1\n```\n```console\n$ cat x/y.toml\n# x/y.toml\na = 1\n```\n",
            0,
        ),
    ],
)
def test_a_readme_that_is_wrong_would_be_noticed(folder: Path, text: str, faults: int) -> None:
    assert len(run_all(blocks_of(text), folder)) == faults
