"""Plain JPEGs go by libjpeg-turbo alone, to the pixels of Pillow; all others go to Pillow."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features
from PIL.JpegImagePlugin import JpegImageFile
from simplejpeg import encode_jpeg

from hashmatch.decode import DecodeLimits, decode_image, jpeg, read_content
from hashmatch.decode.jpeg import StoredJpeg
from hashmatch.errors import DecodeError

Encode = Callable[..., bytes]

FRAME, SCAN, END = b"\xff\xc0", b"\xff\xda", b"\xff\xd9"
SAMPLINGS = ("444", "422", "420", "440", "411", "Gray")


def by_pillow(data: bytes, *, luma: bool) -> np.ndarray:
    image = JpegImageFile(io.BytesIO(data))
    if luma:
        image.draft("L", image.size)
    image.load()
    return np.asarray(image if luma else image.convert("RGB"))


def by_turbo(data: bytes, *, luma: bool) -> np.ndarray | None:
    return jpeg.decode_plain(data, StoredJpeg(io.BytesIO(data)), luma=luma)


def assert_plain(data: bytes) -> None:
    """Both ways of decoding go by libjpeg-turbo alone, and give what Pillow gives."""
    for luma in (False, True):
        found = by_turbo(data, luma=luma)
        assert found is not None
        assert found.flags.c_contiguous
        assert not found.flags.writeable
        np.testing.assert_array_equal(found, by_pillow(data, luma=luma), strict=True)
        name = "luma" if luma else "exact"
        pixels = decode_image(data, decode=name)
        assert (pixels.decode, pixels.format) == (name, "JPEG")
        np.testing.assert_array_equal(pixels.array, found, strict=True)


def assert_left_to_pillow(data: bytes) -> None:
    """It is not plain, and what comes of it is what Pillow alone makes of it."""
    try:
        assert by_turbo(data, luma=False) is None
        expected = by_pillow(data, luma=False)
    except (OSError, SyntaxError):
        with pytest.raises(DecodeError):
            decode_image(data)
    else:
        np.testing.assert_array_equal(decode_image(data).array, expected, strict=True)


def with_sampling(data: bytes, *factors: int) -> bytes:
    """Change the sampling factors that a baseline file states."""
    found = bytearray(data)
    start = data.index(FRAME) + 11
    found[start : start + 3 * len(factors) : 3] = bytes(factors)
    return bytes(found)


@pytest.fixture
def plain(picture: Image.Image, encode: Encode) -> bytes:
    return encode(picture, "JPEG")


@pytest.mark.corpus
def test_photos_are_plain(corpus: Path) -> None:
    paths = sorted((corpus / "photos").iterdir())
    assert len(paths) > 300
    for path in paths:
        assert_plain(read_content(path))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.tuples(st.integers(1, 64), st.integers(1, 64)),
    sampling=st.sampled_from(SAMPLINGS),
    quality=st.integers(1, 100),
    seed=st.integers(0, 1000),
    is_noise=st.booleans(),
)
def test_every_size_and_sampling(
    size: tuple[int, int],
    sampling: str,
    quality: int,
    seed: int,
    is_noise: bool,
    picture: Image.Image,
) -> None:
    if is_noise:
        pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    else:
        pixels = np.asarray(picture.rotate(seed).resize(size[::-1])).copy()
    if sampling == "Gray":
        pixels = pixels[:, :, :1].copy()
    colours = "GRAY" if sampling == "Gray" else "RGB"
    assert_plain(encode_jpeg(pixels, quality, colours, sampling))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.tuples(st.integers(1, 64), st.integers(1, 64)),
    mode=st.sampled_from(("RGB", "L")),
    subsampling=st.sampled_from((0, 1, 2)),
    progressive=st.booleans(),
    restart_blocks=st.sampled_from((0, 1, 3)),
    optimize=st.booleans(),
)
def test_every_coding(
    size: tuple[int, int],
    mode: str,
    subsampling: int,
    progressive: bool,
    restart_blocks: int,
    optimize: bool,
    picture: Image.Image,
    encode: Encode,
) -> None:
    options = {"subsampling": subsampling} if mode == "RGB" else {}
    data = encode(
        picture.resize(size).convert(mode),
        "JPEG",
        progressive=progressive,
        restart_marker_blocks=restart_blocks,
        optimize=optimize,
        **options,
    )
    assert_plain(data)


def test_what_surrounds_the_pixels_does_not_matter(
    plain: bytes, picture: Image.Image, encode: Encode
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    several = encode(picture, "MPO", save_all=True, append_images=[picture.rotate(180)])
    for data in (
        plain + b"and more",
        plain + plain,
        several,
        encode(picture, "JPEG", exif=exif, icc_profile=b"profile", comment=b"words"),
    ):
        assert_plain(data)


def test_a_grey_jpeg_may_state_any_sampling(picture: Image.Image, encode: Encode) -> None:
    grey = encode(picture.convert("L"), "JPEG")
    for factors in (0x11, 0x22, 0x41, 0x13):
        assert_plain(with_sampling(grey, factors))


@pytest.mark.parametrize("sub", [0, 1, 2])
def test_scans_that_are_missing_altogether(sub: int, picture: Image.Image, encode: Encode) -> None:
    # No warning is due, and what is not known of the picture is smoothed.
    data = encode(picture.resize((211, 150)), "JPEG", progressive=True, subsampling=sub)
    at = data.index(SCAN)
    n_scans = 0
    while (at := data.find(SCAN, at + 2)) > 0:
        assert_plain(data[:at] + END)
        n_scans += 1
    assert n_scans > 5


def test_colours_without_a_y_plane_are_left_to_pillow(picture: Image.Image, encode: Encode) -> None:
    rgb = encode(picture, "JPEG", keep_rgb=True)
    cmyk = encode(picture.convert("CMYK"), "JPEG")
    adobe = rgb.index(b"\xff\xee\x00\x0eAdobe")
    by_ids_alone = rgb[:adobe] + rgb[adobe + 16 :]
    ycck = bytearray(cmyk)
    ycck[cmyk.index(b"Adobe") + 11] = 2
    for data in (rgb, by_ids_alone, cmyk, bytes(ycck)):
        assert_left_to_pillow(data)


def test_unusual_samplings_are_left_to_pillow(plain: bytes) -> None:
    for factors in (
        (0x11, 0x22, 0x22),
        (0x22, 0x21, 0x11),
        (0x22, 0x22, 0x22),
        (0x14, 0x11, 0x11),
        (0x31, 0x11, 0x11),
        (0x42, 0x21, 0x21),
        (0x00, 0x11, 0x11),
    ):
        assert_left_to_pillow(with_sampling(plain, *factors))


@pytest.mark.parametrize("frame", [0xC3, 0xC5, 0xC9, 0xCA])
def test_frames_that_are_not_huffman_coded_are_left_to_pillow(frame: int, plain: bytes) -> None:
    assert_left_to_pillow(plain.replace(FRAME, bytes([0xFF, frame]), 1))


def test_a_header_that_is_not_plain_is_left_to_pillow(plain: bytes) -> None:
    at = plain.index(FRAME)
    scan = plain.index(SCAN)
    no_words = b"\xff\xfe\x00\x00"  # a length that does not hold itself
    another_frame = bytearray(plain[at:scan])
    another_frame[5:9] = b"\x01\x00\x01\x00"
    for inserted in (b"\xff", b"\x00", b"\xff\x01", b"\xff\xd0", b"\xff\xd8", no_words):
        assert_left_to_pillow(plain[:at] + inserted + plain[at:])
    assert_left_to_pillow(plain[:scan] + bytes(another_frame) + plain[scan:])
    assert_left_to_pillow(plain[:at] + bytes(another_frame) + plain[at:])


def test_what_libjpeg_warns_of_is_left_to_pillow(
    plain: bytes, picture: Image.Image, encode: Encode
) -> None:
    scan = plain.index(SCAN) + 14
    damaged = bytearray(plain)
    damaged[scan + 40 : scan + 44] = b"\xff\xd3\xff\xd4"
    restarts = encode(picture, "JPEG", restart_marker_blocks=2)
    for data in (
        bytes(damaged),
        plain[:-2],  # no end
        plain[:-2] + bytes(100) + END,
        plain[: len(plain) // 2],
        plain[: len(plain) // 2] + END,
        restarts.replace(b"\xff\xd1", b"\xff\xd5", 1),
        plain[: plain.index(SCAN)] + END,
    ):
        assert_left_to_pillow(data)


def test_size_is_checked_before_anything_is_decoded(
    plain: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_arguments: object, **_options: object) -> None:
        raise AssertionError("decoded")

    huge = bytearray(plain)
    at = plain.index(FRAME) + 5
    huge[at : at + 4] = b"\xff\x00\xff\x00"
    monkeypatch.setattr(jpeg, "decode_jpeg", never)
    with pytest.raises(DecodeError, match=r"^too many pixels: 65280 x 65280"):
        decode_image(bytes(huge))
    with pytest.raises(DecodeError, match=r"^too many pixels: 61 x 47"):
        decode_image(plain, limits=DecodeLimits(max_pixels=61 * 47 - 1))


def test_a_pillow_that_decodes_otherwise_is_asked(
    plain: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg.equals_pillow.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(jpeg, "decode_jpeg", lambda _data, _colours, buffer: buffer.fill(7))
        assert not jpeg.equals_pillow()
        assert by_turbo(plain, luma=True) is None
    jpeg.equals_pillow.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(features, "check_feature", lambda _name: False)
        assert_left_to_pillow(plain)
    jpeg.equals_pillow.cache_clear()
    assert_plain(plain)


def test_others_work_while_it_decodes() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (2000, 3000, 3), dtype=np.uint8)
    data = encode_jpeg(noise, 90)
    decode_image(data)
    order: list[str] = []

    def work() -> None:
        decode_image(data)
        order.append("decoded")

    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # no thread is made to let go
    try:
        for _ in range(5):  # the system may wake the other late, but not each time
            order.clear()
            thread = threading.Thread(target=work)
            thread.start()
            order.append("meanwhile")
            thread.join()
            if order == ["meanwhile", "decoded"]:
                break
    finally:
        sys.setswitchinterval(before_s)
    assert order == ["meanwhile", "decoded"]
