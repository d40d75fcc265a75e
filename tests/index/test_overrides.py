from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.index.overrides import EntryOverrides

Names = frozenset[tuple[str, str]]
NAMES = st.frozensets(st.tuples(st.sampled_from(["a", "ü", ""]), st.text(max_size=3)))


@given(NAMES, NAMES, st.frozensets(st.text(max_size=3)))
def test_decode_inverts_encode(removed: Names, disabled: Names, lists: frozenset[str]) -> None:
    overrides = EntryOverrides(removed, disabled, lists)
    raw = overrides.encode()
    assert EntryOverrides.decode(raw) == overrides
    assert raw == EntryOverrides(frozenset(sorted(removed)), disabled, lists).encode()


@pytest.mark.parametrize(
    "body", [{}, [], {"removed": [], "disabled": {}, "disabled_lists": []}, None]
)
def test_other_json_is_refused(body: object) -> None:
    with pytest.raises(ValueError, match="Expected `object`|missing required field"):
        EntryOverrides.decode(json.dumps(body).encode())
    with pytest.raises(ValueError, match="truncated"):
        EntryOverrides.decode(b"{")


def test_names_are_kept_apart() -> None:
    overrides = EntryOverrides().remove("known", ["a"], ["d"]).disable("known", ["a", "b"])
    overrides = overrides.disable("spam", None)
    assert overrides.removed_of("known") == {"a"}
    assert overrides.removed_of("spam") == frozenset()
    assert overrides.enable("known", ["a", "b"]).enable("spam", None) == EntryOverrides(
        removed=frozenset({("known", "a")}), removed_hashes=frozenset({("known", "d")})
    )
    assert overrides.readmit("known", ["a"], ["d"]) == EntryOverrides(
        disabled=overrides.disabled, disabled_lists=overrides.disabled_lists
    )
