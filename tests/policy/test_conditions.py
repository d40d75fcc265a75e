"""A condition is one descriptor: reading, matching, reachability and documentation follow from it.

The extra conditions here ask about a view, from the side that no condition of the project does, and
about the content as a whole.
"""

import itertools
import pickle
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.errors import PolicyError
from hashmatch.policy import (
    CONDITIONS,
    Condition,
    ContentFacts,
    Kind,
    Policy,
    Rule,
    Scope,
    When,
    conditions_for,
)
from hashmatch.policy.reachability import covering_rules
from hashmatch.policy.rule_index import RuleIndex
from hashmatch.strict_table import StrictTable
from tests.policy.oracle import (
    NOTHING,
    Plain,
    check_dead_rules,
    documents,
    group_of,
    oracle,
    said,
    some_of,
    toml,
    when,
)

MAX_QUALITY = Condition(
    key="max_quality",
    kind=Kind.AT_MOST,
    scope=Scope.VIEW,
    fact="quality",
    parse=partial(StrictTable.number, low=0, high=100),
    text="the quality of the upload's view is at most this",
    default=100,
    absent_fits=True,
)
MIN_LISTS = Condition(
    key="min_lists",
    kind=Kind.AT_LEAST,
    scope=Scope.CONTENT,
    fact="agreeing_lists",
    parse=partial(StrictTable.number, low=1, high=100),
    text="at least this many lists agree",
)
UPLOADER = Condition(
    key="uploader",
    kind=Kind.SET,
    scope=Scope.CONTENT,
    fact="uploader",
    parse=StrictTable.alternatives,
    text="who uploaded the content",
)
MORE = (*CONDITIONS, MAX_QUALITY, MIN_LISTS, UPLOADER)
parse_more = partial(Policy.parse, conditions=MORE)

CONTENTS: Sequence[Plain] = [
    {**uploader, **lists}
    for uploader in (NOTHING, {"uploader": "u1"}, {"uploader": "u2"}, {"uploader": "unnamed"})
    for lists in (NOTHING, {"agreeing_lists": 1}, {"agreeing_lists": 2}, {"agreeing_lists": 3})
]
# Quality 3 is above every limit that rules drawn below state.
MATCHES: Sequence[Plain] = [
    {
        "distance": distance,
        "quality": quality,
        "harm": harm,
        "list": "l",
        "classification": None,
        "algorithm": "pdq",
        "clearer": clearer,
    }
    for distance, quality, harm in itertools.product((0, 1), (0, 1, 2, 3, None), ("h1", "unnamed"))
    for clearer in [(), *(((1, 3),) if (distance, quality) == (0, 0) else ())]
    if clearer != (1, 3)
]
CASES = list(itertools.product(MATCHES, CONTENTS))
WHENS: st.SearchStrategy[Plain] = st.fixed_dictionaries(
    {"max_distance": st.sampled_from((0, 1)), "min_quality": st.sampled_from((0, 1, 2))},
    optional={
        "harm": some_of("h1"),
        "max_quality": st.sampled_from((0, 1, 2)),
        "min_lists": st.sampled_from((1, 2)),
        "uploader": some_of("u1", "u2"),
    },
)
ALIVE = documents(with_dead_rules=False, whens=WHENS, cases=CASES)


@given(ALIVE, st.lists(st.sampled_from(MATCHES), max_size=6), st.sampled_from(CONTENTS))
def test_extra_conditions_are_matched_as_the_oracle_does(
    document: Plain, matches: list[Plain], content: Plain
) -> None:
    policy = parse_more(toml(document))
    groups = [group_of(match) for match in matches]
    facts = ContentFacts(content)
    assert said(policy.decide(groups, facts)) == oracle(document, matches, content)
    expected = oracle(document, matches, content, failed=True)
    assert said(policy.decide(groups, facts, failed=True)) == expected
    assert policy.decide(groups) == policy.decide(groups, ContentFacts())


@given(documents(with_dead_rules=True, whens=WHENS, cases=CASES))
def test_extra_conditions_take_part_in_the_search_for_dead_rules(document: Plain) -> None:
    check_dead_rules(document, parse_more, CASES)


