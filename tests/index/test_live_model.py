"""Random sequences of changes against the naive model of `live_model`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashmatch.errors import HashmatchError
from hashmatch.index import Index
from tests.builders import TOY, register_toy
from tests.index.live_commands import Player
from tests.index.live_model import (
    LISTS,
    NO_HASH,
    Model,
    Op,
    RefusedError,
    Row,
    check,
    check_history,
    contents,
    perform,
    write_lists,
)

ROW = st.builds(
    Row,
    entry_id=st.sampled_from(["a", "b", "ü;,"]),
    harm=st.sampled_from(["csam", "spam"]),
    classification=st.sampled_from(["", "A1"]),
    algorithm=st.sampled_from(["pdq", "pdq", TOY]),
    seed=st.integers(0, 7),
)
STATUS = st.sampled_from(["active", "active", "disputed", "withdrawn"])
NAMES_ENTRY = st.builds(Row, st.sampled_from(["a", "b"]), *map(st.just, ("", "", "pdq", NO_HASH)))
NAMES_HASH = st.builds(Row, *map(st.just, ("", "", "", "pdq")), st.integers(0, 7))
WITHDRAWALS = st.dictionaries(st.one_of(NAMES_ENTRY, NAMES_HASH), st.just("withdrawn"), max_size=1)
ROWS = st.tuples(st.dictionaries(ROW, STATUS, max_size=6), WITHDRAWALS).map(
    lambda parts: tuple((parts[0] | parts[1]).items())
)
LIST = st.sampled_from(LISTS)
ENTRIES = st.lists(st.sampled_from(["a", "b", "ü;,", "d"]), min_size=1, max_size=2).map(tuple)
VERSION = st.sampled_from([None, "v1", "v2"])
OP = st.one_of(
    st.builds(Op, st.just("replace"), LIST, ROWS, VERSION),
    st.builds(Op, st.just("add"), LIST, ROWS, VERSION, return_removed=st.booleans()),
    st.builds(Op, st.just("add"), LIST, ROWS, VERSION),
    st.builds(Op, st.just("remove"), LIST, ids=ENTRIES),
    st.builds(Op, st.sampled_from(["disable", "enable"]), LIST, ids=st.one_of(st.none(), ENTRIES)),
    st.builds(Op, st.just("compact"), purge=st.booleans(), keep=st.sampled_from([1, 2, 8])),
    st.builds(Op, st.just("rollback"), generation=st.integers(1, 12), with_overrides=st.booleans()),
    st.builds(Op, st.just("edit"), LIST, ROWS),
    st.builds(Op, st.just("build"), discard=st.booleans()),
)


@pytest.fixture(scope="module")
def _toy() -> Iterator[None]:
    with register_toy():
        yield


@pytest.mark.usefixtures("_toy")
@settings(max_examples=40)
@given(ROWS, ROWS, st.lists(OP, max_size=14), st.integers(0, 3))
def test_any_sequence_of_changes_agrees_with_the_model(
    tmp_path_factory: pytest.TempPathFactory,
    known: tuple[tuple[Row, str], ...],
    spam: tuple[tuple[Row, str], ...],
    ops: list[Op],
    radius: int,
) -> None:
    folder = tmp_path_factory.mktemp("live") / "index"
    write_lists(folder)
    model = Model()
    reader: Index | None = None
    of_digest: dict[str, list[tuple[str, str, Row]]] = {}
    for op in [Op("edit", "known", known), Op("edit", "spam", spam), Op("build"), *ops]:
        try:
            after = model.after(op)
        except RefusedError:
            with pytest.raises(HashmatchError):
                perform(folder, op)
            assert reader is not None
            assert reader.refreshed() is reader
            continue
        report = perform(folder, op)
        if op.kind == "edit":
            model = after
            continue
        generation = reader.ref.generation if reader else 0
        assert report.generation == generation + report.is_new
        after.record(report.generation)
        before, reader = reader, reader.refreshed() if reader else Index.open(folder)
        assert (before is reader) == (not report.is_new)
        assert (reader.ref.generation, reader.ref.digest) == (report.generation, report.digest)
        assert report.is_new or after.visible() == model.visible()
        check(folder, after, reader, radius)
        check_history(folder, after)
        if before is not None:  # an open generation stays as it was
            assert contents(before) == sorted(model.visible())
        assert of_digest.setdefault(report.digest, contents(reader)) == contents(reader)
        model = after
    check(folder, model, Index.open(folder, verify=True), radius)


@pytest.mark.usefixtures("_toy")
def test_random_commands_agree_with_the_model(tmp_path: Path) -> None:
    """`make commands` gives 10,000."""
    player = Player(tmp_path, seed=1)
    player.play(60)
    assert player.counts["killed"]
    assert player.counts["refresh"]
