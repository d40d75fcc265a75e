"""Cases of isolation: children that were taken over, deaths that were misread, odd limits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hashmatch.backlog import hash_files, hash_many
from hashmatch.cli import main
from hashmatch.workers import Isolation, probe_protection

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")

# Pillow as a child sees it: a comment in a JPEG takes its decoder over.
TAKEN_OVER = """
import errno, os, pickle, signal, socket, stat, struct, time
from PIL import ImageFile

whole = ImageFile.ImageFile.load

class Bomb:
    def __reduce__(self):
        return os.mkdir, (os.path.join(os.environ["FOLDER"], "made-by-the-parent"),)

def channel():
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                return descriptor
        except OSError:
            pass

def frame(data, claimed=None):
    return struct.pack("<QQ", len(data) if claimed is None else claimed, 0) + data

def refused(deed):
    try:
        deed()
    except OSError as error:
        return error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS)
    return False

def read_index():
    open(os.environ["INDEX"], "rb").read()

def write_file():
    open(os.path.join(os.environ["FOLDER"], "made-by-the-child"), "w").close()

def load(self):
    comment = self.info.get("comment", b"").decode()
    if comment.startswith("send "):
        data = {
            "pickle": frame(pickle.dumps(Bomb())),
            "bare pickle": pickle.dumps(Bomb()),
            "half": frame(b"v", 1000),
            "4 GiB": frame(b"", 1 << 32),
            "nothing": b"",
        }[comment.removeprefix("send ")]
        os.write(channel(), data)
        time.sleep(1000)
    deeds = {
        "socket": socket.socket,
        "write": write_file,
        "read": read_index,
        "kill": lambda: os.kill(os.getppid(), signal.SIGTERM),
        "run": lambda: os.execv("/bin/true", ["true"]),
        "fork": os.fork,
    }
    if comment in deeds and not refused(deeds[comment]):
        os.abort()
    return whole(self)

