"""Policies that name what an index lacks, and policies of many rules."""

import time
from pathlib import Path

import pytest

from hashmatch.cli import main
from hashmatch.policy import MatchGroup, Policy

HEAD = 'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "q" }\n'


@pytest.mark.case("policy-names-what-is-not-there")
def test_a_misspelt_harm_is_refused(
    case: Path, demo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    upload, policy = str(demo / "images/coffee.jpg"), case / "misspelt.toml"
    assert main(["scan", upload, "--index", str(demo), "--policy", str(policy)]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    place = f'{policy}:9: rules[0] "csam-near-exact".when.harm'
    assert f'{place}: index demo has no harm "csma"; did you mean csam?' in said.err
    text = policy.read_text()
    policy.write_text(text.replace("[[rules]]\n", "[[rules]]\nmay_be_absent = true\n"))
    assert main(["scan", upload, "--index", str(demo), "--policy", str(policy)]) == 0
    policy.write_text(text.replace("csma", "csam"))
    capfd.readouterr()
    assert main(["scan", upload, "--index", str(demo), "--policy", str(policy)]) == 0
    assert '"action":"block"' in capfd.readouterr().out


def many_rules(n_rules: int) -> str:
    """Return the policy of the case: narrow rules about 300 lists, and a wide one."""
    rules = "".join(
        f'[[rules]]\nname = "r{k}"\nwhen = {{ list = "l{k % 300}", '
        f'max_distance = {k // 300 % 32} }}\naction = "block"\n'
        for k in range(n_rules - 1)
    )
    wide = 'name = "all"\nwhen = { max_distance = 31, min_quality = 0 }\naction = "block"\n'
    return f"{HEAD}{rules}[[rules]]\n{wide}"


@pytest.mark.case("crowded-lists")
def test_many_rules_load_in_time_that_grows_with_their_number(case: Path) -> None:
    assert "rules" in (case / "crowd.py").read_text()
    seconds: dict[int, float] = {}
    for n_rules in (500, 2000, 8000):
        text = many_rules(n_rules)
        started = time.process_time()
        policy = Policy.parse(text)
        seconds[n_rules] = time.process_time() - started
        assert len(policy.rules) == n_rules
    group = MatchGroup("l7", "h", None, "pdq", 3, 100)
    assert policy.decide([group]).rule == "r907"
    assert seconds[2000] < 2  # 0.12 s on an idle machine
    assert seconds[8000] < 8
