"""The registry of algorithms."""

import numpy as np
import pytest

from hashmatch.hashing import algorithms, get_algorithm, pdq


def test_pdq_is_registered():
    algorithm = get_algorithm("pdq")
    assert algorithms()["pdq"] is algorithm
    assert (algorithm.name, algorithm.bits, algorithm.default_radius) == ("pdq", 256, 31)
    assert algorithm.orientations == pdq.ORIENTATIONS
    assert algorithm.orientations[0] == "as_stored"


@pytest.mark.parametrize("name", sorted(algorithms()))
def test_every_algorithm_keeps_the_protocol(name):
    algorithm = get_algorithm(name)
    assert algorithm.name == name
    assert algorithm.bits % 8 == 0
    assert 0 <= algorithm.default_radius <= algorithm.bits
    pixels = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    for shaped in (pixels, pixels[..., 0], pixels[..., 0].astype(np.float32)):
        code, quality = algorithm.hash_pixels(shaped)
        codes, same_quality = algorithm.hash_orientations(shaped)
        assert (code.dtype, code.shape) == (np.uint8, (algorithm.bits // 8,))
        assert codes.dtype == np.uint8
        assert codes.shape == (len(algorithm.orientations), algorithm.bits // 8)
        assert np.array_equal(codes[0], code)
        assert quality == same_quality
        assert quality is None or 0 <= quality <= 100


def test_an_unknown_algorithm_is_named_with_those_known():
    with pytest.raises(ValueError, match=r"^unknown hash algorithm 'pdqf'; known: pdq$"):
        get_algorithm("pdqf")


def test_the_registry_cannot_be_changed_through_what_it_gives():
    algorithms().clear()
    assert "pdq" in algorithms()
