"""The guard on CSV quoting, against a state machine that reads byte by byte."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.lists.formats.csv import MisplacedQuoteError, QuotingGuard, row_at

FIELDS = st.text(alphabet='a,"\n\r é', max_size=5)
TABLES = st.lists(st.lists(FIELDS, min_size=2, max_size=3), min_size=1, max_size=6)


def written(rows: list[list[str]], end: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


def read_through(data: bytes, block: int) -> bytes:
    guard = QuotingGuard(io.BytesIO(data))
    return b"".join(iter(lambda: guard.read(block), b""))


def state_machine_fault(data: bytes) -> int | None:
    """Offset of the first byte that RFC 4180 does not allow, byte by byte; None where all are."""
    state, opened_at = "start", 0
    for offset, byte in enumerate(data.decode("latin-1")):
        if state in ("start", "plain") and byte in ",\r\n":
            state = "start"
        elif state == "start" and byte == '"':
            state, opened_at = "quoted", offset
        elif state == "start":
            state = "plain"
        elif state == "plain" and byte == '"':
            return offset
        elif state == "quoted" and byte == '"':
            state = "closed"
        elif state == "closed" and byte == '"':
            state = "quoted"
        elif state == "closed" and byte in ",\r\n":
            state = "start"
        elif state == "closed":
            return offset
    return opened_at if state == "quoted" else None


@given(TABLES, st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 40), st.booleans())
def test_sound_files_pass_unchanged(
    rows: list[list[str]], end: str, block: int, has_mark: bool
) -> None:
    data = written(rows, end)
    assert read_through(b"\xef\xbb\xbf" * has_mark + data, block) == data


def test_a_last_line_break_is_added() -> None:
    assert read_through(b"a,b\n1,2", 100) == b"a,b\n1,2\n"
    assert read_through(b"a,b\n1,2", 7) == b"a,b\n1,2\n"
    assert QuotingGuard(io.BytesIO(b"a,b")).read() == b"a,b\n"


@given(st.text(alphabet='a,"\n', max_size=24), st.integers(1, 30))
def test_agrees_with_a_state_machine(text: str, block: int) -> None:
    data = text.encode()
    expected = state_machine_fault(data)
    if expected is None:
        assert read_through(data, block).startswith(data)
        return
    with pytest.raises(MisplacedQuoteError) as caught:
        read_through(data, block)
    # a faulty closing quote is named itself or by the byte behind it
    assert caught.value.offset in (expected, expected - 1)


@given(TABLES, st.sampled_from(["\n", "\r\n", "\r"]))
def test_row_at_counts_rows_not_lines(rows: list[list[str]], end: str) -> None:
    data = b"".join(written([row], end) for row in rows)
    offset = 0
    for number, row in enumerate(rows, start=1):
        assert row_at(io.BytesIO(data), offset) == number
        offset += len(written([row], end))
        assert row_at(io.BytesIO(data), offset - len(end)) == number
