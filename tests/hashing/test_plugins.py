"""Algorithms of third parties, installed as pip would or registered by a call."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hashmatch as hm
from hashmatch.errors import AlgorithmError, DecodeError, ErrorKind
from hashmatch.hashing import (
    LumaDrift,
    algorithms,
    get_algorithm,
    get_pixel_hash,
    problems,
    register,
    unregister,
)
from tests.plugin_packages import Install, example_of_the_docs, installing

GROUP = "hashmatch.algorithms"
PIXELS = np.random.default_rng(1).integers(0, 256, (50, 60, 3), dtype=np.uint8)

BROKEN = """
import numpy as np
class Hash:
    name, bits, default_radius, consumes = "broken", 64, 4, "grey"
    def hash_pixels(self, pixels):
        {body}
HASH = Hash()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install distributions for one test; forget their modules and algorithms after it."""
    with installing(tmp_path, monkeypatch, GROUP, unregister) as install:
        yield install


def test_the_example_of_the_docs_works(install: Install) -> None:
    source, module, name, value = example_of_the_docs("algorithms.md", GROUP)
    install("acme-hashes", module, source, {name: value})
    assert name in algorithms()
    assert problems() == []
    found = hm.hash_image(PIXELS, name)
    own = getattr(importlib.import_module(module), value.partition(":")[2])
    assert (found.algorithm, found.bits) == (name, own.bits)
    assert found == hm.hash_image(PIXELS, name)
    assert found != hm.hash_image(255 - PIXELS, name)
    assert get_algorithm(name) is algorithms()[name]
    assert get_algorithm(name).luma_drift == own.luma_drift


def test_the_example_of_the_docs_from_the_shell(install: Install, tmp_path: Path) -> None:
    """In processes of its own: hashed, listed, built, matched, screened, shown."""
    source, module, name, value = example_of_the_docs("algorithms.md", GROUP)
    site = install("acme-hashes", module, source, {name: value})
    demo = Path(__file__).parents[2] / "indexes" / "demo" / "images"

    def run(*args: object) -> subprocess.CompletedProcess[str]:
        code = "import sys; from hashmatch.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", code, *map(str, args)]
        environment = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment)

    index = tmp_path / "index"
    index.mkdir()
    run("hash", demo, "--algorithm", name, "-o", index / "list.csv", "--workers", 2)
    (index / "recipe.toml").write_text(
        'name = "acme"\n[[lists]]\nname = "own"\nfile = "list.csv"\nversion = "1"\n'
        f'harm = "spam"\nalgorithm = "{name}"\ncolumns = {{ entry_id = "path" }}\n'
    )
    run("index", "build", index)
    (index / "policy.toml").write_text(
        'version = "1"\ndefault = "allow"\non_error = { action = "review", queue = "q" }\n'
        '[[rules]]\nname = "copy"\naction = "block"\n'
        f'when = {{ algorithm = "{name}", max_distance = 0, min_quality = 100 }}\n'
    )
    for decode in ("exact", "luma"):
        policy = index / "policy.toml"
        scanned = run("scan", demo, "--index", index, "--policy", policy, "--decode", decode)
        rows = scanned.stdout.splitlines()
        assert len(rows) > 5
        for row in rows:
            assert '"action":"block"' in row
            assert f'"algorithm":"{name}"' in row
    assert name in run("info", "--json").stdout


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('two\\nlines')", "failed: RuntimeError: two lines"),
        ("return 1 / 0", "failed: ZeroDivisionError: division by zero"),
        ("return np.zeros(8, np.uint8)", "failed: ValueError: too many values to unpack"),
        ("return np.zeros(7, np.uint8), None", r"gave uint8 \(7,\), not uint8 \(8,\)"),
        ("return np.zeros(8), None", r"gave float64 \(8,\), not uint8 \(8,\)"),
        ("return np.zeros(8, np.uint8), 101", "gave a quality that is neither None nor 0..100"),
        ("return np.zeros(8, np.uint8), 'high'", "gave a quality that is neither None nor"),
    ],
)
def test_a_failure_on_a_picture_is_an_error_of_the_picture(
    install: Install, body: str, reason: str
) -> None:
    install("broken", "broken_hash", BROKEN.format(body=body), {"broken": "broken_hash:HASH"})
    where = r"^entry point broken = broken_hash:HASH of broken 1\.2 "
    with pytest.raises(DecodeError, match=where + reason) as raised:
        hm.hash_image(PIXELS, "broken")
    assert "\n" not in str(raised.value)
    assert raised.value.kind is ErrorKind.NOT_HASHED


@pytest.mark.parametrize(
    ("source", "value", "reason"),
    [
        ("import no_such_module", "HASH", "cannot be loaded: ModuleNotFoundError: No module"),
        ("raise SystemError('a\\nb')", "HASH", "cannot be loaded: SystemError: a b"),
        ("x = (", "HASH", "cannot be loaded: SyntaxError"),
        ("", "HASH", "cannot be loaded: AttributeError"),
        ("HASH = 3", "HASH", "is no algorithm: expected an object with the attributes"),
        (BROKEN, "Hash", "is no algorithm: expected an object with the attributes"),
        (BROKEN.replace('"broken"', '"other"'), "HASH", "is no algorithm: expected its name"),
        (BROKEN.replace("64,", "65,"), "HASH", "is no algorithm: expected bits"),
        (BROKEN.replace("64,", "64.0,"), "HASH", "is no algorithm: expected bits"),
        (BROKEN.replace("64,", "1024,"), "HASH", "is no algorithm: expected bits"),
        (BROKEN.replace("4,", "65,", 2).replace("665,", "64,"), "HASH", "expected default_radius"),
        (BROKEN.replace("grey", "luma"), "HASH", "expected consumes to be one of rgb, grey"),
        (BROKEN + "Hash.luma_drift = 16", "HASH", "expected luma_drift to be None or a LumaDrift"),
    ],
)
def test_an_unusable_plugin_is_named_and_harms_no_other(
    install: Install, source: str, value: str, reason: str
) -> None:
    body = "return np.zeros(8, np.uint8), None"
    install("broken", "bad_hash", source.replace("{body}", body), {"broken": f"bad_hash:{value}"})
    where = f"^entry point broken = bad_hash:{value} of broken 1\\.2 "
    with pytest.raises(AlgorithmError, match=where + ".*" + reason) as raised:
        get_algorithm("broken")
    assert "\n" not in str(raised.value)
    assert problems() == [str(raised.value)]
    assert "broken" in algorithms()
    assert hm.hash_image(PIXELS, "phash").bits == 64


def test_two_plugins_of_one_name_are_refused_by_both_names(install: Install) -> None:
    good = BROKEN.format(body="return np.zeros(8, np.uint8), None")
    install("first", "first_hash", good, {"broken": "first_hash:HASH"})
    install("second", "second_hash", good, {"broken": "second_hash:HASH"})
    expected = (
        "algorithm 'broken' is claimed by entry point broken = first_hash:HASH of first 1.2 and "
        "entry point broken = second_hash:HASH of second 1.2; uninstall one"
    )
    with pytest.raises(AlgorithmError, match=f"^{re.escape(expected)}$"):
        get_algorithm("broken")
    assert problems() == [expected]
    assert hm.hash_image(PIXELS).bits == 256


def test_a_plugin_cannot_take_a_name_of_hashmatchs_own(install: Install) -> None:
    install("impostor", "impostor", "raise RuntimeError", {"pdq": "impostor:HASH"})
    assert get_algorithm("pdq") is hm.pdq.PDQ
    assert problems() == [
        "entry point pdq = impostor:HASH of impostor 1.2 is ignored: 'pdq' is hashmatch's own "
        "algorithm"
    ]


def test_a_plugin_that_consumes_colours_gets_them(install: Install) -> None:
    source = BROKEN.replace('"grey"', '"rgb"').format(
        body="return np.packbits(pixels[:1, :24].ravel() > 200)[:8], pixels.ndim"
    )
    install("rgb", "rgb_hash", source, {"broken": "rgb_hash:HASH"})
    assert hm.hash_image(PIXELS, "broken").quality == 3


class Mean:
    """The mean of grey, as often as it takes to fill 64 bits."""

    name = "mean"
    bits = 64
    default_radius = 4
    consumes = "grey"

    def hash_pixels(self, pixels: Any) -> tuple[Any, int]:
        """Return the code and the quality."""
        return np.full(8, pixels.mean(), np.uint8), 100


def test_a_registered_algorithm_is_there_until_it_is_taken_out() -> None:
    with register(Mean()):
        assert "mean" in algorithms()
        assert hm.hash_image(PIXELS, "mean").quality == 100
        found = get_pixel_hash("mean")
        assert (found.exact_only, found.luma_drift) == (False, None)
        with pytest.raises(ValueError, match=r"^the name 'mean' is taken by another algorithm$"):
            register(Mean())
    assert "mean" not in algorithms()
    with pytest.raises(ValueError, match="unknown hash algorithm 'mean'"):
        get_algorithm("mean")
    undo = register(Mean())
    undo.close()
    register(Mean())
    unregister("mean")
    assert "mean" not in algorithms()


def test_what_is_registered_is_checked_as_a_plugin_is() -> None:
    with pytest.raises(ValueError, match="the name 'pdq' is taken by another algorithm"):
        register(hm.pdq.PDQ)
    own = Mean()
    own.bits = 65
    with pytest.raises(AlgorithmError, match=r"^registered algorithm mean is no algorithm: .*bits"):
        register(own)
    assert "mean" not in algorithms()


def test_a_third_party_can_state_its_luma_drift() -> None:
    own: Any = Mean()
    own.luma_drift = LumaDrift(margin_bits=3)
    with register(own):
        assert get_algorithm("mean").luma_drift == LumaDrift(3, 0, 0, 0)
