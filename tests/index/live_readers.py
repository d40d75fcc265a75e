"""A reader in a process of its own: `python -m tests.index.live_readers DIR SEED N_OPS N_THREADS`.

Looks again and again, in several threads, until the last generation of the script is there, and
compares all that it sees with the model of that generation. Prints a line when it has begun to
look, and how many generations it saw.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from hashmatch.index import Index
from tests.builders import register_toy
from tests.index.live_model import Row, contents, script

N_EDITS = 2
Contents = list[tuple[str, str, Row]]


def watch(folder: Path, expected: dict[int, Contents], seen: set[int]) -> None:
    index = first = Index.open(folder)
    generation = 0
    while True:
        assert index.ref.generation >= generation
        if index.ref.generation != generation:
            generation = index.ref.generation
            assert contents(index) == expected[generation], generation
            seen.add(generation)
        if generation == max(expected):
            break
        index = index.refreshed() if generation % 5 else Index.open(folder)
    # Pruned long ago, and still open.
    assert contents(first) == expected[first.ref.generation]


def main() -> None:
    folder = Path(sys.argv[1])
    seed, n_ops, n_threads = map(int, sys.argv[2:])
    models = [model for _, model in script(seed, n_ops)][N_EDITS:]
    expected = {number: sorted(model.visible()) for number, model in enumerate(models, start=1)}
    seen: set[int] = set()
    faults: list[BaseException] = []

    def run() -> None:
        try:
            watch(folder, expected, seen)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    print("looking", flush=True)
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    print(len(seen))


if __name__ == "__main__":
    with register_toy():
        main()
