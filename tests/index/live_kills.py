"""Kill writers, by kill -9, and look at what they leave.

Run as `python -m tests.index.live_kills HOW DIR`. HOW is `first`, for a build of a new folder, or a
kind of change: it dies before its first step in the file system, before its second, and so on until
it comes through. Or `moments`: a writer that makes one change after another dies at random moments.
Prints how many writers were killed.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hashmatch.errors import IndexFormatError
from hashmatch.index import Index, index_history, verify_index
from tests.builders import built_files, register_toy, stored_rows
from tests.index.live_model import (
    SMALL,
    Model,
    Op,
    Row,
    beginning,
    check_history,
    contents,
    perform,
    script,
    stored_contents,
    write_lists,
)

AUDITED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "shutil.rmtree"}
MANY = tuple((Row("n", "csam", "", "pdq", seed), "active") for seed in range(8))
OPS = (
    Op("add", "known", MANY, "v9"),  # takes in smaller segments
    Op("remove", "spam", ids=("a", "b")),
    Op("rollback", generation=1),
    Op("compact", purge=True, keep=3),
    Op("build", discard=True),
)
NEXT = Op("add", "spam", ((Row("next", "csam", "", "pdq", 7), "active"),), "v9")
ALL_KEPT = replace(SMALL, kept_generations=1 << 20)


def in_child(work: Callable[[], object], kill_after_s: float | None = None) -> int:
    """Run `work` in a process of its own; -9 if it was killed."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except Exception:
            traceback.print_exc()
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
        if event not in AUDITED or not str(args[0]).startswith(built):
            return
        if event != "open" or args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):  # no mere reading
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

    def fsync(fd: Any) -> None:
        take()
        real_fsync(fd)

    def fdopen(descriptor: int, *_: object, **__: object) -> Any:
        return Writer(io.FileIO(descriptor, "wb"))

    os.fsync = fsync
    os.fdopen = fdopen  # type: ignore[assignment]
    sys.addaudithook(audit)


def check_one_of(folder: Path, before: Model, after: Model, base: int) -> bool:
    """Check that either state is published, whole, and say whether it is the one after.

    Every generation that is kept is whole, and those before the change are what they were; a purge
    may have deleted what the state after it lacks.
    """
    index = Index.open(folder, verify=True)
    verify_index(folder)
    is_after = index.ref.generation > base
    assert contents(index) == sorted((after if is_after else before).visible())
    for generation in index_history(folder):
        number = generation.generation
        if number <= base:
            old = before.history[number].visible()
            purged = old & after.history.get(number, before).visible()
            assert stored_contents(folder, number) in (sorted(old), sorted(purged))
    return is_after


def check_swept(folder: Path, model: Model) -> None:
    """Check that the model is published, and that no other file is left."""
    assert contents(Index.open(folder)) == sorted(model.visible())
    assert set(built_files(folder)) == {".lock", *verify_index(folder)}
    assert not (folder / "built" / ".building").exists()


def manifests(folder: Path) -> dict[str, str]:
    """Return the digest of every generation that has a manifest, published or not."""
    built = folder / "built"
    numbers = [int(path.stem) for path in built.glob("manifests/*.json")]
    return {str(number): str(stored_rows(folder, number)) for number in numbers}


def kill_first_builds(folder: Path) -> int:
    """Kill a build when nothing is published yet: then nothing is, or the whole."""
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
            try:
                index = Index.open(folder, verify=True)
            except IndexFormatError as error:
                if "is not built" not in str(error):  # but damaged
                    raise
            else:
                assert contents(index) == sorted(model.visible())
            perform(folder, build)
            check_swept(folder, model)

        assert in_child(recover) == 0, steps
    assert steps > 10, steps
    return steps - 1


def kill_at_every_step(folder: Path, kind: str) -> int:
    n_killed, model, base = 0, Model(), 0
    for op in beginning():
        assert in_child(partial(perform, folder, op)) == 0
        model = model.after(op)
        if op.kind != "edit":
            base += 1
            model.record(base)
    saved = folder.parent / "saved"
    shutil.copytree(folder / "built", saved)
    for op in [op for op in OPS if op.kind == kind]:
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
                is_after = check_one_of(folder, model, after, base)
                assert is_after or killed
                used = manifests(folder)
                # A purge can be repeated, and must come to its end.
                again = NEXT if is_after and op.kind != "compact" else op
                report = perform(folder, again)
                if report.is_new:
                    assert str(report.generation) not in used, "a number was used twice"
                state = after.after(NEXT) if again is NEXT else after
                if again is op:
                    state.record(report.generation)
                    check_history(folder, state)
                check_swept(folder, state)

            assert in_child(recover) == 0, (op, steps)
        assert steps > 10, (op, steps)  # or the steps are no longer noticed
        n_killed += steps - 1
    return n_killed


def kill_at_random(folder: Path) -> int:
    n_edits = 2
    steps = script(7, 80)
    models = [model for _, model in steps[n_edits:]]
    ops = [op for op, _ in steps[n_edits:]]
    rng = random.Random(time.time_ns() if "--by-chance" in sys.argv else 1)
    for op, _ in steps[: n_edits + 1]:
        assert in_child(partial(perform, folder, op, ALL_KEPT)) == 0
    done, n_killed, longest_s = 1, 0, 0.1
    status = folder.parent / "done"
    while done < len(ops):

        def write(first: int = done) -> None:
            for op in ops[first:]:
                # A killed writer may have used up a number; all are kept, to count them.
                numbers = [one.generation for one in index_history(folder)]
                number, keep = numbers[op.generation - 1], ALL_KEPT.kept_generations
                perform(folder, replace(op, generation=number, keep=keep), ALL_KEPT)

        killed = in_child(write, rng.uniform(0, longest_s))
        assert killed in (0, -signal.SIGKILL), killed
        n_killed += killed != 0

        def look(first: int = done) -> None:
            reached = len(index_history(folder))
            assert reached >= first
            index = Index.open(folder, verify=True)
            assert contents(index) == sorted(models[reached - 1].visible())
            status.write_text(str(reached))

        assert in_child(look) == 0
        # On a busy machine, a change takes longer than any fixed time.
        reached = int(status.read_text())
        longest_s = 0.1 if reached > done else 1.5 * longest_s
        done = reached
    assert in_child(lambda: perform(folder, Op("compact"))) == 0
    assert in_child(lambda: check_swept(folder, models[-1])) == 0
    return n_killed


if __name__ == "__main__":
    how, folder = sys.argv[1], Path(sys.argv[2])
    write_lists(folder)
    with register_toy():
        whole = {"first": kill_first_builds, "moments": kill_at_random}
        print(whole[how](folder) if how in whole else kill_at_every_step(folder, how))