def policy_with(stated: str) -> str:
    return f"""\
version = "1"
default = "allow"
on_error = {{ action = "review", queue = "undecodable" }}
[[rules]]
name = "extra"
action = "block"
when = {{ max_distance = 31, {stated} }}
"""


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("max_quality = 101", ".max_quality: expected a whole number from 0 to 100, not 101"),
        ("max_qality = 1", ".max_qality: unknown key; did you mean max_quality?"),
        ("uploader = []", ".uploader: an empty list fits no match; "),
        ("min_lists = 0", ".min_lists: expected a whole number from 1 to 100, not 0"),
    ],
)
def test_extra_conditions_are_read_strictly(stated: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_more(policy_with(stated))
    assert str(caught.value).startswith(f'policy:7: rules[0] "extra".when{message}')
    with pytest.raises(PolicyError, match="unknown key"):
        Policy.parse(policy_with("uploader = 'u1'"))
    with pytest.raises(PolicyError, match=r"\.uploader: unknown key here; it belongs in when$"):
        parse_more(policy_with("harm = 'x'") + "uploader = 'u1'\n")


def test_an_extra_condition_has_its_row_in_the_documentation() -> None:
    assert MAX_QUALITY.document() == (
        "| `max_quality` | `100` | the quality of the upload's view is at most this |\n"
    )
    assert UPLOADER.document() == "| `uploader` | any | who uploaded the content |\n"


def test_the_page_has_the_table_of_the_conditions() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "policy.md").read_text(encoding="utf-8")
    section = page.partition("\n## Keys of `when`\n")[2].partition("\n## ")[0]
    rows = "".join(line for line in section.splitlines(keepends=True) if line.startswith("| `"))
    assert rows == "".join(condition.document() for condition in CONDITIONS)


def covering(conditions: Sequence[Condition], *whens: When) -> tuple[int, ...] | None:
    rules = [Rule(f"r{number}", each, "block") for number, each in enumerate(whens)]
    return covering_rules(rules, len(rules) - 1, RuleIndex(rules, conditions))


def share(key: str, kind: Kind) -> Condition:
    return Condition(
        key, kind, Scope.CONTENT, "share", partial(StrictTable.number, low=0.0, high=1.0), ""
    )


SHARES = (*CONDITIONS, share("min_share", Kind.AT_LEAST), share("max_share", Kind.AT_MOST))


def shares(low: float | None, high: float | None) -> When:
    limits = {"min_share": low, "max_share": high}
    stated = {key: limit for key, limit in limits.items() if limit is not None}
    return when(SHARES, max_distance=31, **stated)


def test_intervals_cover_each_other_exactly() -> None:
    whole = shares(0.25, 0.75)
    assert covering(SHARES, shares(0.25, 0.5), shares(0.5, 0.75), whole) == (0, 1)
    assert covering(SHARES, shares(None, 0.5), shares(0.5, None), whole) == (0, 1)
    assert covering(SHARES, shares(0.25, 0.5), shares(0.51, 0.75), whole) is None
    assert covering(SHARES, shares(0.25, 0.5), shares(0.5, 0.7), whole) is None
    # An unknown share meets no limit, but a rule without limits fits it.
    assert covering(SHARES, shares(None, 0.5), shares(0.5, None), shares(None, None)) is None


def test_a_rule_that_contradicts_itself_is_refused() -> None:
    assert covering(SHARES, shares(0.6, 0.4)) == ()
    assert covering(SHARES, shares(None, None), shares(0.6, 0.4)) == ()
    text = policy_with("min_share = 0.6, max_share = 0.4")
    message = r"^policy:7: .*\.when: unreachable, since no match can meet all of its conditions$"
    with pytest.raises(PolicyError, match=message):
        Policy.parse(text, conditions=SHARES)
    # A view without a quality meets both limits.
    contrary = when(MORE, max_distance=31, min_quality=60, max_quality=40)
    assert covering(MORE, contrary) is None
    assert covering(MORE, when(MORE, max_distance=31), contrary) == (0,)


def test_algorithms_that_are_exact_only_are_data() -> None:
    text = policy_with("algorithm = 'crc'").replace("max_distance = 31, ", "")
    with pytest.raises(PolicyError, match=r"\.max_distance: missing"):
        Policy.parse(text)
    policy = Policy.parse(text, conditions=conditions_for(["crc"]))
    assert policy.radius_bits("crc") == 0
    with pytest.raises(PolicyError, match="3, but crc is a digest, equal or not"):
        Policy.parse(
            text.replace("{ algo", "{ max_distance = 3, algo"), conditions=conditions_for(["crc"])
        )


def test_a_policy_with_extra_conditions_can_be_pickled() -> None:
    policy = parse_more(policy_with("uploader = 'u1'"))
    copy = pickle.loads(pickle.dumps(policy))
    facts = ContentFacts({"uploader": "u1"})
    group = group_of(MATCHES[-1] | {"quality": 100})
    assert copy == policy
    assert copy.decide([group], facts) == policy.decide([group], facts)
    assert policy.decide([group], facts).action == "block"
    assert policy.decide([group]).action == "allow"
