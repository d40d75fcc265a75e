"""Names in a policy that an index has, had, or lacks; and listed hashes that no rule can take."""

from pathlib import Path

import pytest

from hashmatch.cli import main
from hashmatch.errors import PolicyError
from hashmatch.index import (
    Index,
    add_list,
    build_index,
    disable,
    remove_entries,
    rollback_index,
)
from hashmatch.screener import Screener, UnreachableHashes
from tests.builders import build_folder, pdq_hash, write_folder

HEAD = 'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "q" }\n'
ROW = {"entry_id": "a", "hash": pdq_hash(1), "harm": "csam", "classification": "A1"}
OTHER = {**ROW, "entry_id": "b", "hash": pdq_hash(2), "classification": "B2"}


def policy_of(folder: Path, *whens: str, more: str = "") -> Path:
    rules = (
        f'[[rules]]\nname = "r{number}"\n{more}when = {{ {when} }}\naction = "block"\n'
        for number, when in enumerate(whens)
    )
    path = folder / "policy.toml"
    path.write_text(HEAD + "".join(rules))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_folder(tmp_path / "own", {"one": [ROW], "two": [OTHER]})


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        ('harm = "csan"', '.when.harm: index demo has no harm "csan"; did you mean csam? Or give'),
        ('harm = ["csam", "x"]', '.when.harm: index demo has no harm "x"; add a list that has it,'),
        ('list = "tow"', '.when.list: index demo has no list "tow"; did you mean two?'),
        ('classification = "C"', '.when.classification: index demo has no classification "C"'),
    ],
)
def test_a_name_that_the_index_lacks_is_refused(folder: Path, when: str, problem: str) -> None:
    policy = policy_of(folder, 'harm = "csam", max_distance = 3', f"{when}, max_distance = 31")
    with pytest.raises(PolicyError) as caught:
        Screener.open(folder, policy)
    assert str(caught.value).startswith(f'{policy}:10: rules[1] "r1"{problem}')
    assert "\n" not in str(caught.value)
    policy = policy_of(folder, f"{when}, max_distance = 31", more="may_be_absent = true\n")
    assert Screener.open(folder, policy).refused is None


def test_disabled_and_emptied_lists_are_there(folder: Path) -> None:
    policy = policy_of(
        folder,
        'list = "one", harm = "csam", classification = "A1", max_distance = 3',
        'list = "two", classification = "B2", max_distance = 3',
    )
    disable(folder, "one")
    remove_entries(folder, "two", ["b"])
    Screener.open(folder, policy)
    build_index(folder)  # the removed entry stays out
    assert Index.open(folder).names["classification"] == {"A1", "B2"}
    withdrawn = {**ROW, "status": "withdrawn"}
    write_folder(folder, {"one": [withdrawn], "two": [{**OTHER, "status": "withdrawn"}]})
    build_index(folder)
    Screener.open(folder, policy)
    write_folder(folder, {"one": [], "two": []}, harm='"csam"', classification='"A1"')
    build_index(folder)
    assert Index.open(folder).names == {
        "list": {"one", "two"},
        "harm": {"csam"},
        "classification": {"A1"},
    }


def test_a_generation_that_lacks_a_name_is_not_adopted(folder: Path) -> None:
    more = folder / "more.csv"
    more.write_text(f"entry_id,hash,harm\nm,{pdq_hash(3)},spam\n")
    first = Index.open(folder).ref.generation
    add_list(folder, more, list_name="three", version="1", new_list=True)
    screener = Screener.open(folder, policy_of(folder, 'harm = "spam", max_distance = 3'))
    before = screener.index_ref
    assert screener.refused is None
    rollback_index(folder, first)
    for _ in range(2):
        with pytest.raises(PolicyError, match='has no harm "spam"'):
            screener.refresh()
        assert screener.index_ref == before
        assert isinstance(screener.refused, PolicyError)
    decision = screener.screen_hashes({"pdq": pdq_hash(3)})
    assert (decision.action, decision.index) == ("block", before)
    with pytest.raises(PolicyError, match='has no harm "spam"'):
        screener.reload()
    add_list(folder, more, list_name="three", version="2", new_list=True)
    assert screener.refresh()
    assert screener.refused is None
    assert screener.index_ref.generation > before.generation


def test_hashes_of_low_quality_are_reported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {**ROW, "entry_id": f"e{n}", "hash": pdq_hash(n), "quality": str(quality)}
        for n, quality in enumerate((0, 19, 20, 49, 50, 100))
    ]
    unknown = {**ROW, "entry_id": "u", "hash": pdq_hash("u"), "quality": ""}
    spam = {**ROW, "harm": "spam", "quality": "1"}
    folder = write_folder(tmp_path / "own", {"one": [*rows, unknown], "two": [spam]})
    policy = policy_of(
        folder,
        'harm = "csam", max_distance = 10, min_quality = 20',
        'harm = "csam", max_distance = 31',
    )
    assert main(["index", "build", str(folder)]) == 0
    report = "warning: list one: 2 pdq hashes are of lower quality than every rule about them"
    assert report in capfd.readouterr().err
    found = Screener.open(folder, policy).unreachable_hashes()
    assert found == (UnreachableHashes("one", "pdq", 2),)  # no rule is about spam at all
    hashes = ["match", pdq_hash(0), "--index", str(folder), "--policy", str(policy)]
    assert main(hashes) == 0
    assert report in capfd.readouterr().err
    disable(folder, "one", ["e0"])
    assert Screener.open(folder, policy).unreachable_hashes()[0].n_hashes == 1
    policy_of(folder, 'harm = "csam", max_distance = 10, min_quality = 0')
    assert main(["index", "build", str(folder)]) == 0
    assert "warning" not in capfd.readouterr().err
    policy.write_text("version = 1")
    assert main(["index", "build", str(folder)]) == 0  # the index is sound
    assert "warning: " in capfd.readouterr().err
