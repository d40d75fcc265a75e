"""A naive model of an index that is changed while in use: dictionaries, loops, no segments.

`Model.after` gives the state that an operation should lead to, `perform` carries it out for real,
and `check` compares an index with the model by comparing every code with every query.
"""

from __future__ import annotations

import random
from copy import copy, deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hashmatch.index import (
    Index,
    StorageOptions,
    add_list,
    build_index,
    compact_index,
    disable,
    enable,
    remove_entries,
    replace_list,
    rollback_index,
    verify_index,
)
from hashmatch.lists import ListReading
from tests.builders import TOY, built_files, stored_rows, write_list, write_recipe

LISTS = ("known", "spam")
COLUMNS = ("entry_id", "hash", "harm", "classification", "algorithm", "status")
IDS = ("a", "b", "ü;,")
NO_HASH = -1
"""Seed of a withdrawn row that names an entry alone; one that names a hash alone has no id."""
KEPT = 8

SMALL = StorageOptions(chunk_rows=1, batch_rows=2, merged_codes=12)
"""Sizes at which a few rows are many chunks, batches and segments."""
IN_PIECES = ListReading(block_bytes=110)


class Row(NamedTuple):
    """The identity of a row within a list."""

    entry_id: str
    harm: str
    classification: str
    algorithm: str
    seed: int

    @property
    def hash(self) -> tuple[str, int]:
        return self.algorithm, self.seed

    @property
    def hex(self) -> str:
        if self.seed == NO_HASH:
            return ""
        return f"{self.seed:064x}" if self.algorithm == "pdq" else f"{self.seed:016x}"


Rows = dict[Row, str]
"""Rows of a file with their status."""


@dataclass(frozen=True)
class Op:
    """One operation; only what it needs is given."""

    kind: str
    list: str = "known"
    rows: tuple[tuple[Row, str], ...] = ()
    version: str | None = None
    ids: tuple[str, ...] | None = None
    discard: bool = False
    generation: int = 0
    with_overrides: bool = False
    return_removed: bool = False
    purge: bool = False
    keep: int = KEPT


class RefusedError(Exception):
    """The model says that the operation must raise an error."""


