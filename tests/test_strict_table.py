"""Strict tables: kinds of values, places, and errors of one printable line."""

from collections.abc import Callable
from typing import Any

import pytest

from hashmatch.errors import HashListError, PolicyError
from hashmatch.strict_table import Place, StrictTable, did_you_mean, quote


def table(**values: Any) -> StrictTable:
    """Return a table that no text stands behind, so that its errors name no line."""
    document = Place("p.toml", "", PolicyError, {"rules": [values]})
    return StrictTable(document.at("rules", 0), ("a", "b"))


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ((), ""),
        (("when", "harm", 3), "when.harm[3]: "),
        (("when", "missing"), "when.missing: "),
        (("two words",), '"two words": '),
        (('"',), '"\\"": '),
        (("lists", 0, "a"), 'lists[0] "x".a: '),
        (("lists", 1), "lists[1]: "),
        (("lists", 2), "lists[2]: "),
        (("lists", 3), "lists[3]: "),
    ],
)
def test_errors_show_the_path_of_keys(keys: tuple[str | int, ...], path: str) -> None:
    data = {
        "when": {"harm": "abcd"},
        "lists": [{"name": "x"}, {"name": " "}, {"name": 5}, "text"],
    }
    place = Place("p.toml", "", PolicyError, data).at(*keys)
    assert str(place.error("no")) == f"p.toml: {path}no"


def test_an_error_names_the_line_of_the_value_or_of_the_table_it_is_missing_from() -> None:
    text = 'a = 1\n\n[b]\nc = [\n  "x",\n  5,\n]\n'
    parsed = StrictTable(Place.parse(text, "p.toml", HashListError), ("a", "b"))

    def message(read: Callable[[], object]) -> str:
        with pytest.raises(HashListError) as caught:
            read()
        return str(caught.value)

    assert message(lambda: parsed.text("a")) == "p.toml:1: a: expected a string, not a whole number"
    inner = parsed.table("b", ("c", "d"), "{ c = [] }")
    expected = "p.toml:6: b.c[1]: expected a string, not a whole number"
    assert message(lambda: inner.texts("c")) == expected
    assert message(lambda: inner.text("d")) == "p.toml:3: b.d: missing; expected a string"
    with pytest.raises(HashListError, match=r"^p\.toml: z: missing; expected a string$"):
        parsed.text("z")
    with pytest.raises(HashListError, match=r"^p\.toml:3: b: unknown key; known keys: a$"):
        StrictTable(Place.parse(text, "p.toml", HashListError), ("a",))


@pytest.mark.parametrize(
    "text", ["line\nbreak", "tab\t", "nul\0", "\x1b[31m", "line\u2028separator", "\udc80", "\u202e"]
)
def test_an_error_is_one_printable_line(text: str) -> None:
    whole = Place(text, "", PolicyError, {})
    for error in (whole.error(text), whole.at(text).error(quote(text))):
        assert str(error).isprintable()
        assert text not in str(error)


def test_absent_keys() -> None:
    empty = table()
    assert empty.optional_text("a") is None
    assert empty.optional_duration("a") is None
    assert empty.texts("a") == ()
    assert empty.tables("a", ("x",)) == []
    assert empty.choice("a", ("x", "y"), "y") == "y"
    assert empty.number("a", 0, 9, 4) == 4
    assert empty.number("a", 0.0, 9.0, 0.5) == 0.5
    for read, expected in (
        (lambda: empty.choice("a", ("x",)), "one of x"),
        (lambda: empty.alternatives("a"), "a string or a list of strings"),
        (lambda: empty.table("a", (), "{ x = 1 }"), "a table such as { x = 1 }"),
        (lambda: empty.number("a", 0.0, 9.5), "a number from 0 to 9.5"),
    ):
        with pytest.raises(PolicyError) as caught:
            read()
        assert str(caught.value) == f"p.toml: rules[0].a: missing; expected {expected}"


def test_present_keys() -> None:
    assert table(a="x").text("a") == table(a="x").optional_text("a") == "x"
    assert table(a="x").alternatives("a") == table(a=["x"]).alternatives("a") == ("x",)
    assert table(a=["x", "y"]).texts("a") == table(a=["x", "y"]).alternatives("a") == ("x", "y")
    assert table(a="x").choice("a", ("x", "y"), "y") == "x"
    assert table(a=0).number("a", 0, 9, 4) == 0
    assert table(a=9).number("a", 0, 9) == 9
    assert table(a=9).number("a", 0.0, 9.5) == 9.0
    assert isinstance(table(a=9).number("a", 0.0, 9.5), float)
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
        lambda: table(a=10).number("a", 0, 9, 4),
        lambda: table(a=True).number("a", 0, 9, 4),
        lambda: table(a=1.0).number("a", 0, 9, 4),
        lambda: table(a=float("nan")).number("a", 0.0, 9.0, 4.0),
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
