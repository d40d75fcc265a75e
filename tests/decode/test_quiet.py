from __future__ import annotations

import logging
import threading
import warnings

import pytest
from PIL import Image, TiffImagePlugin

from hashmatch.decode.pillow_errors import hush, make_hushable

make_hushable(Image)
make_hushable(TiffImagePlugin)


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
