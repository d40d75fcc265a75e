"""Pillow is silent in the thread that decodes, and its exceptions become stable reasons."""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import zlib

import pytest
from PIL import Image, TiffImagePlugin

from hashmatch.decode.pillow_errors import hush, make_hushable, translate_errors
from hashmatch.errors import DecodeError, ErrorKind

make_hushable(TiffImagePlugin)


def translate(error: BaseException) -> DecodeError:
    with pytest.raises(DecodeError) as caught, translate_errors("PNG"):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize(
    ("error", "reason", "kind"),
    [
        (
            OSError("image file is truncated (13 bytes not processed)"),
            "truncated PNG",
            ErrorKind.TRUNCATED,
        ),
        (OSError("Truncated File Read"), "truncated PNG", ErrorKind.TRUNCATED),
        (ValueError("not enough image data"), "truncated PNG", ErrorKind.TRUNCATED),
        (OSError("broken data stream"), "damaged PNG: broken data stream", ErrorKind.DAMAGED),
        (
            SyntaxError("cannot handle 12-bit layers"),
            "unsupported PNG: 12 bits per sample, not 8",
            ErrorKind.UNSUPPORTED,
        ),
        (MemoryError(), "out of memory while decoding PNG", ErrorKind.MEMORY),
        (
            OSError("out of memory when reading image file"),
            "out of memory while decoding PNG",
            ErrorKind.MEMORY,
        ),
        (
            struct.error("unpack requires a buffer of 4 bytes"),
            "damaged PNG: unreadable structure",
            ErrorKind.DAMAGED,
        ),
        (IndexError("index out of range"), "damaged PNG: unreadable structure", ErrorKind.DAMAGED),
        (KeyError(274), "damaged PNG: unreadable structure", ErrorKind.DAMAGED),
        (
            TypeError("'NoneType' object is not subscriptable"),
            "damaged PNG: unreadable structure",
            ErrorKind.DAMAGED,
        ),
        (
            ZeroDivisionError("division by zero"),
            "damaged PNG: unreadable structure",
            ErrorKind.DAMAGED,
        ),
        (OverflowError("int too large"), "damaged PNG: unreadable structure", ErrorKind.DAMAGED),
        (AssertionError(), "damaged PNG: unreadable structure", ErrorKind.DAMAGED),
        (
            RecursionError("maximum recursion depth"),
            "damaged PNG: unreadable structure",
            ErrorKind.DAMAGED,
        ),
        (zlib.error("Error -3"), "damaged PNG: unreadable structure", ErrorKind.DAMAGED),
        (
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
            "damaged PNG: unreadable structure",
            ErrorKind.DAMAGED,
        ),
        (UserWarning("odd"), "damaged PNG: unreadable structure", ErrorKind.DAMAGED),
        (OSError(), "damaged PNG: unreadable structure", ErrorKind.DAMAGED),
        (
            Image.DecompressionBombError("Image size (999 pixels) exceeds limit of 9 pixels"),
            "too many pixels: 999, more than Pillow itself allows",
            ErrorKind.TOO_LARGE,
        ),
    ],
)
def test_any_exception_becomes_a_decode_error(
    error: Exception, reason: str, kind: ErrorKind
) -> None:
    translated = translate(error)
    assert (str(translated), translated.kind) == (reason, kind)


def test_reasons_are_one_short_plain_line_without_addresses() -> None:
    error = OSError(
        "cannot <_io.BytesIO object at 0x7f7c5c2b1e40>\n\tat \u2028 caf\xe9" + "x" * 999
    )
    reason = str(translate(error))
    assert reason.isascii()
    assert reason.isprintable()
    assert "0x7f" not in reason
    assert reason.startswith(r"damaged PNG: cannot <_io.BytesIO object at ...> at caf\xe9xx")
    assert len(reason) < 150


def test_pillows_wrapping_of_python_errors_is_seen_through() -> None:
    error = SyntaxError(struct.error("unpack_from requires a buffer"))
    error.__cause__ = struct.error("unpack_from requires a buffer")
    assert str(translate(error)) == "damaged PNG: unreadable structure"


def test_decode_errors_pass_unchanged() -> None:
    with pytest.raises(DecodeError, match=r"^as it was$"), translate_errors("PNG"):
        raise DecodeError("as it was")


def test_an_interrupt_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt), translate_errors("PNG"):
        raise KeyboardInterrupt


def provoke_warning() -> None:
    """Make Pillow warn from its own code."""
    assert Image.MAX_IMAGE_PIXELS is not None
    Image._decompression_bomb_check((Image.MAX_IMAGE_PIXELS + 1, 1))


def test_pillow_still_warns_all_others() -> None:
    with pytest.warns(Image.DecompressionBombWarning) as caught:
        provoke_warning()
    assert caught[0].filename == Image.__file__


def test_pillow_is_silent_inside_even_if_warnings_are_errors() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        with hush():
            with hush():
                provoke_warning()
            provoke_warning()
        with pytest.raises(Image.DecompressionBombWarning):
            provoke_warning()
    assert not caught


def test_an_exception_ends_the_silence() -> None:
    with pytest.raises(KeyError), hush():
        raise KeyError
    with pytest.warns(Image.DecompressionBombWarning):
        provoke_warning()


def test_other_threads_are_not_silenced() -> None:
    inside, checked = threading.Event(), threading.Event()

    def decode() -> None:
        with hush():
            inside.set()
            checked.wait(5)

    thread = threading.Thread(target=decode)
    thread.start()
    assert inside.wait(5)
    try:
        with pytest.warns(Image.DecompressionBombWarning):
            provoke_warning()
    finally:
        checked.set()
        thread.join()


def test_the_log_is_silent_inside_only(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("PIL.TiffImagePlugin")
    with hush():
        logger.error("unheard")
    logger.error("heard")
    assert caplog.messages == ["heard"]


def test_the_rest_of_the_warnings_module_is_reachable() -> None:
    seen_by_pillow = vars(Image)["warnings"]
    assert seen_by_pillow.catch_warnings is warnings.catch_warnings


def test_repeating_changes_nothing() -> None:
    before = vars(Image)["warnings"]
    make_hushable(Image)
    assert vars(Image)["warnings"] is before
    assert TiffImagePlugin.logger.filters.count(TiffImagePlugin.logger.filters[-1]) == 1
