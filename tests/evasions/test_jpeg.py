"""JPEGs made to pass: a listed picture is blocked, and an unlisted one in the same guise is not."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hashmatch.decode import DecodeLimits
from hashmatch.errors import ErrorKind
from hashmatch.fingerprint import hash_image
from hashmatch.hashing.pdq import LUMA_DRIFT
from hashmatch.index import build_index
from hashmatch.screener import Screener, ScreeningOptions

Picture = Image.Image
Guise = Callable[[Picture], bytes]

IMAGES = Path(__file__).parents[2] / "indexes" / "demo" / "images"
FRAME, PROGRESSIVE_FRAME, SCAN, END = b"\xff\xc0", b"\xff\xc2", b"\xff\xda", b"\xff\xd9"
TABLES = b"\xff\xc4"
TRAILER = b"\x00\x00\x00\x18SEFHdata" + bytes(range(256)) * 40
RADIUS_BITS = 31

POLICY = f"""
version = "1"
default = "allow"
on_error = {{ action = "review", queue = "undecodable" }}
[[rules]]
name = "listed"
when = {{ harm = "csam", max_distance = {RADIUS_BITS} }}
action = "block"
"""
RECIPE = """
name = "evasions"
[[lists]]
name = "listed"
file = "list.csv"
version = "1"
harm = "csam"
"""


def encode(image: Picture, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def progressive(image: Picture) -> bytes:
    return encode(image, progressive=True)


def insert(data: bytes, marker: bytes, inserted: bytes) -> bytes:
    at = data.index(marker)
    return data[:at] + inserted + data[at:]


def overwrite(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def near_the_end(data: bytes) -> int:
    return len(data) - len(data) // 40


def with_lines(image: Picture, share: float) -> bytes:
    """State another number of lines than there are."""
    data = encode(image)
    n_lines = int(image.height * share)
    return overwrite(data, data.index(FRAME) + 5, n_lines.to_bytes(2, "big"))


def without_tables(image: Picture) -> bytes:
    """Leave out the Huffman tables, as frames of Motion JPEG do."""
    data = encode(image)
    while TABLES in data:
        at = data.index(TABLES)
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    return data


def with_many_scans(image: Picture) -> bytes:
    data = progressive(image)
    last = data.rindex(SCAN)
    return data[:-2] + data[last : last + 10] * 50_000 + END


def renumber_a_restart(image: Picture) -> bytes:
    data = encode(image, restart_marker_blocks=4)
    *_, last = re.finditer(rb"\xff[\xd0-\xd7]", data)
    return overwrite(data, last.start(), b"\xff" + bytes([last[0][1] ^ 4]))


def drop_a_restart(image: Picture) -> bytes:
    data = encode(image, restart_marker_blocks=4)
    *_, last = re.finditer(rb"\xff[\xd0-\xd7]", data)
    return data[: last.start()] + data[last.end() :]


SAME_PIXELS: dict[str, Guise] = {
    "progressive": progressive,
    "arbitrary sampling of grey": lambda image: encode(image.convert("L")).replace(
        b"\x01\x01\x11\x00", b"\x01\x01\x42\x00", 1
    ),
    "inks": lambda image: encode(image.convert("CMYK")),
    "RGB": lambda image: encode(image, keep_rgb=True),
    "no Huffman tables": without_tables,
    "no end": lambda image: encode(image)[:-2],
    "no end, of inks": lambda image: encode(image.convert("CMYK"))[:-2],
    "no end, progressive": lambda image: progressive(image)[:-2],
    "no end, a trailer behind": lambda image: encode(image)[:-2] + TRAILER,
    "no end, a trailer behind, progressive": lambda image: progressive(image)[:-2] + TRAILER,
    "no end, zeros behind": lambda image: encode(image)[:-2] + bytes(5000),
    "no end, another picture behind": lambda image: encode(image)[:-2] + encode(plain_grey()),
    "another picture behind": lambda image: encode(image) + encode(plain_grey()),
    "junk behind": lambda image: encode(image) + b"\xff\xd8\xff\xda junk \xff",
    "zeros before the end": lambda image: encode(image)[:-2] + bytes(300) + END,
    "junk between the markers": lambda image: insert(encode(image), FRAME, b"junk\xff\xff"),
    "a restart marker in the header": lambda image: insert(encode(image), FRAME, b"\xff\xd3"),
    "an end in a comment": lambda image: encode(image, comment=END * 9),
    "a thousand comments": lambda image: insert(encode(image), FRAME, b"\xff\xfe\x00\x02" * 1000),
    "an unknown version of JFIF": lambda image: encode(image).replace(b"JFIF\0\1", b"JFIF\0\7"),
    "a scan that states another spectrum": lambda image: encode(image).replace(
        b"\x03\x11\x00\x3f\x00", b"\x03\x11\x01\x05\x21", 1
    ),
}

DAMAGED: dict[str, tuple[Guise, ErrorKind]] = {
    "cut": (lambda image: encode(image)[:-300], ErrorKind.TRUNCATED),
    "cut, of inks": (lambda image: encode(image.convert("CMYK"))[:-300], ErrorKind.TRUNCATED),
    "cut, progressive": (lambda image: progressive(image)[:-900], ErrorKind.TRUNCATED),
    "cut, an unknown version of JFIF": (
        lambda image: encode(image).replace(b"JFIF\0\1", b"JFIF\0\7")[:-300],
        ErrorKind.TRUNCATED,
    ),
    "cut, an end behind": (lambda image: encode(image)[:-300] + END, ErrorKind.DAMAGED),
    "cut, a picture behind": (
        lambda image: encode(image)[:-300] + encode(plain_grey()),
        ErrorKind.TRUNCATED,
    ),
    "only the first scans": (
        lambda image: (data := progressive(image))[: data.rindex(SCAN)],
        ErrorKind.TRUNCATED,
    ),
    "a marker in the data": (
        lambda image: overwrite(data := encode(image), near_the_end(data), b"\xff\xd3"),
        ErrorKind.DAMAGED,
    ),
    "a restart marker out of order": (renumber_a_restart, ErrorKind.DAMAGED),
    "a restart marker missing": (drop_a_restart, ErrorKind.DAMAGED),
    "more lines stated than there are": (
        lambda image: with_lines(image, 1.01),
        ErrorKind.DAMAGED,
    ),
    "data behind the picture": (
        lambda image: encode(image)[:-2] + b"more data " * 50 + END,
        ErrorKind.DAMAGED,
    ),
    "thousands of scans": (with_many_scans, ErrorKind.TOO_MUCH_WORK),
}

DECIDED_BY_ERROR: dict[str, tuple[Guise, ErrorKind]] = {
    "cut in the header": (
        lambda image: (data := encode(image))[: data.index(SCAN)],
        ErrorKind.TRUNCATED,
    ),
    "no data": (
        lambda image: (data := encode(image))[: data.index(SCAN) + 14] + END,
        ErrorKind.DAMAGED,
    ),
    "lines stated after the data": (lambda image: with_lines(image, 0), ErrorKind.DAMAGED),
    "12 bits": (
        lambda image: overwrite(data := encode(image), data.index(FRAME) + 4, b"\x0c"),
        ErrorKind.UNSUPPORTED,
    ),
    "hierarchical": (
        lambda image: encode(image).replace(FRAME, b"\xff\xc5", 1),
        ErrorKind.UNSUPPORTED,
    ),
    "two frames": (
        lambda image: insert(
            data := encode(image), SCAN, data[data.index(FRAME) : data.index(FRAME) + 19]
        ),
        ErrorKind.DAMAGED,
    ),
    "a million comments": (
        lambda image: insert(encode(image), FRAME, b"\xff\xfe\x00\x02" * 1_000_000),
        ErrorKind.TOO_MUCH_WORK,
    ),
    "more pixels stated than allowed": (
        lambda image: overwrite(data := encode(image), data.index(FRAME) + 5, b"\xff\xdc" * 2),
        ErrorKind.TOO_LARGE,
    ),
    "many fewer lines stated than there are": (
        lambda image: with_lines(image, 0.8),
        ErrorKind.DAMAGED,
    ),
    "junk before": (lambda image: b"junk" + encode(image), ErrorKind.NOT_MEDIA),
}


def plain_grey() -> Picture:
    return Image.new("RGB", (64, 48), (90, 90, 90))


def dots(image: Picture) -> Image.Image:
    """Draw a picture in dots of one bit, of a pixel each."""
    return image.convert("L").convert("1")


def two_faced(shown: Picture, in_luma: Picture) -> bytes:
    """Make a JPEG that people see as one picture and whose Y plane is another.

    Chroma is so far out of the gamut of RGB that all is clipped, to green or to magenta.
    """
    luma = in_luma.convert("L").resize(shown.size).point(lambda level: 111 + level // 8)
    chroma = dots(shown).convert("L").point(lambda level: 255 - level)
    return encode(Image.merge("YCbCr", (luma, chroma, chroma)), quality=95, subsampling=0)


def halftone(image: Picture) -> bytes:
    """Print a picture in red and blue dots, by an ordinary encoder."""
    is_light = np.asarray(dots(image))[:, :, None]
    pixels = np.where(is_light, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    return encode(Image.fromarray(pixels), quality=30)


def false_colours(image: Picture) -> bytes:
    """Declare the planes of red, green and blue to be those of YCbCr."""
    red, green, blue = image.split()
    return encode(Image.merge("YCbCr", (blue, red, green)), quality=90)


@dataclass(frozen=True)
class Pair:
    listed: Picture
    harmless: Picture


@pytest.fixture(scope="module")
def pair() -> Pair:
    coffee, rocket = (
        Image.open(IMAGES / f"{name}.jpg").convert("RGB") for name in ("coffee", "rocket")
    )
    return Pair(coffee, rocket)


def open_screener(folder: Path, codes: list[str], **options: Any) -> Screener:
    folder.mkdir(exist_ok=True)
    rows = "".join(f"e-{number},{code}\n" for number, code in enumerate(codes))
    (folder / "list.csv").write_text(f"entry_id,hash\n{rows}")
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "policy.toml").write_text(POLICY)
    build_index(folder)
    return Screener.open(folder, folder / "policy.toml", options=ScreeningOptions(**options))


@pytest.fixture(scope="module")
def screener(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Screener:
    folder = tmp_path_factory.mktemp("evasions")
    limits = DecodeLimits(max_decoded_pixels=2**30)
    return open_screener(folder, [hash_image(pair.listed).hex], limits=limits)


@pytest.mark.parametrize("kind", SAME_PIXELS)
def test_a_guise_that_changes_no_pixel(kind: str, pair: Pair, screener: Screener) -> None:
    make = SAME_PIXELS[kind]
    listed, harmless = screener.screen(make(pair.listed)), screener.screen(make(pair.harmless))
    assert (listed.action, listed.error) == ("block", None)
    assert listed.matches[0].distance <= 6
    assert (harmless.action, harmless.error, harmless.n_matches) == ("allow", None, 0)


@pytest.mark.parametrize("kind", DAMAGED)
def test_damage(kind: str, pair: Pair, screener: Screener) -> None:
    make, error_kind = DAMAGED[kind]
    listed, harmless = screener.screen(make(pair.listed)), screener.screen(make(pair.harmless))
    assert (listed.action, listed.error_kind) == ("block", error_kind)
    assert (harmless.action, harmless.error_kind, harmless.n_matches) == ("review", error_kind, 0)


@pytest.mark.parametrize("kind", DECIDED_BY_ERROR)
def test_what_shows_another_picture_or_none_is_an_error(
    kind: str, pair: Pair, screener: Screener
) -> None:
    make, error_kind = DECIDED_BY_ERROR[kind]
    decision = screener.screen(make(pair.listed))
    assert (decision.action, decision.error_kind) == ("review", error_kind)


def test_a_byte_that_is_corrupt_in_any_place(pair: Pair, screener: Screener) -> None:
    """The hash is of what is shown: the part before the damage, or all if nothing is noticed."""
    data = encode(pair.listed)
    rng = np.random.default_rng(5)
    start = data.index(SCAN) + 14
    n_blocked = 0
    for at in rng.integers(start, len(data) - 2, 40).tolist():
        damaged = overwrite(data, at, bytes([data[at] ^ int(rng.integers(1, 256))]))
        decision = screener.screen(damaged)
        with Image.open(io.BytesIO(damaged)) as image:
            shown = hash_image(image.convert("RGB"))
        assert decision.hashes[0].hex == shown.hex
        distance = int(np.bitwise_count(shown.code ^ hash_image(pair.listed).code).sum())
        assert (decision.action == "block") >= (distance <= RADIUS_BITS)
        n_blocked += decision.action == "block"
    assert n_blocked > 10


def test_two_faces(pair: Pair, tmp_path: Path) -> None:
    gravel = Image.open(IMAGES / "gravel.jpg").convert("RGB")
    shown_listed = two_faced(pair.listed, in_luma=gravel)
    shown_harmless = two_faced(gravel, in_luma=pair.listed)
    code = hash_image(pair.listed).code
    exact, luma = (hash_image(shown_listed, decode=way).code for way in ("exact", "luma"))
    assert np.bitwise_count(code ^ exact).sum() <= RADIUS_BITS
    assert np.bitwise_count(code ^ luma).sum() > RADIUS_BITS + LUMA_DRIFT.margin_bits
    screener = open_screener(tmp_path, [code.tobytes().hex()])
    assert screener.screen(shown_listed).action == "block"
    harmless = screener.screen(shown_harmless)
    assert (harmless.action, harmless.n_matches) == ("allow", 0)
    # As the documentation says, what luma first can miss.
    trusting = open_screener(tmp_path, [code.tobytes().hex()], decode="luma")
    assert trusting.screen(shown_listed).n_matches == 0


@pytest.mark.parametrize(
    ("make", "name", "n_bits"), [(halftone, "bricks", 28), (false_colours, "retina", 0)]
)
def test_strong_colours(make: Guise, name: str, n_bits: int, pair: Pair, tmp_path: Path) -> None:
    """An entry at the edge of the radius, or the very file itself."""
    file = make(Image.open(IMAGES / f"{name}.jpg").convert("RGB"))
    exact, luma = (hash_image(file, decode=way).code for way in ("exact", "luma"))
    # Bits that luma has as well are flipped, so that its distance is the sum of both.
    equal = np.flatnonzero(np.unpackbits(exact ^ luma) == 0)[:n_bits]
    entry = exact ^ np.packbits(np.isin(np.arange(256), equal))
    assert np.bitwise_count(entry ^ exact).sum() == n_bits
    assert np.bitwise_count(entry ^ luma).sum() > RADIUS_BITS + LUMA_DRIFT.margin_bits
    screener = open_screener(tmp_path, [entry.tobytes().hex()])
    listed, harmless = screener.screen(file), screener.screen(make(pair.harmless))
    assert (listed.action, listed.matches[0].distance) == ("block", n_bits)
    assert (harmless.action, harmless.n_matches) == ("allow", 0)
