"""Policies that are no text, no TOML or no file, and text drawn at random."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hashmatch.errors import PolicyError
from hashmatch.policy.parser import MAX_POLICY_BYTES, read_policy, read_text
from hashmatch.policy.policy import Policy

HEAD = 'version = "1"\ndefault = "allow"\n'
ON_ERROR = 'on_error = { action = "review", queue = "undecodable" }\n'
RULE = '[[rules]]\nname = "csam"\naction = "block"\nwhen = { harm = "csam", max_distance = 10 }\n'


def refused(text, message):
    with pytest.raises(PolicyError) as caught:
        read_policy(text, "policy.toml")
    assert str(caught.value) == f"policy.toml: {message}"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (HEAD + ON_ERROR + "[[rules]]\nname 5\n", r"\(at line 5, column \d+\)"),
        (HEAD + 'on_error = { action = "review"', r"\(at the end, line 3\)"),
        (HEAD + "a = [\n\n\n", r"\(at the end, line 3\)"),
        (HEAD + 'version = "2"\n', r"\(at line 3, column \d+\)"),
        (HEAD + "a = 2026-02-30\n", r"\(at line 3, column \d+\)"),
        ('a = "\x00"', r"\(at line 1, column \d+\)"),
    ],
)
def test_what_is_not_toml(text, where):
    with pytest.raises(PolicyError, match=rf"^policy\.toml: not TOML: .+ {where}$"):
        read_policy(text, "policy.toml")


def test_what_toml_readers_choke_on():
    refused(f"a = {'[' * 100_000}", "not a policy: lists or tables are nested too deep")
    refused(f"a = {'9' * 5000}", "not a policy: a number has too many digits")
    refused(
        "\ufeff" + HEAD + ON_ERROR, "begins with a byte order mark; save it as UTF-8 without one"
    )
    with pytest.raises(PolicyError, match=r"^policy: has a character that UTF-8 cannot hold$"):
        Policy.parse('version = "\ud800"')


def test_files_that_cannot_be_read(tmp_path):
    def load(path, message):
        with pytest.raises(PolicyError) as caught:
            Policy.load(path)
        assert str(caught.value) == f"{path}: {message}"

    load(tmp_path / "absent.toml", "cannot be read: No such file or directory")
    load(tmp_path, "cannot be read: Is a directory")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(HEAD.encode() + 'queue = "ü"'.encode("latin-1"))
    load(latin, "not UTF-8 (at line 3); save it as UTF-8")
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * (MAX_POLICY_BYTES + 1))
    load(huge, "larger than the 4194304 bytes a policy may have")
    huge.write_bytes(b"#" * MAX_POLICY_BYTES)
    assert len(read_text(huge)) == MAX_POLICY_BYTES


def test_the_message_is_one_line_even_if_the_path_is_not(tmp_path):
    with pytest.raises(PolicyError) as caught:
        Policy.load(tmp_path / "a\nb.toml")
    assert str(caught.value).endswith("a\\nb.toml: cannot be read: No such file or directory")


def test_an_error_of_a_file_names_its_path_and_key(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(HEAD + ON_ERROR + RULE.replace("max_distance", "max_distnce"))
    with pytest.raises(PolicyError) as caught:
        Policy.load(path)
    assert str(caught.value) == (
        f'{path}: rules[0] "csam".when.max_distnce: unknown key; did you mean max_distance?'
    )


WORDS = """
    "review" "block" "csam" "high" "4h" "" "\\u0085" ["csam"] ["csam","csam"] 31 -1 1.5 nan true []
    {} [[[]]] 2026-01-01 {max_distance=3} {harm="a",max_distance=3} {action="block",queue="q"}
"""
KEYS = """
    version mode default on_error rules name when action queue priority sla routes suppresses harm
    list classification algorithm max_distance min_quality when.max_distance on_error.action x
"""
LINES = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(KEYS.split()), st.sampled_from(WORDS.split())),
    st.sampled_from(["[[rules]]", "[rules]", "[on_error]", "[when]", "=", "\t", "#"]),
    st.text(max_size=8),
)


@given(st.lists(LINES, max_size=12), st.sampled_from([HEAD + ON_ERROR, HEAD + ON_ERROR + RULE, ""]))
@example(["x = 0"], "")
def test_whatever_the_text_it_is_a_policy_or_one_line_of_error(lines, beginning):
    try:
        Policy.parse(beginning + "\n".join(lines), source="policy.toml")
    except PolicyError as error:
        message = str(error)
        assert message.startswith("policy.toml: ")
        assert message.isprintable()
