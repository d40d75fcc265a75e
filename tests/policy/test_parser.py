"""Every way a policy can be wrong, by the whole message."""

import hashlib

import pytest

from hashmatch.errors import PolicyError
from hashmatch.policy import Policy
from hashmatch.views import VIEW_KINDS

HEAD = 'version = "1"\ndefault = "allow"\n'
ON_ERROR = 'on_error = { action = "review", queue = "undecodable" }\n'
RULE = '[[rules]]\nname = "csam"\naction = "block"\nwhen = { harm = "csam", max_distance = 10 }\n'
SPAM = RULE.replace("csam", "spam")
ACTIONS = "block, quarantine, review, log, allow"
PRIORITIES = "critical, high, medium, low"
DURATION = 'a duration such as "45s", "30m", "4h" or "2d"'


def read(text: str) -> Policy:
    return Policy.parse(text, source="policy.toml")


def refused(text: str, message: str, line: int | None) -> None:
    with pytest.raises(PolicyError) as caught:
        read(text)
    place = "policy.toml" if line is None else f"policy.toml:{line}"
    assert str(caught.value) == f"{place}: {message}"


def last_line(text: str) -> int:
    return len(text.splitlines())


def test_the_smallest_policies_are_read() -> None:
    policy = read(HEAD + ON_ERROR + RULE)
    assert (policy.ref.version, policy.mode, policy.default) == ("1", "enforce", "allow")
    rule = policy.rules[0]
    assert (rule.queue, rule.priority, rule.sla) == (None, "medium", None)
    assert (rule.routes, rule.suppresses) == ((), ())
    assert rule.when["harm"] == ("csam",)
    assert (rule.when["list"], rule.when["classification"]) == (None, None)
    assert (rule.when["algorithm"], rule.when["min_quality"]) == (("pdq",), 50)
    assert read(HEAD + ON_ERROR).rules == ()
    assert read(HEAD + ON_ERROR + "rules = []").rules == ()
    wide = RULE.replace('harm = "csam", max_distance = 10', "max_distance = 256, min_quality = 0")
    assert read(HEAD + ON_ERROR + wide).rules[0].when["max_distance"] == 256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "version: missing; expected a string"),
        ("version = 1\n", "version: expected a string, not a whole number"),
        ("version = 2026-11-22\n", "version: expected a string, not a date or time"),
        ('version = ""\n', "version: expected a string that is not blank"),
        ('version = "1"\n', f"default: missing; expected one of {ACTIONS}"),
        (
            'version = "1"\ndefault = "alow"\n',
            f'default: "alow" is not one of {ACTIONS}; did you mean allow?',
        ),
        ('version = "1"\nmode = "test"\n', 'mode: "test" is not one of enforce, shadow'),
        (
            'version = "1"\nmode = "shadw"\n',
            'mode: "shadw" is not one of enforce, shadow; did you mean shadow?',
        ),
        (
            'version = "1"\nmode = true\n',
            "mode: expected one of enforce, shadow, not a boolean",
        ),
        (
            'versoin = "1"\n',
            "versoin: unknown key; did you mean version?",
        ),
        (
            "frequency = 1\n",
            "frequency: unknown key; known keys: version, mode, default, on_error, views, "
            "video_interval_s, sampling_key, rules",
        ),
        (
            '"a b\\n" = 1\n',
            '"a b\\n": unknown key; known keys: version, mode, default, on_error, views, '
            "video_interval_s, sampling_key, rules",
        ),
        (
            HEAD,
            'on_error: missing; expected a table such as { action = "review", '
            'queue = "undecodable" }',
        ),
        (HEAD + 'on_error = "review"\n', "on_error: expected a table, not a string"),
        (
            HEAD + 'on_error = { queue = "q" }\n',
            "on_error.action: missing; expected one of block, quarantine, review",
        ),
        (
            HEAD + 'on_error = { action = "allow", queue = "q" }\n',
            'on_error.action: "allow" is not one of block, quarantine, review',
        ),
        (
            HEAD + 'on_error = { action = "log", queue = "q" }\n',
            'on_error.action: "log" is not one of block, quarantine, review',
        ),
        (
            HEAD + 'on_error = { action = "block" }\n',
            "on_error.queue: missing; expected a string",
        ),
        (
            HEAD + 'on_error = { action = "block", queue = "q", note = 1 }\n',
            "on_error.note: unknown key; known keys: action, queue, priority, sla, routes",
        ),
        (
            HEAD + 'on_error = { action = "block", queue = "q", priority = "urgent" }\n',
            f'on_error.priority: "urgent" is not one of {PRIORITIES}',
        ),
        (
            HEAD + 'on_error = { action = "block", queue = "q", sla = "soon" }\n',
            f'on_error.sla: expected {DURATION}, not "soon"',
        ),
        (
            HEAD + ON_ERROR + "rules = 3\n",
            "rules: expected tables headed [[rules]], not a whole number",
        ),
        (HEAD + ON_ERROR + "[rules]\n", "rules: expected tables headed [[rules]], not a table"),
        (
            HEAD + ON_ERROR + "rules = [1]\n",
            "rules[0]: expected a table, not a whole number",
        ),
        (HEAD + ON_ERROR + "[[rule]]\n", "rule: unknown key; did you mean rules?"),
    ],
)
def test_the_document(text: str, message: str) -> None:
    refused(
        text,
        message,
        None
        if ": missing" in message and "." not in message.split(":", maxsplit=1)[0]
        else last_line(text),
    )


