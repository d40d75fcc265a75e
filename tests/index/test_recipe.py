from __future__ import annotations

from pathlib import Path

import pytest

from hashmatch.errors import HashListError
from hashmatch.index import ListAttributes, Recipe
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
    assert other.attributes == ListAttributes()


def test_attributes_of_a_list_are_read(folder: Path) -> None:
    (known,) = load(folder, NAME + LIST + "enabled = false\n").lists
    assert known.attributes == ListAttributes(enabled=False)
    # What has no effect yet is refused, so that nobody relies on it.
    for line in ("enabled = 1", 'role = "allow"', "radius = 10", "priority = 1"):
        with pytest.raises(HashListError, match=line.split()[0]):
            load(folder, NAME + LIST + line)


def test_space_around_text_and_a_byte_order_mark_are_passed_over(folder: Path) -> None:
    spaced = """
name = " demo\\t"
[[lists]]
name = " known "
file = "known.csv "
version = " 1"
format = " csv "
harm = " csam "
algorithm = " PDQ "
columns = { hash = " pdq_hash " }
ignore_algorithms = [" MD5 "]
"""
    recipe = load(folder, "\ufeff" + spaced)
    (known,) = recipe.lists
    assert (recipe.name, known.name, known.version) == ("demo", "known", "1")
    assert known.file == folder / "known.csv"
    assert known.reading == ListReading(
        harm="csam",
        format="csv",
        algorithm="pdq",
        columns={"hash": "pdq_hash"},
        ignore_algorithms=["md5"],
    )


LIST = '[[lists]]\nname = "known"\nfile = "known.csv"\nversion = "1"\n'
NAME = 'name = "a"\n'
KEY = 'lists[0] "known".'

FAULTS = {
    "no name": (LIST, ": name: missing; expected a string"),
    "no lists": (NAME, ": lists: expected at least one list, under [[lists]]"),
    "no list": (f"{NAME}lists = []", ":2: lists: expected at least one list, under [[lists]]"),
    "lists of text": (f'{NAME}lists = ["a"]', ":2: lists[0]: expected a table, not a string"),
    "one table": (
        NAME + LIST.replace("[[lists]]", "[lists]"),
        ":2: lists: expected tables headed [[lists]], not a table",
    ),
    "list for lists": (f"{NAME}[[list]]", ":2: list: unknown key; did you mean lists?"),
    "name a number": (f"name = 3\n{LIST}", ":1: name: expected a string, not a whole number"),
    "name blank": (f'name = " "\n{LIST}', ":1: name: expected a string that is not blank"),
    "name of two lines": (
        f'name = "a\\nb"\n{LIST}',
        ':1: name: "a\\nb" has spaces around it or a control character; remove it',
    ),
    "unknown key": (
        f"{NAME}foo = 1\n{LIST}",
        ":2: foo: unknown key; known keys: name, description, lists",
    ),
    "misspelt": (f'{NAME}{LIST}harms = "x"', f":6: {KEY}harms: unknown key; did you mean harm?"),
    "description of a list": (
        f'{NAME}{LIST}description = "x"',
        f":6: {KEY}description: unknown key here; it belongs above [[lists]]",
    ),
    "a number": (
        f"{NAME}{LIST}harm = 1",
        f":6: {KEY}harm: expected a string, not a whole number",
    ),
    "date": (
        NAME + LIST.replace('"1"', "2026-11-22"),
        f":5: {KEY}version: expected a string, not a date or time",
    ),
    "no version": (
        NAME + LIST.replace("version", "verson"),
        f":5: {KEY}verson: unknown key; did you mean version?",
    ),
    "nothing but a name": (
        NAME + LIST.partition("file")[0] + "# end\n",
        f":2: {KEY}file: missing; expected a string",
    ),
    "same name": (
        f"{NAME}{LIST}{LIST}",
        ':7: lists[1] "known".name: an earlier list has the same name',
    ),
    "no file": (NAME + LIST.replace("known.csv", "gone.csv"), f":4: {KEY}file: there is no file "),
    "quality that is none": (
        f"{NAME}{LIST}min_quality = 101",
        f":6: {KEY}min_quality: expected a whole number from 0 to 100, not 101",
    ),
    "quality in words": (
        f"{NAME}{LIST}min_quality = true",
        f":6: {KEY}min_quality: expected a whole number from 0 to 100, not a boolean",
    ),
    "unknown algorithm": (
        f'{NAME}{LIST}algorithm = "pdp"',
        f":6: {KEY}algorithm: unknown algorithm; did you mean pdq?",
    ),
    "strange algorithm": (
        f'{NAME}{LIST}algorithm = "x"',
        f":6: {KEY}algorithm: unknown algorithm; known: ",
    ),
    "unknown format": (
        f'{NAME}{LIST}format = "cvs"',
        f':6: {KEY}format: "cvs" is not one of csv, jsonl, vpdq',
    ),
    "unknown column": (
        f'{NAME}{LIST}columns = {{ hsh = "x" }}',
        f":6: {KEY}columns.hsh: unknown key; did you mean hash?",
    ),
    "column a number": (
        f"{NAME}{LIST}columns = {{ hash = 1 }}",
        f":6: {KEY}columns.hash: expected a string, not a whole number",
    ),
    "columns text": (
        f'{NAME}{LIST}columns = "x"',
        f":6: {KEY}columns: expected a table, not a string",
    ),
    "ignore text": (
        f'{NAME}{LIST}ignore_algorithms = "md5"',
        f":6: {KEY}ignore_algorithms: expected a list of strings, not a string",
    ),
    "ignore numbers": (
        f'{NAME}{LIST}ignore_algorithms = [\n  "md5",\n  5,\n]',
        f":8: {KEY}ignore_algorithms[1]: expected a string, not a whole number",
    ),
    "not TOML": ("name = ", ":1: not TOML: "),
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
    (tmp_path / "recipe.toml").write_bytes(b'\nname = "\xff"')
    with pytest.raises(HashListError, match=r"recipe\.toml:2: not UTF-8"):
        Recipe.load(tmp_path)


def test_keys_nested_too_deep_are_refused(tmp_path: Path) -> None:
    dotted = ".".join("a" * 5000)
    for text in (f'name = "x"\n[[lists]]\n{dotted} = 1\n', f'name = "x"\n[{dotted}]\nb = 1\n'):
        (tmp_path / "recipe.toml").write_text(text)
        with pytest.raises(HashListError, match="nested too deep"):
            Recipe.load(tmp_path)
