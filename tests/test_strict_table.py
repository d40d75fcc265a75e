"""Strict tables: kinds of values, places, and errors of one printable line."""

from collections.abc import Callable
from typing import Any

import pytest

from hashmatch.errors import HashListError, PolicyError
from hashmatch.strict_table import Document, Place, StrictTable, did_you_mean, quote

DOCUMENT = Document("p.toml", "", PolicyError)
PLACE = Place(DOCUMENT).key("rules").item(0)


def table(**values: Any) -> StrictTable:
    return StrictTable(values, PLACE, ("a", "b"))


def test_places_are_paths_of_keys() -> None:
    root = Place(DOCUMENT)
    assert root.key("when").key("harm").item(3).path == "when.harm[3]"
    assert root.key("two words").path == '"two words"'
    assert root.key('"').path == '"\\""'
    assert root.key("lists").item(1, "x").key("a").path == 'lists[1] "x".a'
    assert root.key("lists").item(1, " ").path == root.key("lists").item(1, 5).path == "lists[1]"
    assert str(root.error("no")) == "p.toml: no"
    assert str(root.key("a").key("b").error("no")) == "p.toml: a.b: no"


def test_an_error_names_the_line_of_the_value_or_of_the_table_it_is_missing_from() -> None:
    text = 'a = 1\n\n[b]\nc = [\n  "x",\n  5,\n]\n'
    parsed = StrictTable.parse(Document("p.toml", text, HashListError), ("a", "b"))

    def message(read: Callable[[], object]) -> str:
        with pytest.raises(HashListError) as caught:
            read()
        return str(caught.value)

    assert message(lambda: parsed.text("a")) == "p.toml:1: a: expected a string, not a whole number"
    inner = parsed.table("b", ("c", "d"), example="{ c = [] }")
    expected = "p.toml:6: b.c[1]: expected a string, not a whole number"
    assert message(lambda: inner.texts("c")) == expected
    assert message(lambda: inner.text("d")) == "p.toml:3: b.d: missing; expected a string"
    with pytest.raises(HashListError, match=r"^p\.toml: z: missing; expected a string$"):
        parsed.text("z")
    with pytest.raises(HashListError, match=r"^p\.toml:3: b: unknown key; known keys: a$"):
        StrictTable.parse(Document("p.toml", text, HashListError), ("a",))


@pytest.mark.parametrize(
    "text", ["line\nbreak", "tab\t", "nul\0", "\x1b[31m", "line\u2028separator", "\udc80", "\u202e"]
)
def test_an_error_is_one_printable_line(text: str) -> None:
    errors = (Document(text, "", PolicyError).error(text), PLACE.key(text).error(quote(text)))
    for error in errors:
        assert str(error).isprintable()
        assert text not in str(error)


def test_absent_keys() -> None:
    empty = table()
    assert empty.optional_text("a") is None
    assert empty.optional_duration("a") is None
    assert empty.texts("a") == ()
    assert empty.tables("a", ("x",)) == []
    assert empty.choice("a", ("x", "y"), "y") == "y"
    assert empty.whole_number("a", 0, 9, 4) == 4
    assert empty.number("a", 0, 9, 0.5) == 0.5
    for read, expected in (
        (lambda: empty.choice("a", ("x",)), "one of x"),
        (lambda: empty.alternatives("a"), "a string or a list of strings"),
        (lambda: empty.table("a", (), example="{ x = 1 }"), "a table such as { x = 1 }"),
        (lambda: empty.number("a", 0, 9), "a number from 0 to 9"),
    ):
        with pytest.raises(PolicyError) as caught:
            read()
        assert str(caught.value) == f"p.toml: rules[0].a: missing; expected {expected}"


def test_present_keys() -> None:
    assert table(a="x").text("a") == table(a="x").optional_text("a") == "x"
    assert table(a="x").alternatives("a") == table(a=["x"]).alternatives("a") == ("x",)
    assert table(a=["x", "y"]).texts("a") == table(a=["x", "y"]).alternatives("a") == ("x", "y")
    assert table(a="x").choice("a", ("x", "y"), "y") == "x"
    assert table(a=0).whole_number("a", 0, 9, 4) == 0
    assert table(a=9).whole_number("a", 0, 9) == 9
    assert list(table(a=1, b=2)) == ["a", "b"]
    assert [each.text("x") for each in table(a=[{"x": "1"}, {"x": "2"}]).tables("a", ("x",))] == [
        "1",
        "2",
    ]
    assert [table(a=t).optional_duration("a") for t in ("45s", "30m", "4h", "2d")] == [
        "45s",
        "30m",
        "4h",
        "2d",
    ]


def test_a_default_never_hides_a_wrong_value() -> None:
    reads: list[Callable[[], object]] = [
        lambda: table(a="z").choice("a", ("x",), "x"),
        lambda: table(a=10).whole_number("a", 0, 9, 4),
        lambda: table(a=True).whole_number("a", 0, 9, 4),
        lambda: table(a="").optional_text("a"),
        lambda: table(a="").optional_duration("a"),
        lambda: table(a={}).tables("a", ()),
        lambda: table(a=[1]).tables("a", ()),
    ]
    for read in reads:
        with pytest.raises(PolicyError):
            read()


def test_did_you_mean() -> None:
    assert did_you_mean("max_distnce", ["harm", "max_distance"]) == "; did you mean max_distance?"
    assert did_you_mean("frequency", ["harm", "max_distance"]) == ""