SECOND_RULE = last_line(HEAD + ON_ERROR + RULE) + 1


def rule_with(line: str, *, without: str | None = None) -> str:
    """Return a policy whose second rule has one line more or another in its place."""
    lines = SPAM.splitlines()
    lines = [old for old in lines if without is None or not old.startswith(without)]
    return HEAD + ON_ERROR + RULE + "\n".join([*lines, line, ""])


@pytest.mark.parametrize(
    ("line", "without", "message"),
    [
        ("", "name", "rules[1].name: missing; expected a string"),
        ("name = 7", "name", "rules[1].name: expected a string, not a whole number"),
        (
            'name = ""',
            "name",
            "rules[1].name: expected a string that is not blank",
        ),
        (
            'name = " x"',
            "name",
            'rules[1] " x".name: " x" has spaces around it or a control character; remove it',
        ),
        (
            'name = "x\\ny"',
            "name",
            'rules[1] "x\\ny".name: "x\\ny" has spaces around it or a control character; remove it',
        ),
        ('name = "csam"', "name", 'rules[1] "csam".name: rules[0] has the same name'),
        ("", "action", f'rules[1] "spam".action: missing; expected one of {ACTIONS}'),
        (
            'action = "blok"',
            "action",
            f'rules[1] "spam".action: "blok" is not one of {ACTIONS}; did you mean block?',
        ),
        (
            'action = "review"',
            "action",
            'rules[1] "spam".queue: missing; a review without a queue would never be done',
        ),
        ("queue = 1", None, 'rules[1] "spam".queue: expected a string, not a whole number'),
        ('queue = " "', None, 'rules[1] "spam".queue: expected a string that is not blank'),
        (
            'priority = "hihg"',
            None,
            f'rules[1] "spam".priority: "hihg" is not one of {PRIORITIES}; did you mean high?',
        ),
        (
            "priority = 1.5",
            None,
            f'rules[1] "spam".priority: expected one of {PRIORITIES}, not a number with a fraction',
        ),
        ('sla = "4 hours"', None, f'rules[1] "spam".sla: expected {DURATION}, not "4 hours"'),
        ('sla = "0h"', None, f'rules[1] "spam".sla: expected {DURATION}, not "0h"'),
        ('sla = "٤h"', None, f'rules[1] "spam".sla: expected {DURATION}, not "٤h"'),
        ('sla = "4h\\n"', None, f'rules[1] "spam".sla: expected {DURATION}, not "4h\\n"'),
        ("sla = 04:00:00", None, f'rules[1] "spam".sla: expected {DURATION}, not a date or time'),
        (
            'routes = "ledger"',
            None,
            'rules[1] "spam".routes: expected a list of strings, not a string',
        ),
        ("routes = [1]", None, 'rules[1] "spam".routes[0]: expected a string, not a whole number'),
        (
            'routes = ["a", "b", "a"]',
            None,
            'rules[1] "spam".routes[2]: "a" is listed twice',
        ),
        (
            'routes = [""]',
            None,
            'rules[1] "spam".routes[0]: expected a string that is not blank',
        ),
        (
            'suppresses = "csam"',
            None,
            'rules[1] "spam".suppresses: expected a list of strings, not a string',
        ),
        (
            'suppresses = ["csam", "cam"]',
            None,
            'rules[1] "spam".suppresses[1]: no rule is named "cam"; did you mean csam?',
        ),
        (
            'suppresses = ["violence"]',
            None,
            'rules[1] "spam".suppresses[0]: no rule is named "violence"',
        ),
        (
            'suppresses = ["spam"]',
            None,
            'rules[1] "spam".suppresses[0]: a rule cannot suppress itself',
        ),
        (
            'prioritty = "high"',
            None,
            'rules[1] "spam".prioritty: unknown key; did you mean priority?',
        ),
        (
            "comment = 1",
            None,
            'rules[1] "spam".comment: unknown key; known keys: name, when, action, queue, priority,'
            " sla, routes, suppresses, may_be_absent",
        ),
        (
            "max_distance = 31",
            None,
            'rules[1] "spam".max_distance: unknown key here; it belongs in when',
        ),
        (
            'default = "log"',
            None,
            'rules[1] "spam".default: unknown key here; it belongs above the first [[rules]]',
        ),
        (
            "",
            "when",
            'rules[1] "spam".when: missing; expected a table such as '
            '{ harm = "spam", max_distance = 31 }',
        ),
        ("when = []", "when", 'rules[1] "spam".when: expected a table, not a list'),
    ],
)
def test_a_rule(line: str, without: str | None, message: str) -> None:
    text = rule_with(line, without=without)
    refused(text, message, SECOND_RULE if ": missing" in message else last_line(text))


