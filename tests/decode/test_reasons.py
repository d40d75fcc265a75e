from __future__ import annotations

import struct
import zlib

import pytest
from PIL import Image

from hashmatch.decode.reasons import translate_errors
from hashmatch.errors import DecodeError


def reason_of(error: BaseException) -> str:
    with pytest.raises(DecodeError) as caught, translate_errors("PNG"):
        raise error
    assert caught.value.__cause__ is error
    return str(caught.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("image file is truncated (13 bytes not processed)"), "truncated PNG"),
        (OSError("Truncated File Read"), "truncated PNG"),
        (ValueError("not enough image data"), "truncated PNG"),
        (OSError("broken data stream"), "damaged PNG: broken data stream"),
        (SyntaxError("cannot handle 12-bit layers"), "unsupported PNG: 12 bits per sample, not 8"),
        (MemoryError(), "out of memory while decoding PNG"),
        (struct.error("unpack requires a buffer of 4 bytes"), "damaged PNG: unreadable structure"),
        (IndexError("index out of range"), "damaged PNG: unreadable structure"),
        (KeyError(274), "damaged PNG: unreadable structure"),
        (TypeError("'NoneType' object is not subscriptable"), "damaged PNG: unreadable structure"),
        (ZeroDivisionError("division by zero"), "damaged PNG: unreadable structure"),
        (OverflowError("int too large"), "damaged PNG: unreadable structure"),
        (AssertionError(), "damaged PNG: unreadable structure"),
        (RecursionError("maximum recursion depth"), "damaged PNG: unreadable structure"),
        (zlib.error("Error -3"), "damaged PNG: unreadable structure"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "damaged PNG: unreadable structure"),
        (UserWarning("odd"), "damaged PNG: unreadable structure"),
        (OSError(), "damaged PNG: unreadable structure"),
        (
            Image.DecompressionBombError("Image size (999 pixels) exceeds limit of 9 pixels"),
            "too many pixels: 999, more than Pillow itself allows",
        ),
    ],
)
def test_any_exception_has_a_reason(error, reason):
    assert reason_of(error) == reason


def test_reasons_are_one_short_plain_line_without_addresses():
    error = OSError(
        "cannot <_io.BytesIO object at 0x7f7c5c2b1e40>\n\tat \u2028 caf\xe9" + "x" * 999
    )
    reason = reason_of(error)
    assert reason.isascii()
    assert reason.isprintable()
    assert "0x7f" not in reason
    assert reason.startswith(r"damaged PNG: cannot <_io.BytesIO object at ...> at caf\xe9xx")
    assert len(reason) < 150


def test_pillows_wrapping_of_python_errors_is_seen_through():
    error = SyntaxError(struct.error("unpack_from requires a buffer"))
    error.__cause__ = struct.error("unpack_from requires a buffer")
    assert reason_of(error) == "damaged PNG: unreadable structure"


def test_decode_errors_pass_unchanged():
    with pytest.raises(DecodeError, match=r"^as it was$"), translate_errors("PNG"):
        raise DecodeError("as it was")


def test_an_interrupt_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt), translate_errors("PNG"):
        raise KeyboardInterrupt