ImageFile.ImageFile.load = load
"""
SENT = ["send pickle", "send bare pickle", "send half", "send 4 GiB", "send nothing"]
DONE = ["socket", "write", "read", "kill", "run", "fork"]


@pytest.mark.case("isolation-trusts-its-children")
def test_a_child_that_was_taken_over_costs_its_item(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, folder, output = tmp_path / "site", tmp_path / "uploads", tmp_path / "rows.jsonl"
    site.mkdir()
    folder.mkdir()
    (site / "sitecustomize.py").write_text(TAKEN_OVER)
    with Image.open(demo / "images" / "coffee.jpg") as image:
        image.load()
        listed = image.convert("RGB")
    for number, comment in enumerate([*SENT, *DONE]):
        path = folder / f"{number:02}-hostile.jpg"
        listed.save(path, "JPEG", subsampling=0, comment=comment.encode())
        # Of a sampling that only Pillow decodes, whose decoder is the one taken over.
        plain, odd = (bytes((3, 1, factors, 0, 2)) for factors in (0x11, 0x14))
        path.write_bytes(path.read_bytes().replace(plain, odd, 1))
        listed.save(folder / f"{number:02}-innocent.jpg", "JPEG")
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    monkeypatch.setenv("FOLDER", str(tmp_path))
    monkeypatch.setenv("INDEX", str(demo / "policy.toml"))
    command = ["scan", str(folder), "--index", str(demo), "--policy", str(demo / "policy.toml")]
    command += ["-o", str(output), "--isolate", "--time-limit", "0.8", "--workers", "1"]
    assert main(command) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    may_read = probe_protection().landlock == 0
    for number, what in enumerate([*SENT, *DONE]):
        hostile, innocent = rows[2 * number : 2 * number + 2]
        assert (innocent["action"], innocent["error"]) == ("block", None)
        if what in SENT or (what == "read" and may_read):
            assert hostile["error_kind"] in {"crashed", "timeout"}
        elif probe_protection().seccomp:
            assert hostile["error"] is None, what
    assert {path.name for path in tmp_path.iterdir()} >= {"site", "uploads", "rows.jsonl"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("made-by")]


@pytest.mark.case("worker-death-misread")
@pytest.mark.parametrize("from_stdin", [True, False])
def test_a_missing_guard_is_named_and_no_file_is_blamed(
    case: Path, demo: Path, *, from_stdin: bool
) -> None:
    (case / "indexes").mkdir()
    (case / "indexes" / "demo").symlink_to(demo)
    script = case / "no-guard.py"
    run = subprocess.run(
        [sys.executable, "-" if from_stdin else str(script)],
        input=script.read_text() if from_stdin else "",
        capture_output=True,
        text=True,
        cwd=case,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("hashmatch: error: worker processes die on start-up (")
    assert 'if __name__ == "__main__":' in run.stderr
    assert run.stderr.count("\n") == 1
    assert ".jpg" not in run.stderr


SCRIPT = """
import hashmatch.backlog, hashmatch.workers
found = list(hashmatch.backlog.hash_files(["links"], {options}))
print(len(found), {{row.error for row in found}})
"""


@pytest.mark.case("worker-death-misread")
@pytest.mark.parametrize(
    ("options", "is_well"),
    [("isolation=hashmatch.workers.Isolation()", True), ("workers=8", False)],
)
def test_a_script_without_a_guard_works_or_says_so(
    demo: Path, tmp_path: Path, options: str, *, is_well: bool
) -> None:
    script = tmp_path / "script.py"
    (tmp_path / "links").mkdir()
    for number in range(140):  # more than one process takes
        (tmp_path / "links" / f"{number}.jpg").symlink_to(demo / "images" / "cat.jpg")
    script.write_text(SCRIPT.format(options=options))
    run = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if is_well:
        assert (run.returncode, run.stdout, run.stderr) == (0, "140 {None}\n", "")
    else:
        last = run.stderr.splitlines()[-1]
        assert "HashmatchError: worker processes die on start-up" in last
        assert 'if __name__ == "__main__":' in last


@pytest.mark.case("worker-death-misread")
def test_too_few_processes_are_named(
    demo: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    for options in (["--workers", "2"], ["--isolate", "--workers", "1"]):
        policy = str(demo / "policy.toml")
        command = ["scan", str(demo / "uploads"), str(demo / "images"), "--index", str(demo)]
        assert main([*command, "--policy", policy, "-o", os.devnull, *options]) == 1
        said = capfd.readouterr().err
        assert "cannot start a worker process: [Errno 11] Resource temporarily" in said
        assert said.count("\n") == 1


@pytest.mark.case("numbers-out-of-range", build=False)
@pytest.mark.parametrize(
    ("options", "bound"),
    [
        (["--time-limit", "inf"], "1000000"),
        (["--time-limit", "nan"], "1000000"),
        (["--time-limit", "1e7"], "1000000"),
        (["--time-limit", "0"], "0.1"),
        (["--memory-limit", "9" * 14], "1073741824"),
        (["--memory-limit", "0"], "1"),
        (["--memory-limit", "-1"], "1"),
    ],
)
def test_limits_out_of_range_are_refused_with_the_range(
    case: Path, capfd: pytest.CaptureFixture[str], options: list[str], bound: str
) -> None:
    assert main(["hash", str(case), "--isolate", *options]) == 2
    said = capfd.readouterr().err
    assert f"'{options[0]}'" in said
    assert f"equal to {bound} " in said
    assert said.count("\n") == 1


@pytest.mark.case("numbers-out-of-range", build=False)
def test_a_limit_of_memory_is_an_integer_and_never_called_damage(demo: Path) -> None:
    for wrong in (1e9, float("inf"), float("nan"), True, 0, -1, 1 << 51):
        with pytest.raises(ValueError, match="memory_bytes must be an integer, positive and at m"):
            Isolation(memory_bytes=wrong)  # type: ignore[arg-type]
    large = Image.new("RGB", (2000, 2000), (9, 9, 9))
    path = demo.parent / "large.png"
    large.save(path)
    (found,) = hash_many([path], isolation=Isolation(memory_bytes=1 << 20))
    assert found.error_kind == "memory"
    (row,) = hash_files([path], isolation=Isolation())
    assert row.error is None
