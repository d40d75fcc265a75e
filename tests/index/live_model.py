"""A naive model of an index that is changed while in use: dictionaries, loops, no segments.

`Model.after` says what an operation should lead to, `perform` carries it out for real, and
`check` compares an index with the model by comparing every code with every query.
"""

from __future__ import annotations

import csv
import random
import tomllib
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from hashmatch import hashing
from hashmatch.index import (
    Index,
    add_list,
    build_index,
    compact_index,
    disable,
    enable,
    remove_entries,
    replace_list,
    verify_index,
)

LISTS = ("known", "spam")
TOY = "toy"
COLUMNS = ("entry_id", "hash", "harm", "classification", "algorithm", "status")


class Row(NamedTuple):
    """What makes a row what it is, within a list."""

    entry_id: str
    harm: str
    classification: str
    algorithm: str
    seed: int

    @property
    def hex(self) -> str:
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


class RefusedError(Exception):
    """The model says that the operation must raise this kind of error."""


@dataclass
class Model:
    files: dict[str, Rows] = field(default_factory=lambda: {name: {} for name in LISTS})
    live: dict[tuple[str, Row], tuple[str, str]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    removed: set[tuple[str, str]] = field(default_factory=set)
    disabled: set[tuple[str, str]] = field(default_factory=set)
    disabled_lists: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)

    def after(self, op: Op) -> Model:
        """What the operation leads to; RefusedError where it must raise."""
        model = deepcopy(self)
        getattr(model, f"_{op.kind}")(op)
        return model

    def visible(self) -> set[tuple[str, str, Row]]:
        """List, version and row of all that may match."""
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
            if status != "withdrawn" and (name, row.entry_id) not in self.removed
        }

    def _add(self, op: Op) -> None:
        version = op.version or self.versions[op.list]
        for row, status in op.rows:
            key = (op.list, row)
            if status == "withdrawn":
                if self.live.pop(key, None):
                    self._note(op.list, version)
            elif key not in self.live or self.live[key][1] != status:
                self.live[key] = (version, status)
                self.removed.discard((op.list, row.entry_id))
                self._note(op.list, version)

    def _replace(self, op: Op) -> None:
        version = op.version or self.versions[op.list]
        self.live = {key: said for key, said in self.live.items() if key[0] != op.list}
        for row, status in op.rows:
            if status != "withdrawn" and (op.list, row.entry_id) not in self.removed:
                self.live[op.list, row] = (version, status)
        self._note(op.list, version)

    def _note(self, name: str, version: str) -> None:
        self.changed.add(name)
        self.versions[name] = version

    def _remove(self, op: Op) -> None:
        there = self._ids(op.list) | {one for name, one in self.removed if name == op.list}
        self._demand(op, there)
        for entry_id in op.ids or ():
            self.removed.add((op.list, entry_id))
            for row in [row for name, row in self.live if (name, row[0]) == (op.list, entry_id)]:
                del self.live[op.list, row]

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
        """Nothing that can be seen from outside."""

    @staticmethod
    def _demand(op: Op, there: set[str]) -> None:
        if not set(op.ids or ()) <= there:
            raise RefusedError


def register_toy() -> ExitStack:
    """Register a second algorithm, of 64 bits, in this process; close to take it out again."""
    attributes = {"name": TOY, "bits": 64, "default_radius": 4, "consumes": "grey"}
    return hashing.register(SimpleNamespace(**attributes, hash_pixels=None))