NUMBER = "a whole number from 0 to 256"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('harm = "x"', f".max_distance: missing; expected {NUMBER}"),
        ("", f".max_distance: missing; expected {NUMBER}"),
        ("max_distance = -1", f".max_distance: expected {NUMBER}, not -1"),
        ("max_distance = 257", f".max_distance: expected {NUMBER}, not 257"),
        (
            f"max_distance = 0x{'f' * 5000}",
            f".max_distance: expected {NUMBER}, not a number of that size",
        ),
        ("max_distance = true", f".max_distance: expected {NUMBER}, not a boolean"),
        ("max_distance = 31.0", f".max_distance: expected {NUMBER}, not a number with a fraction"),
        ('max_distance = "31"', f".max_distance: expected {NUMBER}, not a string"),
        (
            "max_distance = 1, min_quality = 101",
            ".min_quality: expected a whole number from 0 to 100, not 101",
        ),
        (
            "max_distance = 1, min_quality = false",
            ".min_quality: expected a whole number from 0 to 100, not a boolean",
        ),
        ("max_distnce = 31", ".max_distnce: unknown key; did you mean max_distance?"),
        (
            "radius = 31",
            ".radius: unknown key; known keys: "
            "harm, list, classification, algorithm, max_distance, min_quality",
        ),
        ('action = "block"', ".action: unknown key here; it belongs beside when, not inside it"),
        (
            "harm = []",
            ".harm: an empty list fits no match; leave the key out to fit every match",
        ),
        ("harm = 1", ".harm: expected a string or a list of strings, not a whole number"),
        ("harm = { a = 1 }", ".harm: expected a string or a list of strings, not a table"),
        ('harm = ""', ".harm: expected a string that is not blank"),
        ('harm = ["a", 2]', ".harm[1]: expected a string, not a whole number"),
        ('harm = ["a", "a"]', '.harm[1]: "a" is listed twice'),
        (
            'list = "ncmec "',
            '.list: "ncmec " has spaces around it or a control character; remove it',
        ),
        ("list = [[]]", ".list[0]: expected a string, not a list"),
        (
            "classification = 1",
            ".classification: expected a string or a list of strings, not a whole number",
        ),
        ("algorithm = 1", ".algorithm: expected a string, not a whole number"),
        ('algorithm = ["pdq"]', ".algorithm: expected a string, not a list"),
        ('algorithm = ""', ".algorithm: expected a string that is not blank"),
    ],
)
def test_a_condition(keys: str, message: str) -> None:
    text = rule_with(f"when = {{ {keys} }}", without="when")
    refused(text, f'rules[1] "spam".when{message}', last_line(text))


def test_a_long_value_is_cut() -> None:
    text = rule_with(f'action = "{"x" * 1000}"', without="action")
    message = f'rules[1] "spam".action: "{"x" * 60}..." is not one of {ACTIONS}'
    refused(text, message, last_line(text))


