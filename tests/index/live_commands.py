"""Random commands against an index that a screener uses, compared with the naive model.

    python -m tests.index.live_commands DIR --commands 10000 --seed 7

Every command is one that an operator or a service gives: build, add (with withdrawals and
regradings), replace, remove, disable, enable, compact, rollback; reload and refresh of a screener
that stays open; and any of the changes killed at a random moment. After each, the index and the
screener must match exactly what the model says.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from hashmatch.errors import HashmatchError
from hashmatch.index import Index, index_history
from hashmatch.screener import Screener
from tests.builders import TOY, register_toy
from tests.index.live_kills import in_child
from tests.index.live_model import (
    KEPT,
    Model,
    Op,
    RefusedError,
    beginning,
    check,
    check_history,
    contents,
    perform,
    random_op,
    write_lists,
)

RADIUS_BITS = 2
LONGEST_DELAY_S = 0.05
POLICY = """
version = "1"
default = "allow"
on_error = { action = "review", queue = "q" }
""" + "".join(
    f"""
[[rules]]
name = "{algorithm}"
when = {{ algorithm = "{algorithm}", max_distance = {RADIUS_BITS}, min_quality = 0 }}
action = "block"
queue = "q"
priority = "high"
"""
    for algorithm in ("pdq", TOY)
)


class Player:
    """An index, the screener that uses it, and what the model says about both."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._rng = random.Random(seed)
        self._folder = folder / "index"
        self._policy = folder / "policy.toml"
        self._policy.write_text(POLICY)
        self.counts: Counter[str] = Counter()
        self._model = Model()
        write_lists(self._folder)
        for op in beginning():
            self._carry_out(op)
        self._screener = Screener.open(self._folder, policy=self._policy)
        self._seen = self._model  # the state that the screener has opened

    def play(self, n_commands: int) -> None:
        """Give random commands, one after the other."""
        for number in range(n_commands):
            commands = (self._change, self._compact, self._kill, self._refresh, self._reload)
            self._rng.choices(commands, (6, 1, 2, 1, 1))[0]()
            assert contents(Index.open(self._folder)) == sorted(self._model.visible())
            self._compare_screener()
            if number % 100 == 0:
                self._compact()  # sweeps up what killed writers left
                check(self._folder, self._model, Index.open(self._folder, verify=True))
                check_history(self._folder, self._model)

    def _change(self) -> None:
        self._carry_out(random_op(self._rng, self._generation()))

    def _compact(self) -> None:
        purge, keep = self._rng.random() < 0.3, self._rng.choice([1, 3, KEPT])
        self._carry_out(Op("compact", purge=purge, keep=keep))

    def _carry_out(self, op: Op) -> None:
        self.counts[op.kind] += 1
        try:
            after = self._model.after(op)
        except RefusedError:
            self.counts["refused"] += 1
            try:
                perform(self._folder, op)
            except HashmatchError:
                return
            raise AssertionError(f"not refused: {op}") from None
        report = perform(self._folder, op)
        if op.kind != "edit":
            after.record(report.generation)
        self._model = after

    def _kill(self) -> None:
        """Kill a change at a random moment: it has taken effect, or it has not."""
        op = random_op(self._rng, self._generation())
        try:
            after = self._model.after(op)
        except RefusedError:
            return
        self.counts["killed" if self._dies(op) else "survived"] += 1
        generation = self._generation()
        if generation not in self._model.history:
            earlier = self._model.history
            after.record(generation)
            self._model = after
            # A writer that dies right after publishing does not delete what is no longer kept.
            kept = {one.generation for one in index_history(self._folder)}
            after.history |= {number: earlier[number] for number in kept - set(after.history)}

    def _dies(self, op: Op) -> bool:
        delay_s = self._rng.random() * LONGEST_DELAY_S
        return in_child(lambda: perform(self._folder, op), delay_s) == -signal.SIGKILL

    def _refresh(self) -> None:
        self.counts["refresh"] += 1
        self._screener.refresh()
        self._seen = self._model

    def _reload(self) -> None:
        self.counts["reload"] += 1
        self._screener.reload()
        self._seen = self._model

    def _compare_screener(self) -> None:
        seed = self._rng.randrange(8)
        decision = self._screener.screen_hashes({"pdq": f"{seed:064x}", TOY: f"{seed:016x}"})
        found = {(one.list, one.entry_id, one.harm, one.algorithm) for one in decision.matches}
        assert found == {
            (name, row.entry_id, row.harm, row.algorithm)
            for name, _, row in self._seen.visible()
            if (row.seed ^ seed).bit_count() <= RADIUS_BITS
        }

    def _generation(self) -> int:
        return Index.open(self._folder).ref.generation


def main() -> int:
    """Play; print how often each command was given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--commands", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started_s = time.monotonic()
    with register_toy():
        player = Player(arguments.directory, arguments.seed)
        player.play(arguments.commands)
    told: dict[str, Any] = {"commands": arguments.commands, "seed": arguments.seed}
    told |= {"by_kind": dict(player.counts.most_common())}
    told |= {"seconds": round(time.monotonic() - started_s)}
    print(json.dumps(told, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
