"""Evasions by tone and by what an allow-list knows, each with its harmless twin."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.cli import main
from hashmatch.fingerprint import hash_image
from hashmatch.index import build_index
from hashmatch.screener import Screener
from hashmatch.values import Decision

Grey = NDArray[np.uint8]
MakeClip = Callable[..., bytes]
Encoder = Callable[[Image.Image], bytes]
Frames = Callable[[Sequence[Image.Image]], bytes]

SIZE = (384, 335)  # of galaxies.jpg, whose hash does not survive another

GOOD, BAD = "galaxies", "cat"  # on the lists of known-good pictures (and of spam), and of spam


@pytest.fixture(scope="module")
def listed(demo: Path) -> Callable[[str], Image.Image]:
    def load(name: str) -> Image.Image:
        with Image.open(demo / f"images/{name}.jpg") as image:
            return image.convert("RGB").resize(SIZE)

    return load


@pytest.fixture(scope="module")
def unlisted(demo: Path) -> Image.Image:
    with Image.open(demo / "uploads/unrelated-cameraman.jpg") as image:
        return image.convert("RGB").resize(SIZE)


@pytest.fixture(scope="module")
def screener(demo: Path) -> Screener:
    return Screener.open(demo, demo / "policy.toml")


@pytest.fixture(scope="module")
def video(make_clip: MakeClip) -> Frames:
    """Return what encodes pictures as a video, a second each."""

    def encode(pictures: Sequence[Image.Image]) -> bytes:
        grey: list[Grey] = [np.asarray(one.convert("L")) for one in pictures]
        return make_clip([one for one in grey for _ in range(10)], "mkv", "ffv1")

    return encode


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def several(file_format: str, **options: Any) -> Frames:
    def encode(pictures: Sequence[Image.Image]) -> bytes:
        first, *others = (one.copy() for one in pictures)  # a picture keeps its last encoder
        return saved(first, file_format, save_all=True, append_images=others, **options)

    return encode


def fired(decision: Decision) -> set[str]:
    """Return the names of the rules that stand."""
    return {rule.name for rule in decision.rules if rule.suppressed_by is None}


MANY = {
    "gif": several("GIF", duration=[10, 60000]),
    "png": several("PNG", duration=[10, 60000]),
    "webp": several("WEBP", duration=[10, 60000], lossless=True),
    "gif in no time": several("GIF", duration=[0, 0]),
    "tiff": several("TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("kind", [*MANY, "video"])
@pytest.mark.parametrize("order", [(GOOD, BAD), (BAD, GOOD)])
def test_an_allowed_picture_does_not_speak_for_another(
    kind: str,
    order: tuple[str, str],
    listed: Callable[[str], Image.Image],
    unlisted: Image.Image,
    screener: Screener,
    video: Frames,
) -> None:
    encode = MANY.get(kind, video)
    decision = screener.screen(encode([listed(name) for name in order]))
    assert (decision.action, fired(decision)) == ("block", {"known-good", "spam"})
    twin = screener.screen(encode([listed(GOOD), unlisted]))
    assert (twin.action, fired(twin)) == ("allow", {"known-good"})


def hidden_under(alpha_of: Image.Image, colours: Image.Image, ground: int) -> Image.Image:
    """Return a picture of some colours that looks like another one on a ground."""
    shown = np.asarray(alpha_of.convert("L")).astype(float)
    under = np.asarray(colours.convert("L")).astype(float)
    if ground:
        under, shown = under * 0.5, 160 + shown * 0.37
        alpha = (255 - shown) / (255 - under)
    else:
        under, shown = 128 + under * 0.49, shown * 0.45
        alpha = shown / under
    bands = [np.round(each).clip(0, 255).astype(np.uint8) for each in (under, 255 * alpha)]
    return Image.merge("LA", [Image.fromarray(band) for band in bands])


@pytest.mark.parametrize("ground", [255, 0])
@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_colours_that_nobody_sees_allow_nothing(
    ground: int,
    file_format: str,
    listed: Callable[[str], Image.Image],
    unlisted: Image.Image,
    screener: Screener,
) -> None:
    options = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    mode = "LA" if file_format == "PNG" else "RGBA"

    def upload(shown: Image.Image, under: Image.Image) -> bytes:
        return saved(hidden_under(shown, under, ground).convert(mode), file_format, **options)

    decision = screener.screen(upload(listed(BAD), listed(GOOD)))
    assert {match.list for match in decision.matches} == {"demo-known-good", "demo-spam"}
    assert (decision.action, "spam" in fired(decision)) == ("block", True)
    # The allowed picture on a ground, and on the spam list too: nothing else is to be seen.
    twin = screener.screen(upload(listed(GOOD), unlisted))
    assert (twin.action, fired(twin)) == ("allow", {"known-good"})


RULES = """\
version = "1"
default = "allow"
on_error = { action = "review", queue = "q" }
[[rules]]
name = "good"
when = { harm = "good", max_distance = 10 }
action = "allow"
suppresses = ["bad"]
[[rules]]
name = "bad"
when = { harm = "bad", max_distance = 31 }
action = "block"
"""
WITH_FILES = RULES.replace('["bad"]', '["bad", "bad-file"]')
WITH_FILES += """\
[[rules]]
name = "good-file"
when = { harm = "good", algorithm = "sha256" }
action = "allow"
suppresses = ["bad", "bad-file"]
[[rules]]
name = "bad-file"
when = { harm = "bad", algorithm = "sha256" }
action = "block"
"""


@pytest.fixture
def opened_on(tmp_path: Path) -> Callable[..., Screener]:
    """Return what opens an index of good and bad hashes."""

    def build(*rows: tuple[str, str, str], rules: str = RULES) -> Screener:
        with (tmp_path / "l.csv").open("w", newline="") as file:
            table = [(number, *row) for number, row in enumerate(rows)]
            csv.writer(file).writerows([("entry_id", "harm", "algorithm", "hash"), *table])
        (tmp_path / "recipe.toml").write_text(
            'name = "own"\n[[lists]]\nname = "l"\nfile = "l.csv"\nversion = "1"\n'
        )
        (tmp_path / "policy.toml").write_text(rules)
        build_index(tmp_path)
        return Screener.open(tmp_path, tmp_path / "policy.toml")

    return build


def flipped(digits: str, n_bits: int) -> str:
    number = int(digits, 16)
    for bit in range(n_bits):
        number ^= 1 << (7 * bit)
    return f"{number:0{len(digits)}x}"


def test_a_nearer_listed_picture_is_not_allowed(
    listed: Callable[[str], Image.Image], opened_on: Callable[..., Screener]
) -> None:
    data = saved(listed(BAD), "PNG")
    own = hash_image(data).hex
    near = opened_on(("good", "pdq", flipped(own, 8)), ("bad", "pdq", own)).screen(data)
    assert near.action == "block"
    far = opened_on(("good", "pdq", own), ("bad", "pdq", flipped(own, 8))).screen(data)
    assert (far.action, fired(far)) == ("allow", {"good"})


def test_an_entry_met_twice_is_not_allowed_by_one_of_the_pictures(
    listed: Callable[[str], Image.Image], opened_on: Callable[..., Screener]
) -> None:
    """Both lists have one hash; the second page is too far for the allow-list alone."""
    picture = listed(BAD)
    edited = picture.copy()
    patch = SIZE[0] // 5, SIZE[1] // 5
    edited.paste(picture.resize(patch).rotate(180), patch)
    own, other = hash_image(saved(picture, "PNG")), hash_image(saved(edited, "PNG"))
    distance = int(np.bitwise_count(own.code ^ other.code).sum())
    assert 10 < distance <= 31
    screener = opened_on(("good", "pdq", own.hex), ("bad", "pdq", own.hex))
    decision = screener.screen(MANY["tiff"]([picture, edited]))
    assert decision.action == "block"
    (bad,) = (match for match in decision.matches if match.harm == "bad")
    assert (bad.view, bad.distance) == ("page2", distance)
    assert screener.screen(MANY["tiff"]([picture, picture.rotate(180)])).action == "allow"


def test_what_is_inside_an_allowed_frame(
    listed: Callable[[str], Image.Image], opened_on: Callable[..., Screener]
) -> None:
    """The whole speaks for its trimmed part, and not the other way round."""
    framed = Image.new("RGB", (SIZE[0] + 144, SIZE[1]))
    framed.paste(listed(BAD), (72, 0))
    data, inside = saved(framed, "PNG"), saved(listed(BAD), "PNG")
    whole, part = hash_image(data).hex, hash_image(inside).hex
    allowed = opened_on(("good", "pdq", whole), ("bad", "pdq", part)).screen(data)
    assert (allowed.action, allowed.n_matches) == ("allow", 2)
    blocked = opened_on(("good", "pdq", part), ("bad", "pdq", whole)).screen(data)
    assert (blocked.action, blocked.n_matches) == ("block", 2)


def test_a_digest_is_not_allowed_by_what_the_picture_looks_like(
    listed: Callable[[str], Image.Image], opened_on: Callable[..., Screener]
) -> None:
    data = saved(listed(BAD), "PNG")
    seen, file = hash_image(data).hex, hashlib.sha256(data).hexdigest()
    rows = ("good", "pdq", seen), ("bad", "sha256", file)
    assert opened_on(*rows, rules=WITH_FILES).screen(data).action == "block"
    rows = ("bad", "pdq", seen), ("good", "sha256", file)
    screener = opened_on(*rows, rules=WITH_FILES)
    assert screener.screen(data).action == "allow"
    assert screener.screen(data + b"\0").action == "block"


ENCODERS: dict[str, Encoder] = {
    "jpeg": lambda image: saved(image, "JPEG", quality=85),
    "poor jpeg": lambda image: saved(image, "JPEG", quality=50),
    "png": lambda image: saved(image, "PNG"),
    "grey png": lambda image: saved(image.convert("L"), "PNG"),
    "gif": lambda image: saved(image, "GIF"),
    "webp": lambda image: saved(image, "WEBP", quality=80),
    "tiff": lambda image: saved(image, "TIFF"),
    "turned": lambda image: saved(image.rotate(90, expand=True), "PNG"),
    "barred": lambda image: saved(barred(image), "PNG"),
}


def encoder_of(kind: str, video: Frames) -> Encoder:
    """Return what encodes a picture; a video shows it for a second."""
    return ENCODERS[kind] if kind in ENCODERS else lambda image: video([image])


def barred(image: Image.Image) -> Image.Image:
    tall = Image.new("RGB", (image.width, image.height + 120))
    tall.paste(image, (0, 60))
    return tall


def faded(image: Image.Image, contrast: float) -> Image.Image:
    return image.point(lambda level: round(128 + contrast * (level - 128)))


@pytest.mark.parametrize("kind", [*ENCODERS, "video"])
@pytest.mark.parametrize("contrast", [0.12, 0.2, 0.3])
def test_a_faded_copy_is_as_good_as_a_clear_one(
    kind: str,
    contrast: float,
    listed: Callable[[str], Image.Image],
    unlisted: Image.Image,
    screener: Screener,
    video: Frames,
) -> None:
    encode = encoder_of(kind, video)
    decision = screener.screen(encode(faded(listed(BAD), contrast)))
    assert (decision.action, fired(decision)) == ("block", {"spam"})
    assert screener.screen(encode(faded(unlisted, contrast))).n_matches == 0


@pytest.mark.parametrize("kind", [*ENCODERS, "video"])
def test_a_negative_is_the_picture(
    kind: str,
    listed: Callable[[str], Image.Image],
    unlisted: Image.Image,
    screener: Screener,
    video: Frames,
) -> None:
    encode = encoder_of(kind, video)

    def negative(image: Image.Image) -> Image.Image:
        return image.point(lambda level: 255 - level)

    decision = screener.screen(encode(negative(listed(BAD))))
    assert (decision.action, fired(decision)) == ("block", {"spam"})
    assert "negative" in decision.matches[0].view.split("/")
    both = screener.screen(encode(faded(negative(listed(BAD)), 0.2)))
    assert both.action == "block"
    assert screener.screen(encode(negative(unlisted))).n_matches == 0


def walls() -> list[bytes]:
    """Return 120 plain walls: noise, gradients, vignettes and lamps, in formats and sizes."""
    rng = np.random.default_rng(20261129)
    found = []
    for number in range(120):
        height, width = ((240, 320), (540, 360), (150, 200))[number % 3]
        y, x = np.mgrid[0:height, 0:width] / (height, width)[0]
        amplitude, turn = rng.choice([0, 3, 8, 20, 40]), rng.uniform(0, 6)
        slope = np.cos(turn) * x + np.sin(turn) * y if number % 2 else -2 * ((x - 0.5) ** 2 + y**2)
        noise = rng.normal(0, rng.choice([0, 0.5, 1, 2, 3]), (height, width, 1))
        level = rng.uniform(40, 200, 3) + (amplitude * slope)[..., None] + noise
        wall = Image.fromarray(level.clip(0, 255).astype(np.uint8))
        encode = tuple(ENCODERS[kind] for kind in ("jpeg", "poor jpeg", "png", "webp", "gif"))
        found.append(encode[number % 5](wall))
    return found


def test_a_plain_wall_does_not_become_a_clear_picture(opened_on: Callable[..., Screener]) -> None:
    """Every wall is within the radius of all, and none is good enough for a rule."""
    anything = RULES.replace("max_distance = 31", "max_distance = 256")
    screener = opened_on(("good", "pdq", "00" * 32), ("bad", "pdq", "00" * 32), rules=anything)
    for decision in screener.screen_many(walls()):
        assert decision.n_matches == 2
        match = decision.matches[0]
        assert match.stretched_quality is not None
        assert match.stretched_quality < 50
        assert decision.action == "allow"


@pytest.mark.parametrize(
    ("right", "wrong", "hint"),
    [
        ('harm = "csam"', 'harm = "csma"', 'has no harm "csma"; did you mean csam?'),
        ('harm = "csam"', 'harm = ["csam", "CSAM"]', 'has no harm "CSAM"'),
        ('harm = "spam"', 'list = "demo-spma"', 'no list "demo-spma"; did you mean demo-spam?'),
        (
            'harm = "csam", max',
            'harm = "csam", classification = ["A1", "A7"], max',
            'has no classification "A7"; add a list that has it, or give the rule may_be_absent',
        ),
    ],
)
@pytest.mark.parametrize("command", ["scan", "match"])
def test_a_misspelt_name_is_refused(
    right: str,
    wrong: str,
    hint: str,
    command: str,
    demo: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    policy = tmp_path / "policy.toml"
    text = (demo / "policy.toml").read_text().replace(right, wrong)
    policy.write_text(text)
    what = str(demo / "images/coffee.jpg") if command == "scan" else "00" * 32
    arguments = [command, what, "--index", str(demo), "--policy", str(policy)]
    assert main(arguments) == 1
    said = capfd.readouterr()
    line = text[: text.index(wrong)].count("\n") + 1
    assert said.out == ""
    assert f"{policy}:{line}: rules[" in said.err
    assert hint in said.err
    policy.write_text(text.replace("[[rules]]\n", "[[rules]]\nmay_be_absent = true\n"))
    assert main(arguments) == 0
