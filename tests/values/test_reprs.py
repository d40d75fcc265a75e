"""Values in logs and tracebacks: no repr shows a hash."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hashmatch
from hashmatch.fingerprint import fingerprint_hashes, hash_image
from hashmatch.index import Index
from hashmatch.screener import Screener
from hashmatch.values import Hash, VideoHash

HEX = "0123456789abcdef" * 4


def shown_by(value: object) -> str:
    return repr(value) + str(value)


def leaks(text: str, code: bytes) -> bool:
    """Return whether text shows at least four bytes of a code in a row."""
    numbers = [f"{list(code[at : at + 4])}"[1:-1] for at in range(len(code) - 3)]
    hexes = [code[at : at + 4].hex() for at in range(len(code) - 3)]
    spaced = [number.replace(",", "") for number in numbers]
    plain = " ".join(text.lower().split())
    return any(part in plain for part in (*numbers, *hexes, *spaced))


def test_the_check_itself_finds_a_code() -> None:
    code = bytes.fromhex(HEX)
    for shown in (HEX.upper(), str(list(code)), str(np.frombuffer(code, np.uint8))):
        assert leaks(shown, code)
    assert not leaks("Hash(algorithm='pdq', quality=100)", code)


def test_values_do_not_show_codes() -> None:
    code = bytes.fromhex(HEX)
    one = Hash("pdq", np.frombuffer(code, np.uint8), 100)
    codes = np.frombuffer(code, np.uint8)[None]
    video = VideoHash(codes, np.array([100]), np.array([0]), np.array([0.0]))
    fingerprints = fingerprint_hashes({"pdq": HEX})
    for value in (one, video, fingerprints, fingerprints.get("pdq")):
        assert not leaks(shown_by(value), code)
    assert one.hex == HEX


def test_decisions_do_not_show_hashes(demo: Path) -> None:
    picture = demo / "images" / "coffee.jpg"
    code = hash_image(picture).code.tobytes()
    screener = Screener.open(demo, policy=demo / "policy.toml")
    decision = screener.screen(picture)
    assert decision.matches
    for value in (decision, *decision.matches, *decision.hashes, screener, Index.open(demo)):
        assert not leaks(shown_by(value), code)
    assert code.hex() in str(decision.to_dict())  # the row itself holds it, by design


def test_errors_do_not_show_hashes() -> None:
    code: Any
    for code in (HEX, bytes.fromhex(HEX), [HEX], [300] * 32, {HEX: 1}):
        for make in (
            lambda code: Hash("pdq", code, 100),
            lambda code: VideoHash(code, np.array([1]), np.array([0]), np.array([0.0])),
        ):
            with pytest.raises(ValueError, match="must") as wrong:
                make(code)
            assert not leaks(str(wrong.value), bytes.fromhex(HEX))
            assert wrong.value.__suppress_context__ or wrong.value.__context__ is None
    for given in (HEX[:-1], HEX + "0", "x" + HEX[1:]):
        with pytest.raises(ValueError, match="expected 64 hex digits") as caught:
            fingerprint_hashes({"pdq": given})
        assert not leaks(str(caught.value), bytes.fromhex(HEX))
    with pytest.raises(hashmatch.HashmatchError) as refused:
        raise hashmatch.HashListError("a.csv row 2: malformed")
    assert not leaks(shown_by(refused.value), bytes.fromhex(HEX))
