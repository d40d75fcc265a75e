"""Hashes made elsewhere become fingerprints; a wrong one is never shown."""

from typing import Any

import numpy as np
import pytest

from hashmatch.fingerprint import fingerprint_hashes
from hashmatch.values import Hash

HEX = "0f" * 32
CODE = bytes.fromhex(HEX)


@pytest.mark.parametrize(
    "given", [HEX, HEX.upper(), CODE, Hash("pdq", np.frombuffer(CODE, np.uint8), None)]
)
@pytest.mark.parametrize("n", [0, 1, 3])
def test_every_form_of_a_hash_is_the_same(given: Any, n: int) -> None:
    hashes = {"pdq": [given] * n if n else given}
    (made,) = fingerprint_hashes(hashes, content_id="upload-1")
    n_views = max(1, n)
    assert (made.algorithm, made.decode, made.quality) == ("pdq", "given", None)
    assert made.codes.tobytes() == CODE * n_views
    assert made.views == ("as_stored",) * n_views


def test_segments_digests_and_qualities() -> None:
    picture = Hash("pdq", np.zeros(32, np.uint8), 37)
    made = fingerprint_hashes(
        {"pdq": picture, "md5": "00" * 16, "crop-resistant": ["01" * 8, "02" * 8]}
    )
    assert list(made.attempts) == ["crop-resistant", "md5", "pdq"]
    assert (made.content_id, made.sha256, made.error) == ("", None, None)
    pdq, digest, segments = (made.get(name) for name in ("pdq", "md5", "crop-resistant"))
    assert pdq is not None
    assert digest is not None
    assert segments is not None
    assert pdq.qualities == (37,)
    assert digest.codes.tobytes() == bytes(16)
    assert segments.views == ("segment_1", "segment_2")
    assert made.get("phash") is None


@pytest.mark.parametrize(
    ("hashes", "reason"),
    [
        ({}, "no hashes were given"),
        ({"pdq": []}, "pdq: no hash was given"),
        ({HEX: "pdq"}, "unknown hash algorithm; known: ahash, "),
        ({"PDQ": HEX}, "unknown hash algorithm"),
        ({"pdq": HEX[1:]}, "pdq: expected 64 hex digits, found 63 characters"),
        ({"pdq": "x" + HEX[1:]}, "pdq: expected 64 hex digits, found something that is not hex"),
        ({"pdq": "٣" * 64}, "not hex"),
        ({"pdq": HEX + "\n"}, "not hex"),
        ({"phash": HEX}, "phash: expected 16 hex digits, found 64 characters"),
        ({"pdq": CODE[1:]}, "pdq: expected 32 bytes, found 31"),
        ({"pdq": HEX.encode()}, "pdq: expected 32 bytes, found 64"),
        ({"md5": [HEX[:32], HEX]}, "md5: expected 32 hex digits, found 64 characters"),
        ({"phash": Hash("dhash", np.zeros(8, np.uint8), None)}, "64 bits by phash, found another"),
    ],
)
def test_a_wrong_hash_is_refused_and_not_shown(hashes: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        fingerprint_hashes(hashes)
    said = str(caught.value)
    assert "\n" not in said
    assert HEX[1:] not in said
    assert HEX.encode().hex()[2:] not in said


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (7, "int"),
        (None, "NoneType"),
        ([None], "NoneType"),
        ([[HEX]], "list"),
        ({HEX}, "set"),
        (bytearray(CODE), "bytearray"),
        (memoryview(CODE), "memoryview"),
        (np.zeros(32, np.uint8), "ndarray"),
    ],
)
def test_another_type_of_hash_is_a_type_error(given: Any, kind: str) -> None:
    message = f"pdq: a hash must be hex, bytes or a Hash, not {kind}$"
    with pytest.raises(TypeError, match=message):
        fingerprint_hashes({"pdq": given})


@pytest.mark.parametrize("hashes", [None, HEX, [("pdq", HEX)]])
def test_hashes_come_by_algorithm(hashes: Any) -> None:
    with pytest.raises(TypeError, match="hashes must be a mapping from algorithms, not") as caught:
        fingerprint_hashes(hashes)
    assert HEX not in str(caught.value)
