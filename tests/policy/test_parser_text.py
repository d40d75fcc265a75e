"""Policies that are not text, not TOML or not a file, and text drawn at random."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hashmatch.errors import PolicyError
from hashmatch.policy import Policy
from hashmatch.strict_table.document import MAX_BYTES, Place

HEAD = 'version = "1"\ndefault = "allow"\n'
ON_ERROR = 'on_error = { action = "review", queue = "undecodable" }\n'
RULE = '[[rules]]\nname = "csam"\naction = "block"\nwhen = { harm = "csam", max_distance = 10 }\n'


def refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.parse(text, source="policy.toml")
    assert str(caught.value) == f"policy.toml: {message}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD + ON_ERROR + "[[rules]]\nname 5\n", 5),
        (HEAD + 'on_error = { action = "review"', 3),
        (HEAD + "a = [\n\n\n", 3),
        (HEAD + 'version = "2"\n', 3),
        (HEAD + "a = 2026-02-30\n", 3),
        ('a = "\x00"', 1),
    ],
)
def test_text_that_is_not_toml(text: str, line: int) -> None:
    with pytest.raises(PolicyError, match=rf"^policy\.toml:{line}: not TOML: .+$"):
        Policy.parse(text, source="policy.toml")


def test_text_that_toml_readers_choke_on() -> None:
    refused(f"a = {'[' * 100_000}", "lists or tables are nested too deep")
    refused(f"a = {'9' * 5000}", "a number has too many digits")
    with pytest.raises(PolicyError, match=r"^policy: has a character that UTF-8 cannot hold$"):
        Policy.parse('version = "\ud800"')


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("\ufeff" + HEAD + ON_ERROR + RULE, encoding="utf-8")
    policy = Policy.load(path)
    assert policy.rules == Policy.parse(HEAD + ON_ERROR + RULE).rules
    assert policy.ref.digest == sha256(path.read_bytes()).hexdigest()
    with pytest.raises(PolicyError, match=r"^policy:4: x: unknown key; known keys: "):
        Policy.parse("\ufeff" + HEAD + ON_ERROR + "x = 1")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    def load(path: Path, message: str) -> None:
        with pytest.raises(PolicyError) as caught:
            Policy.load(path)
        assert str(caught.value) == f"{path}{message}"

    load(tmp_path / "absent.toml", ": cannot be read: No such file or directory")
    load(tmp_path, ": cannot be read: Is a directory")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(HEAD.encode() + 'queue = "ü"'.encode("latin-1"))
    load(latin, ":3: not UTF-8; save it as UTF-8")
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * (MAX_BYTES + 1))
    load(huge, ": larger than the 4194304 bytes allowed")
    huge.write_bytes(b"#" * MAX_BYTES)
    assert len(Place.load(huge, PolicyError).text) == MAX_BYTES


def test_the_message_is_one_line_even_if_the_path_is_not(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.load(tmp_path / "a\nb.toml")
    assert str(caught.value).endswith("a\\nb.toml: cannot be read: No such file or directory")


def test_an_error_of_a_file_names_its_path_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(HEAD + ON_ERROR + RULE.replace("max_distance", "max_distnce"))
    with pytest.raises(PolicyError) as caught:
        Policy.load(path)
    assert str(caught.value) == (
        f'{path}:7: rules[0] "csam".when.max_distnce: unknown key; did you mean max_distance?'
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
def test_any_text_is_a_policy_or_one_line_of_error(lines: list[str], beginning: str) -> None:
    try:
        Policy.parse(beginning + "\n".join(lines), source="policy.toml")
    except PolicyError as error:
        message = str(error)
        assert re.match(r"policy\.toml(:[1-9][0-9]*)?: ", message)
        assert message.isprintable()