def write_rows(path: Path, rows: tuple[tuple[Row, str], ...]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row, status in rows:
            writer.writerow(
                [row.entry_id, row.hex, row.harm, row.classification, row.algorithm, status]
            )
    return path


def write_recipe(folder: Path) -> None:
    text = 'name = "live"\n'
    for name in LISTS:
        write_rows(folder / f"{name}.csv", ())
        text += f'[[lists]]\nname = "{name}"\nfile = "{name}.csv"\nversion = "v1"\n'
    (folder / "recipe.toml").write_text(text, encoding="utf-8")
    assert tomllib.loads(text)["name"] == "live"


def perform(folder: Path, op: Op, **options: Any) -> Any:
    """Carry out an operation and return its report."""
    if op.kind == "edit":
        return write_rows(folder / f"{op.list}.csv", op.rows)
    if op.kind == "build":
        return build_index(folder, discard_additions=op.discard, **options)
    if op.kind in {"add", "replace"}:
        change = add_list if op.kind == "add" else replace_list
        # Beside the folder of the index, where a writer may be killed at any step.
        file = write_rows(folder.parent / "delta.csv", op.rows)
        return change(folder, file, list_name=op.list, version=op.version, **options)
    if op.kind == "remove":
        return remove_entries(folder, op.list, op.ids or (), **options)
    if op.kind == "compact":
        return compact_index(folder, **options)
    change_state = {"disable": disable, "enable": enable}[op.kind]
    return change_state(folder, op.list, op.ids, **options)


def contents(index: Index) -> list[tuple[str, str, Row]]:
    """List, version and row of all that an index finds; every entry has one ordinal, its own."""
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


def check(folder: Path, model: Model, index: Index, radius: int = 2) -> None:
    """Compare all that an index says with the model."""
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
        own = [(one, row) for one, _, row in visible if row.algorithm == algorithm]
        n_bytes = index.bits(algorithm) // 8
        queries = np.array(
            [list(seed.to_bytes(n_bytes, "big")) for seed in range(8)], dtype=np.uint8
        )
        result = index.search(algorithm, queries, radius, 2)
        assert len(result.offsets) == len(queries) + 1
        for seed in range(8):
            hits = slice(result.offsets[seed], result.offsets[seed + 1])
            rows, distances = result.ids[hits], result.distances[hits]
            order = list(zip(distances.tolist(), rows.tolist(), strict=True))
            assert order == sorted(set(order))
            ids = index.entry_ids(algorithm, rows)
            near = [(row.seed ^ seed).bit_count() for _, row in own]
            expected = [
                (distance, row.entry_id)
                for distance, (_, row) in zip(near, own, strict=True)
                if distance <= radius
            ]
            assert sorted(zip(distances.tolist(), ids, strict=True)) == sorted(expected)
    assert set(verify_index(folder)[1:]) == {
        path.name for path in (folder / "built").iterdir() if not path.name.startswith(".")
    } - {"manifest.json"}


def a_row(rng: random.Random, algorithm: str | None = None) -> Row:
    return Row(
        entry_id=rng.choice(["a", "b", "ü;,"]),
        harm=rng.choice(["csam", "spam"]),
        classification=rng.choice(["", "A1"]),
        algorithm=algorithm or rng.choice(["pdq", TOY]),
        seed=rng.randrange(8),
    )


def beginning() -> list[Op]:
    """Operations after which there is a file of every kind, and two segments an algorithm."""
    rng = random.Random(5)
    rows = {a_row(rng, algorithm): "active" for algorithm in ("pdq", TOY) for _ in range(6)}
    more = {a_row(rng, algorithm): "disputed" for algorithm in ("pdq", TOY) for _ in range(6)}
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
    """Operations, each of which publishes a generation, and the model after each of them."""
    rng = random.Random(seed)
    model = Model()
    steps: list[tuple[Op, Model]] = []
    for op in beginning():
        model = model.after(op)
        steps.append((op, model))
    while len(steps) < n_ops:
        op = _an_op(rng)
        try:
            after = model.after(op)
        except RefusedError:
            continue
        if after.visible() != model.visible():
            model = after
            steps.append((op, model))
            if op.kind == "add" and len(after.visible()) > 3:
                steps.append((Op("compact"), model))
    return steps


def _an_op(rng: random.Random) -> Op:
    kind = rng.choice(["add", "add", "replace", "remove", "disable", "enable", "build"])
    rows = {a_row(rng): rng.choice(["active", "disputed", "withdrawn"]) for _ in range(4)}
    ids = (rng.choice(["a", "b", "ü;,"]),)
    if kind in {"disable", "enable"} and rng.random() < 0.3:
        ids = None
    return Op(kind, rng.choice(LISTS), tuple(rows.items()), rng.choice(["v2", "v3"]), ids, True)
