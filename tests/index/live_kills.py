"""Kill writers, by kill -9, and look at what they leave. `python live_kills.py HOW FOLDER`.

HOW is `steps`: each kind of change dies before its first step in the file system, before its
second, and so on until it comes through. Or `moments`: a writer that makes one change after
another dies at moments chosen by chance. Prints how many writers were killed.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from live_model import (
    Model,
    Op,
    Row,
    beginning,
    contents,
    perform,
    register_toy,
    script,
    write_recipe,
)

from hashmatch.errors import HashmatchError
from hashmatch.index import Index, verify_index

AUDITED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "shutil.rmtree"}
OPS = (
    Op("add", "known", ((Row("n", "csam", "", "pdq", 3), "active"),), "v9"),
    Op("replace", "known", ((Row("n", "csam", "", "toy", 3), "active"),), "v9"),
    Op("remove", "spam", ids=("a", "b")),
    Op("disable", "spam"),
    Op("compact"),
    Op("build", discard=True),
)
NEXT = Op("add", "spam", ((Row("next", "csam", "", "pdq", 7), "active"),), "v9")


def in_child(work: Callable[[], object], kill_after_s: float | None = None) -> int:
    """Run `work` in a process of its own; -9 where it was killed."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_before(step: int, folder: Path) -> None:
    """Let this process die before the given step that it makes in a folder, from 1."""
    built = str(folder / "built")
    taken = 0

    def take() -> None:
        nonlocal taken
        taken += 1
        if taken == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if event in AUDITED and str(args[0]).startswith(built):
            take()

    class Writer(io.BufferedWriter):
        is_begun = False

        def write(self, data: Any) -> int:
            half = 0 if self.is_begun else len(data) // 2
            if not self.is_begun:  # to die at each of a thousand small writes would show no more
                self.is_begun = True
                super().write(data[:half])
                self.flush()
                take()
            return half + super().write(data[half:])

    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        take()
        real_fsync(descriptor)

    os.fsync = fsync
    os.fdopen = lambda descriptor, *_: Writer(io.FileIO(descriptor, "wb"))
    sys.addaudithook(audit)


def check_one_of(folder: Path, models: dict[int, Model]) -> int:
    """The published generation is one of those given, and holds what its model says."""
    index = Index.open(folder, verify=True)
    generation = index.ref.generation
    assert generation in models, (generation, sorted(models))
    assert contents(index) == sorted(models[generation].visible())
    return generation


def check_swept(folder: Path, model: Model) -> None:
    """What is published is what the model says, and nothing else lies around."""
    assert contents(Index.open(folder)) == sorted(model.visible())
    left = {path.name for path in (folder / "built").iterdir()}
    assert left == {".lock", *verify_index(folder)}


def kill_first_builds(folder: Path) -> int:
    """Kill a build where nothing is published yet: then nothing is, or the whole."""
    build = beginning()[2]
    model = Model().after(build)
    steps, killed = 0, -signal.SIGKILL
    while killed:
        steps += 1
        shutil.rmtree(folder / "built", ignore_errors=True)

        def write(step: int = steps) -> None:
            die_before(step, folder)
            perform(folder, build)

        killed = in_child(write)
        assert killed in (0, -signal.SIGKILL), (steps, killed)

        def recover() -> None:
            if (folder / "built" / "manifest.json").exists():
                check_one_of(folder, {1: model})
            else:
                try:
                    Index.open(folder)
                except HashmatchError:
                    pass
                else:
                    raise AssertionError("opened what was never built")
            perform(folder, build)
            check_swept(folder, model)

        assert in_child(recover) == 0, steps
    assert steps > 10, steps
    return steps - 1


def kill_at_every_step(folder: Path) -> int:
    n_killed = kill_first_builds(folder)
    shutil.rmtree(folder / "built")
    model = Model()
    for op in beginning():
        assert in_child(lambda op=op: perform(folder, op)) == 0
        model = model.after(op)
    base, saved = 5, folder.parent / "saved"
    shutil.copytree(folder / "built", saved)
    for op in OPS:
        after, steps, killed = model.after(op), 0, -signal.SIGKILL
        while killed:
            steps += 1
            shutil.rmtree(folder / "built")
            shutil.copytree(saved, folder / "built")

            def write(step: int = steps, op: Op = op) -> None:
                die_before(step, folder)
                perform(folder, op)

            killed = in_child(write)
            assert killed in (0, -signal.SIGKILL), (op, steps, killed)

            def recover(op: Op = op, after: Model = after, killed: int = killed) -> None:
                models = {base: model, base + 1: after} if killed else {base + 1: after}
                again = op if check_one_of(folder, models) == base else NEXT
                perform(folder, again)
                check_swept(folder, after if again is op else after.after(NEXT))

            assert in_child(recover) == 0, (op, steps)
        assert steps > 10, (op, steps)  # or the steps are no longer noticed
        n_killed += steps - 1
    return n_killed


def kill_at_any_moment(folder: Path) -> int:
    n_edits = 2
    steps = script(7, 80)
    models = {number - n_edits + 1: model for number, (_, model) in enumerate(steps)}
    for op, _ in steps[: n_edits + 1]:
        assert in_child(lambda op=op: perform(folder, op)) == 0
    rng = random.Random(time.time_ns() if "--by-chance" in sys.argv else 1)
    generation = 1
    n_killed = 0
    longest_s = 0.1
    status = folder.parent / "generation"
    while generation < max(models):

        def write(first: int = generation) -> None:
            for op, _ in steps[first + n_edits :]:
                perform(folder, op)

        killed = in_child(write, rng.uniform(0, longest_s))
        assert killed in (0, -signal.SIGKILL), killed
        n_killed += killed != 0

        def look(killed: int = killed, first: int = generation) -> None:
            allowed = {g: m for g, m in models.items() if g >= first}
            status.write_text(str(check_one_of(folder, allowed)))

        assert in_child(look) == 0
        # On a machine that is busy, a change takes longer than any that is fixed here.
        reached = int(status.read_text())
        longest_s = 0.1 if reached > generation else 1.5 * longest_s
        generation = reached
    assert in_child(lambda: perform(folder, Op("compact"))) == 0
    assert in_child(lambda: check_swept(folder, models[max(models)])) == 0
    return n_killed


if __name__ == "__main__":
    how, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir()
    write_recipe(folder)
    register_toy()
    print({"steps": kill_at_every_step, "moments": kill_at_any_moment}[how](folder))
