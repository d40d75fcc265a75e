import pytest

from hashmatch.errors import PolicyError
from hashmatch.strict_table import Place, StrictTable, did_you_mean, policy_error, quoted

PLACE = Place("p.toml", "rules[0]")


def table(**values):
    return StrictTable(values, PLACE, ("a", "b"))


def test_places_are_paths_of_keys():
    assert Place("p").key("when").key("harm").item(3).path == "when.harm[3]"
    assert Place("p").key("two words").path == '"two words"'
    assert Place("p").key('"').path == '"\\""'
    assert str(Place("p").error("no")) == "p: no"
    assert str(Place("p", "a.b").error("no")) == "p: a.b: no"


@pytest.mark.parametrize(
    "text", ["line\nbreak", "tab\t", "nul\0", "\x1b[31m", "line\u2028separator", "\udc80", "\u202e"]
)
def test_an_error_is_one_printable_line(text):
    for shown in (str(policy_error(text, text)), str(PLACE.key(text).error(quoted(text)))):
        assert shown.isprintable()
        assert text not in shown


def test_absent_keys():
    empty = table()
    assert empty.optional_text("a") is None
    assert empty.optional_duration("a") is None
    assert empty.alternatives("a") is None
    assert empty.texts("a") == ()
    assert empty.choice("a", ("x", "y"), "y") == "y"
    assert empty.whole_number("a", 0, 9, 4) == 4
    with pytest.raises(PolicyError, match=r"^p\.toml: rules\[0\]\.a: missing; expected one of x$"):
        empty.choice("a", ("x",))


def test_present_keys():
    assert table(a="x").text("a") == table(a="x").optional_text("a") == "x"
    assert table(a="x").alternatives("a") == table(a=["x"]).alternatives("a") == ("x",)
    assert table(a=["x", "y"]).texts("a") == table(a=["x", "y"]).alternatives("a") == ("x", "y")
    assert table(a="x").choice("a", ("x", "y"), "y") == "x"
    assert table(a=0).whole_number("a", 0, 9, 4) == 0
    assert table(a=9).whole_number("a", 0, 9) == 9
    assert [table(a=t).optional_duration("a") for t in ("45s", "30m", "4h", "2d")] == [
        "45s",
        "30m",
        "4h",
        "2d",
    ]


def test_a_default_never_hides_a_wrong_value():
    for call in (
        lambda: table(a="z").choice("a", ("x",), "x"),
        lambda: table(a=10).whole_number("a", 0, 9, 4),
        lambda: table(a=True).whole_number("a", 0, 9, 4),
        lambda: table(a="").optional_text("a"),
        lambda: table(a="").optional_duration("a"),
    ):
        with pytest.raises(PolicyError):
            call()


def test_did_you_mean():
    assert did_you_mean("max_distnce", ["harm", "max_distance"]) == "; did you mean max_distance?"
    assert did_you_mean("frequency", ["harm", "max_distance"]) == ""
