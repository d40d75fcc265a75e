"""A reader in a process of its own: `python live_readers.py FOLDER SEED N_OPS N_THREADS`.

Looks again and again, in several threads, until the last generation of the script is there, and
compares all that it sees with the model of that generation. Prints a line when it has begun to
look, and how many generations it saw.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from live_model import contents, register_toy, script

from hashmatch.index import Index

N_EDITS = 2


def watch(folder: Path, expected: dict[int, list[object]], seen: set[int]) -> None:
    index = Index.open(folder)
    generation = 0
    while True:
        assert index.ref.generation >= generation
        if index.ref.generation != generation:
            generation = index.ref.generation
            assert contents(index) == expected[generation], generation
            seen.add(generation)
        if generation == max(expected):
            return
        index = index.refreshed() if generation % 5 else Index.open(folder)


if __name__ == "__main__":
    register_toy()
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
