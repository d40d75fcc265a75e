from hypothesis import given
from hypothesis import strategies as st

from hashmatch.policy.rule_index import RuleIndex, ValueMask, first_of
from hashmatch.policy.rules import Condition, MatchGroup, Rule

CONDITIONS = st.lists(
    st.one_of(st.none(), st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(tuple)),
    max_size=100,
)


@given(CONDITIONS, st.sampled_from(["a", "b", "c", "unnamed", None]))
def test_a_column_admits_what_its_conditions_admit(conditions, value):
    expected = [i for i, values in enumerate(conditions) if values is None or value in values]
    found = ValueMask(conditions).of(value)
    assert [i for i in range(len(conditions)) if found >> i & 1] == expected
    assert found >> len(conditions) == 0
    if expected:
        assert first_of(found) == expected[0]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=80), st.data())
def test_the_first_rule_within_both_limits_is_taken(limits, data):
    table = RuleIndex(
        [Rule(f"r{i}", Condition(d, min_quality=q), "log") for i, (d, q) in enumerate(limits)]
    )
    distance = data.draw(st.integers(0, 21))
    quality = data.draw(st.one_of(st.none(), st.integers(0, 20)))
    expected = None
    for number, (max_distance, min_quality) in enumerate(limits):
        if distance <= max_distance and (quality is None or min_quality <= quality):
            expected = number
            break
    assert table.first(MatchGroup("l", "h", None, "pdq", distance, quality)) == expected
