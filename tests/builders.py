"""Small lists and indexes for tests, and independent readers of what an index has on disk."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from hashmatch.hamming import HammingIndex
from hashmatch.hashing import register
from hashmatch.index import Index, build_index
from hashmatch.values import Code

Row = Mapping[str, str]
Rows = Sequence[Row]
MakeFolder = Callable[..., Path]
MakeList = Callable[..., Path]

TOY = "toy"


class ToyHash:
    """An algorithm of 64 bits that hashes nothing."""

    name = TOY
    bits = 64
    default_radius = 4
    consumes = "grey"

    def hash_pixels(self, pixels: object) -> tuple[Code, int | None]:
        raise NotImplementedError


def register_toy() -> ExitStack:
    """Register `ToyHash` until the stack is closed."""
    return register(ToyHash())


def pdq_hash(seed: object) -> str:
    """Return a hash of 256 bits, in hex, that belongs to `seed`."""
    return hashlib.sha256(str(seed).encode()).hexdigest()


def write_list(path: Path, rows: Rows) -> Path:
    """Write rows as CSV; an empty list has a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["entry_id", "hash", "harm"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_recipe(
    folder: Path, files: Mapping[str, str], *, name: str = "demo", **keys: str
) -> Path:
    """Write a recipe with a list for each name and file; `keys` go to every list as TOML."""
    recipe = [f'name = "{name}"']
    for list_name, file in files.items():
        recipe += ["[[lists]]", f'name = "{list_name}"', f'file = "{file}"']
        recipe += [f"{key} = {value}" for key, value in {"version": '"v1"', **keys}.items()]
    path = folder / "recipe.toml"
    path.write_text("\n".join(recipe) + "\n", encoding="utf-8")
    return path


def write_folder(
    folder: Path, lists: Mapping[str, Rows], *, name: str = "demo", **keys: str
) -> Path:
    """Write a recipe and its lists as CSV into a folder, which is created; return it."""
    folder.mkdir(exist_ok=True)
    for list_name, rows in lists.items():
        write_list(folder / f"{list_name}.csv", rows)
    write_recipe(folder, {list_name: f"{list_name}.csv" for list_name in lists}, name=name, **keys)
    return folder


def build_folder(
    folder: Path, lists: Mapping[str, Rows], *, name: str = "demo", **keys: str
) -> Path:
    """Write a folder and build its index; return the folder."""
    write_folder(folder, lists, name=name, **keys)
    build_index(folder)
    return folder


def random_list(path: Path, n_rows: int, seed: int) -> Path:
    """Write a list of PDQ hashes at random; entries are named after the seed and the row."""
    codes = np.random.default_rng(seed).integers(0, 256, (n_rows, 32), dtype=np.uint8)
    rows = (f"e{seed}-{row},{code.tobytes().hex()},h\n" for row, code in enumerate(codes))
    path.write_text("entry_id,hash,harm\n" + "".join(rows))
    return path


def found_entries(folder: Path, algorithm: str = "pdq") -> list[tuple[str, str, str]]:
    """Return list, version and entry id of all rows that a search finds, sorted."""
    index = Index.open(folder, verify=True)
    bits = index.bits(algorithm)
    rows = index.search(algorithm, np.zeros((1, bits // 8), np.uint8), bits).ids
    origins = [index.origins[origin] for origin in index.origin_of(algorithm, rows).tolist()]
    ids = index.entry_ids(algorithm, rows)
    return sorted(
        (origin.list, origin.list_version, entry_id)
        for origin, entry_id in zip(origins, ids, strict=True)
    )


def built_files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in the built folder by relative path."""
    built = folder / "built"
    paths = sorted(path for path in built.rglob("*") if path.is_file())
    return {str(path.relative_to(built)): path.read_bytes() for path in paths}


def current_manifest(folder: Path) -> Path:
    """Return the path of the current manifest."""
    built = folder / "built"
    number = json.loads((built / "CURRENT").read_bytes())["body"]["generation"]
    return built / f"manifests/{number:06}.json"


def built_file(folder: Path, suffix: str) -> Path:
    """Return the one file of the current generation with this suffix."""
    manifest = json.loads(current_manifest(folder).read_bytes())["body"]
    stored = [file for segment in manifest["segments"] for file in segment.values()]
    stored.append(manifest["overrides"])
    names = {file["file"] for file in stored if isinstance(file, dict)}
    (name,) = (name for name in names if name.endswith(suffix))
    return folder / f"built/{name}"


def stored_rows(folder: Path, generation: int | None = None) -> list[dict[str, Any]]:
    """Return every row of a generation that may match, in order, with all that is stored of it.

    Reads the files by their specification, with none of the code under test.
    """
    path = current_manifest(folder)
    if generation is not None:
        path = path.with_name(f"{generation:06}.json")
    return list(_rows_of(folder / "built", json.loads(path.read_bytes())["body"]))


def _rows_of(built: Path, manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for segment in manifest["segments"]:
        codes = HammingIndex.open(built / segment["codes"]["file"]).codes
        with pa.ipc.open_file(built / segment["entries"]["file"]) as reader:
            entries = reader.read_all().to_pylist()
        vectors = [segment[state] for state in ("removed", "disabled") if segment[state]]
        hidden = [np.fromfile(built / vector["file"], "<u4").tolist() for vector in vectors]
        for row, (code, entry) in enumerate(zip(codes, entries, strict=True)):
            if not any(row in rows for rows in hidden):
                origin = manifest["origins"][entry.pop("origin")]
                entry |= {"algorithm": segment["algorithm"], "hash": code.tobytes().hex()}
                yield {**origin, **entry}
