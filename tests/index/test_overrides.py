from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.index.ledger import Ledger

NAMES = st.frozensets(st.tuples(st.sampled_from(["a", "ü", ""]), st.text(max_size=3)))


@given(NAMES, NAMES, st.frozensets(st.text(max_size=3)))
def test_what_is_written_is_read(removed: frozenset, disabled: frozenset, lists: frozenset) -> None:
    ledger = Ledger(removed, disabled, lists)
    raw = ledger.encode()
    assert Ledger.decode(raw) == ledger
    assert raw == Ledger(frozenset(sorted(removed)), disabled, lists).encode()


@pytest.mark.parametrize(
    "body", [{}, [], {"removed": [], "disabled": {}, "disabled_lists": []}, None]
)
def test_what_is_no_ledger_is_refused(body: object) -> None:
    with pytest.raises(ValueError, match="ledger"):
        Ledger.decode(json.dumps(body).encode())
    with pytest.raises(ValueError, match="Expecting"):
        Ledger.decode(b"{")


def test_names_are_kept_apart() -> None:
    ledger = Ledger().after_removal("known", ["a"]).after_disabling("known", ["a", "b"])
    ledger = ledger.after_disabling("spam", None)
    assert ledger.removed_of("known") == {"a"}
    assert ledger.removed_of("spam") == frozenset()
    assert ledger.after_enabling("known", ["a", "b"]).after_enabling("spam", None) == Ledger(
        removed=frozenset({("known", "a")})
    )
    assert ledger.after_return("known", ["a"]).removed == frozenset()