@dataclass
class Model:
    files: dict[str, Rows] = field(default_factory=lambda: {name: {} for name in LISTS})
    live: dict[tuple[str, Row], tuple[str, str]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    removed: set[tuple[str, str]] = field(default_factory=set)
    removed_hashes: set[tuple[str, tuple[str, int]]] = field(default_factory=set)
    disabled: set[tuple[str, str]] = field(default_factory=set)
    disabled_lists: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    history: dict[int, Model] = field(default_factory=dict)
    kept: int = KEPT

    def after(self, op: Op) -> Model:
        """Return the state after the operation; RefusedError where it must raise."""
        model = deepcopy(self)
        model.kept = KEPT
        getattr(model, f"_{op.kind}")(op)
        return model

    def record(self, generation: int) -> None:
        """Note that the state was published, unless it was so before, and prune the history."""
        if generation not in self.history:
            state = copy(self)
            state.history = {}
            self.history[generation] = deepcopy(state)
        for number in sorted(self.history)[: -self.kept]:
            del self.history[number]

    def visible(self) -> set[tuple[str, str, Row]]:
        """Return list, version and row of everything that may match."""
        return {
            (name, version, row)
            for (name, row), (version, _) in self.live.items()
            if name not in self.disabled_lists and (name, row.entry_id) not in self.disabled
        }

    def _ids(self, name: str) -> set[str]:
        return {row.entry_id for of, row in self.live if of == name}

    def _edit(self, op: Op) -> None:
        self.files[op.list] = dict(op.rows)

    def _build(self, op: Op) -> None:
        if self.changed and not op.discard:
            raise RefusedError
        self.changed = set()
        self.versions = dict.fromkeys(LISTS, "v1")
        self.live = {
            (name, row): ("v1", status)
            for name, rows in self.files.items()
            for row, status in rows.items()
            if status != "withdrawn" and not self._is_removed(name, row)
        }

    def _is_removed(self, name: str, row: Row) -> bool:
        return (name, row.entry_id) in self.removed or (name, row.hash) in self.removed_hashes

    def _add(self, op: Op) -> None:
        name, version = op.list, op.version or self.versions[op.list]
        before = dict(self.live)
        given = {row: status for row, status in op.rows if status != "withdrawn"}
        if not op.return_removed:
            given = {r: status for r, status in given.items() if not self._is_removed(name, r)}
        withdrawn = [row for row, status in op.rows if status == "withdrawn"]
        ids = {row.entry_id for row in withdrawn if row.entry_id}
        hashes = {row.hash for row in withdrawn if not row.entry_id}
        regraded = {(row.entry_id, row.hash) for row in given}
        for of, old in before:
            goes = old.entry_id in ids or old.hash in hashes
            if of == name and (goes or (old.entry_id, old.hash) in regraded) and old not in given:
                del self.live[of, old]
        for row, status in given.items():
            if before.get((name, row), ("", ""))[1] != status:
                self.live[name, row] = (version, status)
                self.removed.discard((name, row.entry_id))
                self.removed_hashes.discard((name, row.hash))
        if self.live != before:
            self._note(name, version)

    def _replace(self, op: Op) -> None:
        version = op.version or self.versions[op.list]
        self.live = {key: said for key, said in self.live.items() if key[0] != op.list}
        for row, status in op.rows:
            if status != "withdrawn" and not self._is_removed(op.list, row):
                self.live[op.list, row] = (version, status)
        self._note(op.list, version)

    def _note(self, name: str, version: str) -> None:
        self.changed.add(name)
        self.versions[name] = version

    def _remove(self, op: Op) -> None:
        there = self._ids(op.list) | {one for name, one in self.removed if name == op.list}
        self._demand(op, there)
        self.removed |= {(op.list, entry_id) for entry_id in op.ids or ()}
        own = {row for name, row in self.live if name == op.list}
        goes = {row.hash for row in own if row.entry_id in (op.ids or ())}
        goes -= {row.hash for row in own if row.entry_id not in (op.ids or ())}
        self.removed_hashes |= {(op.list, each) for each in goes}
        self._drop_removed()

    def _drop_removed(self) -> None:
        self.live = {
            (name, row): said
            for (name, row), said in self.live.items()
            if not self._is_removed(name, row)
        }

    def _disable(self, op: Op) -> None:
        if op.ids is None:
            self.disabled_lists.add(op.list)
            return
        self._demand(op, self._ids(op.list) | {one for of, one in self.disabled if of == op.list})
        self.disabled |= {(op.list, entry_id) for entry_id in op.ids}

    def _enable(self, op: Op) -> None:
        if op.ids is None:
            self.disabled_lists.discard(op.list)
            return
        if op.list in self.disabled_lists:
            raise RefusedError
        self._demand(op, self._ids(op.list) | {one for of, one in self.disabled if of == op.list})
        self.disabled -= {(op.list, entry_id) for entry_id in op.ids}

    def _compact(self, op: Op) -> None:
        self.kept = op.keep
        if op.purge:
            for old in self.history.values():
                old.live = {key: said for key, said in old.live.items() if key in self.live}

    def _rollback(self, op: Op) -> None:
        if op.generation not in self.history:
            raise RefusedError
        old = deepcopy(self.history[op.generation])
        self.live, self.versions, self.changed = old.live, old.versions, old.changed
        if op.with_overrides:
            self.removed, self.disabled = old.removed, old.disabled
            self.removed_hashes = old.removed_hashes
            self.disabled_lists = old.disabled_lists
        self._drop_removed()

    @staticmethod
    def _demand(op: Op, there: set[str]) -> None:
        if not set(op.ids or ()) <= there:
            raise RefusedError


def write_rows(path: Path, rows: tuple[tuple[Row, str], ...]) -> Path:
    if not rows:
        path.write_text(",".join(COLUMNS) + "\n")
        return path
    cells = [
        (row.entry_id, row.hex, row.harm, row.classification, row.algorithm, status)
        for row, status in rows
    ]
    return write_list(path, [dict(zip(COLUMNS, row, strict=True)) for row in cells])


def write_lists(folder: Path) -> None:
    """Write a recipe with two empty lists."""
    folder.mkdir(exist_ok=True)
    for name in LISTS:
        write_rows(folder / f"{name}.csv", ())
    write_recipe(folder, {name: f"{name}.csv" for name in LISTS}, name="live")


def perform(folder: Path, op: Op, options: StorageOptions = SMALL) -> Any:
    """Carry out an operation and return its report."""
    if op.kind == "edit":
        return write_rows(folder / f"{op.list}.csv", op.rows)
    if op.kind == "build":
        return build_index(folder, discard_additions=op.discard, options=options)
    if op.kind in {"add", "replace"}:
        change = replace_list
        if op.kind == "add":
            change = partial(add_list, return_removed=op.return_removed)
        # Beside the folder of the index, where a writer may be killed at any step.
        file = write_rows(folder.parent / "delta.csv", op.rows)
        return change(
            folder,
            file,
            list_name=op.list,
            version=op.version,
            reading=IN_PIECES,
            options=options,
        )
    if op.kind == "remove":
        return remove_entries(folder, op.list, op.ids or (), options=options)
    if op.kind == "compact":
        kept = StorageOptions(op.keep, options.merged_codes, 1, options.batch_rows)
        return compact_index(folder, purge=op.purge, options=kept)
    if op.kind == "rollback":
        return rollback_index(
            folder, op.generation, with_overrides=op.with_overrides, options=options
        )
    change_state = {"disable": disable, "enable": enable}[op.kind]
    return change_state(folder, op.list, op.ids, options=options)


def contents(index: Index) -> list[tuple[str, str, Row]]:
    """Return list, version and row of all that an index finds; an entry has one ordinal."""
    found: list[tuple[str, str, Row]] = []
    entries: dict[int, tuple[str, ...]] = {}
    for algorithm in index.algorithms:
        bits = index.bits(algorithm)
        rows = index.search(algorithm, np.zeros((1, bits // 8), np.uint8), bits).ids
        codes = index.codes(algorithm)
        assert len(rows) == len(codes)
        by_row = dict(zip(sorted(rows.tolist()), codes, strict=True))
        for row, origin, entry, entry_id in zip(
            rows.tolist(),
            index.origin_of(algorithm, rows).tolist(),
            index.entry_of(algorithm, rows).tolist(),
            index.entry_ids(algorithm, rows),
            strict=True,
        ):
            of = index.origins[origin]
            name = (of.list, of.harm, of.classification or "", entry_id)
            assert entries.setdefault(entry, name) == name
            seed = int(by_row[row].tobytes().hex(), 16)
            said = Row(entry_id, of.harm, of.classification or "", algorithm, seed)
            found.append((of.list, of.list_version, said))
    assert len(set(entries.values())) == len(entries)
    return sorted(found)


def stored_contents(folder: Path, generation: int) -> list[tuple[str, str, Row]]:
    """Return list, version and row of all that may match in a kept generation."""
    return sorted(
        (
            row["list"],
            row["list_version"],
            Row(
                row["entry_id"],
                row["harm"],
                row["classification"] or "",
                row["algorithm"],
                int(row["hash"], 16),
            ),
        )
        for row in stored_rows(folder, generation)
    )


def check(folder: Path, model: Model, index: Index, radius: int = 2) -> None:
    """Compare everything that an index says with the model."""
    visible = model.visible()
    assert contents(index) == sorted(visible)
    told = index.describe()
    entries = {(name, row.entry_id, row.harm, row.classification) for name, _, row in visible}
    assert told["n_entries"] == len(entries)
    assert sum(one["live"] for one in told["lists"]) == len(visible)
    assert sum(one["n_codes"] for one in told["algorithms"]) == len(visible)
    assert told["n_removed_entries"] == len(model.removed)
    assert told["n_disabled_entries"] == len(model.disabled)
    assert told["disabled_lists"] == sorted(model.disabled_lists)
    for algorithm in index.algorithms:
        _check_searches(model, index, algorithm, radius)
    assert {*verify_index(folder), ".lock"} == set(built_files(folder))


def _check_searches(model: Model, index: Index, algorithm: str, radius: int) -> None:
    own = [row for _, _, row in model.visible() if row.algorithm == algorithm]
    n_bytes = index.bits(algorithm) // 8
    queries = np.array([list(seed.to_bytes(n_bytes, "big")) for seed in range(8)], dtype=np.uint8)
    result = index.search(algorithm, queries, radius, 2)
    assert len(result.offsets) == len(queries) + 1
    for seed in range(8):
        hits = slice(result.offsets[seed], result.offsets[seed + 1])
        rows, distances = result.ids[hits], result.distances[hits]
        order = list(zip(distances.tolist(), rows.tolist(), strict=True))
        assert order == sorted(set(order))
        ids = index.entry_ids(algorithm, rows)
        expected = [
            (distance, row.entry_id)
            for row in own
            if (distance := (row.seed ^ seed).bit_count()) <= radius
        ]
        assert sorted(zip(distances.tolist(), ids, strict=True)) == sorted(expected)


def check_history(folder: Path, model: Model) -> None:
    """Compare every kept generation with the model."""
    kept = {int(path.stem) for path in (folder / "built" / "manifests").iterdir()}
    assert kept == set(model.history)
    for generation, old in model.history.items():
        assert stored_contents(folder, generation) == sorted(old.visible())


def random_row(rng: random.Random, algorithm: str | None = None) -> Row:
    return Row(
        entry_id=rng.choice(IDS),
        harm=rng.choice(["csam", "spam"]),
        classification=rng.choice(["", "A1"]),
        algorithm=algorithm or rng.choice(["pdq", TOY]),
        seed=rng.randrange(8),
    )


def beginning() -> list[Op]:
    """Return operations after which there is a file of every kind, and several segments."""
    rng = random.Random(5)
    rows = {random_row(rng, algorithm): "active" for algorithm in ("pdq", TOY) for _ in range(6)}
    more = {random_row(rng, algorithm): "disputed" for algorithm in ("pdq", TOY) for _ in range(6)}
    return [
        Op("edit", "known", tuple(rows.items())),
        Op("edit", "spam", tuple(more.items())),
        Op("build"),
        Op("add", "known", tuple(more.items()), "v2"),
        Op("remove", "known", ids=("a",)),
        Op("disable", "spam", ids=("b",)),
        Op("disable", "known", ids=("ü;,",)),
    ]


def script(seed: int, n_ops: int) -> list[tuple[Op, Model]]:
    """Return operations, each of which publishes a generation, and the model after each."""
    rng = random.Random(seed)
    model = Model()
    steps: list[tuple[Op, Model]] = []
    generation = 0

    def take(op: Op, after: Model) -> None:
        nonlocal model, generation
        model = after
        if op.kind != "edit":
            generation += 1
            model.record(generation)
        steps.append((op, model))

    for op in beginning():
        take(op, model.after(op))
    while len(steps) < n_ops:
        op = random_op(rng, generation)
        try:
            after = model.after(op)
        except RefusedError:
            continue
        if after.visible() != model.visible():
            take(op, after)
            if op.kind == "remove":  # so that there is something to drop
                op = Op("compact", purge=rng.random() < 0.3, keep=rng.choice([1, 3, KEPT]))
                take(op, model.after(op))
    return steps


def random_op(rng: random.Random, generation: int) -> Op:
    kind = rng.choice(["add", "add", "replace", "remove", "disable", "enable", "build", "rollback"])
    rows = {random_row(rng): rng.choice(["active", "disputed", "withdrawn"]) for _ in range(4)}
    if rng.random() < 0.3:
        row = random_row(rng)
        lacks: dict[str, Any] = rng.choice([{"entry_id": ""}, {"seed": NO_HASH}])
        rows[row._replace(harm="", classification="", **lacks)] = "withdrawn"
    ids: tuple[str, ...] | None = (rng.choice(IDS),)
    if kind in {"disable", "enable"} and rng.random() < 0.3:
        ids = None
    return Op(
        kind,
        rng.choice(LISTS),
        tuple(rows.items()),
        rng.choice(["v2", "v3"]),
        ids,
        discard=True,
        generation=generation - rng.randrange(5),
        with_overrides=rng.random() < 0.5,
    )