def test_rules_that_suppress_each_other() -> None:
    text = (
        HEAD
        + ON_ERROR
        + "".join(
            RULE.replace("csam", name) + f'suppresses = ["{other}"]\n'
            for name, other in (("tail", "b"), ("c", "a"), ("a", "b"), ("b", "c"))
        )
    )
    refused(
        text,
        'rules[1] "c".suppresses: rules suppress each other in a circle, '
        '"c" -> "a" -> "b" -> "c"; remove one of them',
        line=13,
    )


def test_a_rule_behind_a_wider_one() -> None:
    wide = RULE.replace('"csam"\nact', '"wide"\nact').replace("10", "31")
    text = HEAD + ON_ERROR + SPAM + wide + RULE
    refused(
        text,
        'rules[2] "csam".when: unreachable, since every match that fits is taken by earlier rules '
        '("wide"); move this rule before them or remove it',
        last_line(text),
    )


def test_a_rule_behind_several_that_cover_it_together() -> None:
    parts = "".join(RULE.replace("csam", f"h{i}") for i in range(12))
    harms = ", ".join(f'"h{i}"' for i in range(12))
    last = RULE.replace('harm = "csam"', f"harm = [{harms}]")
    text = HEAD + ON_ERROR + parts + last
    refused(
        text,
        'rules[12] "csam".when: unreachable, since every match that fits is taken by earlier rules '
        '("h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", 4 more); '
        "move this rule before them or remove it",
        last_line(text),
    )


def test_views_are_all_unless_some_are_named() -> None:
    assert read(HEAD + ON_ERROR).views == VIEW_KINDS
    for views, expected in (
        ("[]", ()),
        ('["frames", "orientations"]', ("orientations", "frames")),
        ('["trimmed"]', ("trimmed",)),
    ):
        assert read(f"{HEAD}views = {views}\n{ON_ERROR}").views == expected


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ('"trimmed"', "views: expected a list of strings, not a string"),
        ("[1]", "views[0]: expected a string, not a whole number"),
        ('["frames", "frames"]', 'views[1]: "frames" is listed twice'),
        (
            '["trimed"]',
            f'views[0]: "trimed" is not one of {", ".join(VIEW_KINDS)}; did you mean trimmed?',
        ),
        (
            '["as_stored"]',
            f'views[0]: "as_stored" is not one of {", ".join(VIEW_KINDS)}',
        ),
    ],
)
def test_views_are_read_strictly(views: str, message: str) -> None:
    refused(f"{HEAD}views = {views}\n{ON_ERROR}", message, line=3)


def test_the_sampling_key_is_long_and_never_shown() -> None:
    assert read(HEAD + ON_ERROR).sampling_key_digest is None
    policy = read(f'{HEAD}sampling_key = "0123456789abcdef"\n{ON_ERROR}')
    assert policy.sampling_key == "0123456789abcdef"
    assert policy.sampling_key_digest == hashlib.sha256(b"0123456789abcdef").hexdigest()
    assert "0123456789abcdef" not in repr(policy)
    refused(
        f'{HEAD}sampling_key = "0123456789abcde"\n{ON_ERROR}',
        "sampling_key: too short to be secret; take at least 16 characters",
        line=3,
    )


def test_views_belong_above_the_rules() -> None:
    refused(
        HEAD + ON_ERROR + RULE + 'views = ["frames"]\n',
        'rules[0] "csam".views: unknown key here; it belongs above the first [[rules]]',
        line=8,
    )


def test_the_interval_of_videos_is_a_second_unless_stated() -> None:
    assert read(HEAD + ON_ERROR).video_interval_s == 1.0
    for written, expected in (("0", 0.0), ("0.5", 0.5), ("60", 60.0)):
        text = f"{HEAD}video_interval_s = {written}\n{ON_ERROR}"
        assert read(text).video_interval_s == expected


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("-0.1", "expected a number from 0 to 60, not -0.1"),
        ("61", "expected a number from 0 to 60, not 61"),
        ("nan", "expected a number from 0 to 60, not a number of that size"),
        ("inf", "expected a number from 0 to 60, not a number of that size"),
        ("true", "expected a number from 0 to 60, not a boolean"),
        ('"1s"', "expected a number from 0 to 60, not a string"),
    ],
)
def test_the_interval_of_videos_is_read_strictly(written: str, message: str) -> None:
    text = f"{HEAD}video_interval_s = {written}\n{ON_ERROR}"
    refused(text, f"video_interval_s: {message}", line=3)
