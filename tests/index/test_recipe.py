from __future__ import annotations

from pathlib import Path

import pytest

from hashmatch.errors import HashListError
from hashmatch.index import Recipe
from hashmatch.lists import ListReading

WHOLE = """
name = "demo"
description = "for show"

[[lists]]
name = "known"
file = "known.csv"
version = "1"
harm = "csam"
classification = "A1"
algorithm = "PDQ"
columns = { hash = "pdq_hash", entry_id = "id" }
ignore_algorithms = ["MD5", "sha1"]

[[lists]]
name = "other"
file = "OTHER"
version = "2"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "known.csv").touch()
    return tmp_path


def load(folder: Path, text: str) -> Recipe:
    (folder / "recipe.toml").write_text(text, encoding="utf-8")
    return Recipe.load(folder)


def test_every_key_is_taken(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "other.jsonl"
    outside.touch()
    recipe = load(folder, WHOLE.replace("OTHER", str(outside)))
    assert (recipe.name, recipe.description) == ("demo", "for show")
    known, other = recipe.lists
    assert known.name == "known"
    assert known.file == folder / "known.csv"
    assert known.version == "1"
    assert known.reading == ListReading(
        harm="csam",
        classification="A1",
        algorithm="pdq",
        columns={"hash": "pdq_hash", "entry_id": "id"},
        ignore_algorithms=["md5", "sha1"],
    )
    assert other.file == outside
    assert other.reading == ListReading()


LIST = '[[lists]]\nname = "known"\nfile = "known.csv"\nversion = "1"\n'

FAULTS = {
    "no name": (LIST, ", key name: missing"),
    "no lists": ('name = "a"', ", key lists: missing"),
    "no list": ('name = "a"\nlists = []', ", key lists: expected at least one list"),
    "lists of text": ('name = "a"\nlists = ["a"]', ", key lists: expected tables"),
    "one table": (
        f'name = "a"\n{LIST.replace("[[lists]]", "[lists]")}',
        ", key lists: expected ta",
    ),
    "list for lists": ('name = "a"\n[[list]]', ", key lists: missing; is list meant to be lists?"),
    "name a number": (f"name = 3\n{LIST}", ", key name: expected text, in quotation marks"),
    "name blank": (f'name = " "\n{LIST}', ", key name: expected text that is not empty"),
    "name of two lines": (f'name = "a\\nb"\n{LIST}', ", key name: expected text on one line"),
    "unknown key": (
        f'name = "a"\nfoo = 1\n{LIST}',
        ", key foo: unknown key; expected one of: name",
    ),
    "misspelt": (
        f'name = "a"\n{LIST}harms = "x"',
        ", list 1, key harms: unknown key; did you mean h",
    ),
    "a number": (f'name = "a"\n{LIST}harm = 1', ", list 1, key harm: expected text"),
    "date": (
        f'name = "a"\n{LIST.replace(chr(34) + "1" + chr(34), "2026-11-22")}',
        ", list 1, key version: expected text, in quotation marks",
    ),
    "no version": (
        f'name = "a"\n{LIST.replace("version", "verson")}',
        ", list 1, key version: missing; is verson meant to be version?",
    ),
    "same name": (f'name = "a"\n{LIST}{LIST}', ", list 2: an earlier list has the name known"),
    "no file": (
        f'name = "a"\n{LIST.replace("known.csv", "gone.csv")}',
        ", list 1, key file: there is no file ",
    ),
    "quality that is none": (
        f'name = "a"\n{LIST}min_quality = 101',
        ", list 1, key min_quality: expected a whole number from 0 to 100",
    ),
    "quality in words": (
        f'name = "a"\n{LIST}min_quality = true',
        ", list 1, key min_quality: expected a whole number from 0 to 100",
    ),
    "unknown algorithm": (
        f'name = "a"\n{LIST}algorithm = "pdp"',
        ", list 1, key algorithm: unknown algorithm; did you mean pdq?",
    ),
    "unknown column": (
        f'name = "a"\n{LIST}columns = {{ hsh = "x" }}',
        ", list 1, key columns: unknown column hsh; did you mean hash?",
    ),
    "column a number": (
        f'name = "a"\n{LIST}columns = {{ hash = 1 }}',
        ", list 1, key columns: hash: expected text",
    ),
    "columns text": (f'name = "a"\n{LIST}columns = "x"', ", list 1, key columns: expected a table"),
    "ignore text": (
        f'name = "a"\n{LIST}ignore_algorithms = "md5"',
        ", list 1, key ignore_algorithms: expected a list of text",
    ),
    "ignore numbers": (
        f'name = "a"\n{LIST}ignore_algorithms = [5]',
        ", list 1, key ignore_algorithms: expected text",
    ),
    "not TOML": ("name = ", ": not TOML: "),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_names_the_key(folder: Path, text: str, message: str) -> None:
    with pytest.raises(HashListError) as caught:
        load(folder, text)
    assert str(caught.value).startswith(f"{folder / 'recipe.toml'}{message}")
    assert "\n" not in str(caught.value)


def test_a_recipe_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(HashListError, match=r"recipe\.toml: cannot be read: No such file"):
        Recipe.load(tmp_path)
    (tmp_path / "recipe.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(HashListError, match=r"recipe\.toml: not UTF-8"):
        Recipe.load(tmp_path)
