"""Algorithms of third parties, installed as pip would: a module and its metadata on sys.path."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hashmatch as hm
from hashmatch.errors import AlgorithmError, DecodeError
from hashmatch.hashing import algorithms, get_algorithm, problems, registry

DOCS = Path(__file__).parents[2] / "docs" / "algorithms.md"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install distributions for one test; forget their modules and algorithms after it."""
    monkeypatch.syspath_prepend(tmp_path)
    before, loaded = set(sys.modules), dict(registry._loaded)

    def install(distribution, module, source, points):
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        )
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[hashmatch.algorithms]\n{lines}")
        importlib.invalidate_caches()
        return tmp_path

    yield install
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    registry._loaded.clear()
    registry._loaded.update(loaded)


def of_the_docs():
    """Return the module and the entry points that docs/algorithms.md shows."""
    text = DOCS.read_text()
    (source,) = re.findall(r"```python\n# (?:\w+)\.py\n(.*?)```", text, re.DOTALL)
    (table,) = re.findall(
        r'\[project\.entry-points\."hashmatch\.algorithms"\]\n(.*?)```', text, re.S
    )
    ((name, value),) = re.findall(r'([\w-]+) = "(.+)"', table)
    return source, name, value


PIXELS = np.random.default_rng(1).integers(0, 256, (50, 60, 3), dtype=np.uint8)

BROKEN = """
import numpy as np
class Hash:
    name, bits, default_radius, consumes = "broken", 64, 4, "grey"
    def hash_pixels(self, pixels):
        {body}
HASH = Hash()
"""


def test_the_example_of_the_docs_works(install):
    source, name, value = of_the_docs()
    install("acme-hashes", value.partition(":")[0], source, {name: value})
    assert name in algorithms()
    assert problems() == []
    made = hm.hash_image(PIXELS, name)
    own = getattr(importlib.import_module(value.partition(":")[0]), value.partition(":")[2])
    assert (made.algorithm, made.bits) == (name, own.bits)
    assert made == hm.hash_image(PIXELS, name)
    assert made != hm.hash_image(255 - PIXELS, name)
    assert get_algorithm(name) is algorithms()[name]


def test_the_example_of_the_docs_from_the_shell(install, tmp_path):
    """In processes of its own: hashed, listed, built, matched, screened, shown."""
    source, name, value = of_the_docs()
    site = install("acme-hashes", value.partition(":")[0], source, {name: value})
    demo = Path(__file__).parents[2] / "indexes" / "demo" / "images"

    def run(*args):
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
    scanned = run("scan", demo, "--index", index, "--policy", index / "policy.toml")
    rows = scanned.stdout.splitlines()
    assert len(rows) > 5
    assert all('"action":"block"' in row and f'"algorithm":"{name}"' in row for row in rows)
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
def test_one_that_fails_on_a_picture_is_an_error_of_the_picture(install, body, reason):
    install("broken", "broken_hash", BROKEN.format(body=body), {"broken": "broken_hash:HASH"})
    where = r"^entry point broken = broken_hash:HASH of broken 1\.2 "
    with pytest.raises(DecodeError, match=where + reason) as raised:
        hm.hash_image(PIXELS, "broken")
    assert "\n" not in str(raised.value)


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
        (BROKEN.replace("64,", "1024,"), "HASH", "is no algorithm: expected bits"),
        (BROKEN.replace("4,", "65,", 2).replace("665,", "64,"), "HASH", "expected default_radius"),
        (BROKEN.replace("grey", "luma"), "HASH", "expected consumes to be one of rgb, grey"),
    ],
)
def test_one_that_is_no_good_is_named_and_harms_no_other(install, source, value, reason):
    body = "return np.zeros(8, np.uint8), None"
    install("broken", "bad_hash", source.replace("{body}", body), {"broken": f"bad_hash:{value}"})
    where = f"^entry point broken = bad_hash:{value} of broken 1\\.2 "
    with pytest.raises(AlgorithmError, match=where + ".*" + reason) as raised:
        get_algorithm("broken")
    assert "\n" not in str(raised.value)
    assert problems() == [str(raised.value)]
    assert "broken" in algorithms()
    assert hm.hash_image(PIXELS, "phash").bits == 64


def test_two_of_one_name_are_refused_by_both_names(install):
    good = BROKEN.format(body="return np.zeros(8, np.uint8), None")
    install("first", "first_hash", good, {"broken": "first_hash:HASH"})
    install("second", "second_hash", good, {"broken": "second_hash:HASH"})
    expected = (
        "algorithm 'broken' is claimed by entry point broken = first_hash:HASH of first 1.2 and "
        "entry point broken = second_hash:HASH of second 1.2; uninstall one of them"
    )
    with pytest.raises(AlgorithmError, match=f"^{re.escape(expected)}$"):
        get_algorithm("broken")
    assert problems() == [expected]
    assert hm.hash_image(PIXELS).bits == 256


def test_nobody_takes_a_name_of_hashmatchs_own(install):
    install("impostor", "impostor", "raise RuntimeError", {"pdq": "impostor:HASH"})
    assert get_algorithm("pdq") is hm.pdq.PDQ
    assert problems() == [
        "entry point pdq = impostor:HASH of impostor 1.2 is left out: 'pdq' is an algorithm of "
        "hashmatch's own"
    ]


def test_one_that_asks_for_colours_gets_them(install):
    source = BROKEN.replace('"grey"', '"rgb"').format(
        body="return np.packbits(pixels[:1, :24].ravel() > 200)[:8], pixels.ndim"
    )
    install("rgb", "rgb_hash", source, {"broken": "rgb_hash:HASH"})
    assert hm.hash_image(PIXELS, "broken").quality == 3
