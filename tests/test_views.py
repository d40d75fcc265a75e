"""Names of views: composed and parsed back by one grammar, the one of the schema, too."""

import json
import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.views import (
    AS_STORED,
    FRAME,
    GROUNDS,
    NEGATIVE,
    ORIENTATIONS,
    PROFILED,
    STRETCHED,
    TRIMMED,
    VIEW_KINDS,
    embedded,
    join,
    kinds,
    page,
    parse,
    segment,
)

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "decision-row.schema.json").read_text())
PATTERN = re.compile(SCHEMA["$defs"]["match"]["properties"]["view"]["pattern"])
NUMBERS = st.integers(1, 10**6)
PLACES = (
    NUMBERS.map(embedded),
    st.one_of(st.just(FRAME), NUMBERS.map(page)),
    st.just(PROFILED),
    st.sampled_from(sorted(GROUNDS)),
    st.just(TRIMMED),
    st.just(STRETCHED),
    st.just(NEGATIVE),
    st.one_of(st.sampled_from(ORIENTATIONS[1:]), NUMBERS.map(segment)),
)
PARTS = st.tuples(*(st.none() | place for place in PLACES)).map(
    lambda found: tuple(part for part in found if part is not None)
)


@given(PARTS)
def test_a_name_parses_back_into_its_parts(parts: tuple[str, ...]) -> None:
    name = join(*parts)
    assert parse(name) == parts
    assert join(*parse(name)) == name
    assert PATTERN.fullmatch(name)
    assert len(kinds(name)) == len(parts)
    others = {"embedded", "profiled", "stretched", "negative", "segments"}
    assert {*kinds(name)} <= {*VIEW_KINDS, *others}


@given(st.lists(st.sampled_from([*ORIENTATIONS, *GROUNDS, FRAME, TRIMMED, "page2"]), max_size=4))
def test_a_name_is_one_as_the_schema_says(parts: list[str]) -> None:
    name = "/".join(parts)
    if PATTERN.fullmatch(name):
        assert join(*parse(name)) == name
    else:
        with pytest.raises(ValueError, match="not the name of a view"):
            parse(name)


def test_kinds_in_a_name() -> None:
    assert kinds(AS_STORED) == ()
    assert kinds("page2/on_white/trimmed/rot90") == (
        "frames",
        "flattened",
        "trimmed",
        "orientations",
    )
    assert kinds("frame/segment_3") == ("frames", "segments")


def test_as_stored_adds_nothing() -> None:
    assert join() == join(AS_STORED) == join(AS_STORED, AS_STORED) == AS_STORED
    assert join(AS_STORED, TRIMMED, AS_STORED) == TRIMMED
    for view, orientation in product([AS_STORED, "frame/on_white"], ORIENTATIONS):
        parts = [part for part in (view, orientation) if part != AS_STORED]
        assert join(view, orientation) == ("/".join(parts) or AS_STORED)


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "rot90/", "/rot90", "frame//rot90", "as_stored/rot90", "rot90/trimmed"),
        *("frame/page2", "rot90/rot180", "page0", "page02", "segment_0", "rot90/segment_1"),
        *("frametrimmed", "Rot90", "rot45", "trimmed\n", "inverted"),
        *("embedded1", "embedded0", "frame/embedded", "negative/stretched", "trimmed/profiled"),
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a view"):
        parse(name)
    with pytest.raises(ValueError, match="is not the name of a view"):
        kinds(name)
