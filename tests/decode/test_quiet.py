from __future__ import annotations

import logging
import threading
import warnings

import pytest
from PIL import Image, TiffImagePlugin

from hashmatch.decode.quiet import hush, make_hushable

make_hushable(Image)
make_hushable(TiffImagePlugin)


def too_big():
    """Have Pillow warn from its own code."""
    Image._decompression_bomb_check((Image.MAX_IMAGE_PIXELS + 1, 1))


def test_pillow_still_warns_everybody_else():
    with pytest.warns(Image.DecompressionBombWarning) as caught:
        too_big()
    assert caught[0].filename == Image.__file__


def test_pillow_is_silent_inside_even_where_warnings_are_errors():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        with hush():
            with hush():
                too_big()
            too_big()
        with pytest.raises(Image.DecompressionBombWarning):
            too_big()
    assert not caught


def test_an_exception_ends_the_silence():
    with pytest.raises(KeyError), hush():
        raise KeyError
    with pytest.warns(Image.DecompressionBombWarning):
        too_big()


def test_other_threads_are_not_silenced():
    inside, checked = threading.Event(), threading.Event()

    def decode():
        with hush():
            inside.set()
            checked.wait(5)

    thread = threading.Thread(target=decode)
    thread.start()
    assert inside.wait(5)
    try:
        with pytest.warns(Image.DecompressionBombWarning):
            too_big()
    finally:
        checked.set()
        thread.join()


def test_the_log_is_silent_inside_only(caplog):
    logger = logging.getLogger("PIL.TiffImagePlugin")
    with hush():
        logger.error("unheard")
    logger.error("heard")
    assert caplog.messages == ["heard"]


def test_the_rest_of_the_warnings_module_is_still_there():
    assert Image.warnings.catch_warnings is warnings.catch_warnings


def test_repeating_changes_nothing():
    before = Image.warnings
    make_hushable(Image)
    assert Image.warnings is before
    assert TiffImagePlugin.logger.filters.count(TiffImagePlugin.logger.filters[-1]) == 1
