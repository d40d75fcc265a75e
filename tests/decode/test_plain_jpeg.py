"""JPEGs go by libjpeg-turbo alone, to the pixels of Pillow; a few odd ones go to Pillow."""

from __future__ import annotations

import base64
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

from hashmatch.decode import DEFAULT_LIMITS, DecodeLimits, decode_image, jpeg, read_content
from hashmatch.errors import DecodeError, ErrorKind

Encode = Callable[..., bytes]

FRAME, SCAN, END = b"\xff\xc0", b"\xff\xda", b"\xff\xd9"
ADOBE = b"\xff\xee\x00\x0eAdobe"
ARITHMETIC = [  # 40 x 28 px, sequential and progressive, by `cjpeg -arithmetic`
    base64.b64decode(text)
    for text in (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+Mz"
        "ZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09P"
        "T09PT09PT09PT09PT09PT09PT09PT09PT09PT0//yQARCAAcACgDASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADA"
        "MBAAIRAxEAPwD/AHhxwGkqOqKWSjAITDep0RoW/Vtvxhr3p2HCYrEzIBO7OXMQClwy2bVxrcgx+UTfcjyA0vaC"
        "OuzBP0fux6Py5yV7ypjC1+Q8AR/spotMe4m3YFB+Souvb0ouzzjrKjmifaaDQnn0ECBMNWVEVo0PIubOUIrDe9"
        "hsrBBFWB0HWpWnAa7BlDxGKjCRv/jF+0jTvhj7dWjKHFCryxgF1NGAmVmqmvx/tpF9pEJC+fpq7eiIRtwJri3b"
        "Fzgf8uNoFnliNCctTqUq8VQyCz8Z86SM14BpYuCUQmI7o3DBHX9pE0P8HovIrJwTZSwuj8kLkeNmy0JWjtzlD1"
        "OMauMErFLpbLC+Ljo5u/r1G0xjNCpvh6F66f8AUz5fqcrkvArOMdF61RqrNE/tUWE+bUdNzKpbeRkd3llhUxfj"
        "4gqQCi7AtyfxdMymtCj9IC6VVZIFK1Q3sjgRACD/2Q==",
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+Mz"
        "ZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09P"
        "T09PT09PT09PT09PT09PT09PT09PT09PT09PT0//ygARCAAcACgDASIAAhEBAxEB/8wABgAQARD/2gAMAwEAAh"
        "ADEAAAAf7wpwQ5/wDN6kUi8WW1tloziTx/vd/tnfHmzF9poID/zAAEEAX/2gAIAQEAAQUCGujghphL3NL+T/Jx"
        "dBRNndy/Sb4ERMZDEQq71AF5bvh86ow2trwE/kKQJG+w/8wABBEF/9oACAEDAQE/ARNZGucuTkhp62z/zAAEEQ"
        "X/2gAIAQIBAT8BenpgweHm/8wABBAF/9oACAEBAAY/Anz72dQlXFOaD4IVpfgKYXyZkkc/5uGRslJL5jmgEtWs"
        "D0FQWEVQ/8wABBAF/9oACAEBAAE/IQjtcBiovjx2z9XVkCymNDyx4RIoHoJo7eW2i3luY17M8MME+KWvOmoZV5"
        "xhWw/W++j3HOb03SNnNfm1iXE5KSD/2gAMAwEAAgADAAAAEIlxpKHA/8wABBEF/9oACAEDAQE/EBPM+NGe+bbi"
        "cID/zAAEEQX/2gAIAQIBAT8QtLkdeXVxRsyk/8wABBAF/9oACAEBAAE/EMdgfLhOLFek4kDC8acr/jUbpjEFHX"
        "4TQimplxXaXStMtg9GnKnkIZt0j38cz0MbsAoOa7h3jpA4+UqHjtyXsdBJh6YyDH0HzWgst3Si2kbqlhftnoik"
        "CLHGACPSgC95c8nb3KZLh7HFdr+aWXBRYkVZT40FrPughP/Z",
    )
]
SAMPLINGS = ("444", "422", "420", "440", "411", "Gray")


def by_pillow(data: bytes, *, luma: bool) -> np.ndarray:
    image = JpegImageFile(io.BytesIO(data))
    if luma:
        image.draft("L", image.size)
    image.load()
    return np.asarray(image if luma else image.convert("RGB"))


def load(data: bytes, *, luma: bool = False) -> jpeg.JpegPixels:
    return jpeg.load_jpeg(data, DEFAULT_LIMITS, luma=luma)


def assert_plain(data: bytes, *, has_luma: bool = True) -> None:
    """Both ways of decoding go by libjpeg-turbo alone, and give what Pillow gives."""
    for luma in (False, True):
        found = load(data, luma=luma)
        assert (found.by_pillow, found.missing) == (False, None)
        assert found.array.flags.c_contiguous
        assert not found.array.flags.writeable
        name = "luma" if luma and has_luma else "exact"
        expected = by_pillow(data, luma=name == "luma")
        np.testing.assert_array_equal(found.array, expected, strict=True)
        pixels = decode_image(data, decode="luma" if luma else "exact")
        assert (pixels.decode, pixels.format) == (name, "JPEG")
        np.testing.assert_array_equal(pixels.array, found.array, strict=True)


def assert_left_to_pillow(data: bytes) -> None:
    """Pillow decodes it, or refuses it."""
    try:
        expected = by_pillow(data, luma=False)
    except (OSError, SyntaxError):
        with pytest.raises(DecodeError):
            decode_image(data)
    else:
        assert load(data).by_pillow
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


def test_colours_without_a_y_plane(picture: Image.Image, encode: Encode) -> None:
    for progressive in (False, True):
        rgb = encode(picture, "JPEG", keep_rgb=True, progressive=progressive)
        cmyk = encode(picture.convert("CMYK"), "JPEG", progressive=progressive)
        adobe = rgb.index(ADOBE)
        by_ids_alone = rgb[:adobe] + rgb[adobe + 16 :]
        plain_cmyk = cmyk[: cmyk.index(ADOBE)] + cmyk[cmyk.index(ADOBE) + 16 :]
        ycck = bytearray(cmyk)
        ycck[cmyk.index(ADOBE) + 15] = 2
        for data in (rgb, by_ids_alone, cmyk, plain_cmyk, bytes(ycck)):
            assert_plain(data, has_luma=False)


def test_arithmetic_coding() -> None:
    for data in ARITHMETIC:
        assert_plain(data)
        cut = load(data[:-40])
        assert str(cut.missing) == "truncated JPEG: how much of it was decoded is not known"


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


def test_lossless_frames_are_left_to_pillow(plain: bytes) -> None:
    assert_left_to_pillow(plain.replace(FRAME, b"\xff\xc3", 1))


@pytest.mark.parametrize("frame", [0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF])
def test_other_frames_are_refused(frame: int, plain: bytes) -> None:
    with pytest.raises(DecodeError, match=r"^unsupported JPEG: its frame$") as caught:
        decode_image(plain.replace(FRAME, bytes([0xFF, frame]), 1))
    assert caught.value.kind is ErrorKind.UNSUPPORTED


def test_bytes_between_the_markers_do_not_matter(plain: bytes) -> None:
    expected, at = by_pillow(plain, luma=False), plain.index(FRAME)
    no_words = b"\xff\xfe\x00\x00"  # a length that does not hold itself
    for inserted in (b"\xff", b"\x00", b"\xff\x00", b"junk", b"\xff\x01", b"\xff\xd0", no_words):
        for place in (20, at, plain.index(SCAN)):  # from behind the JFIF header
            found = load(plain[:place] + inserted + plain[place:])
            assert (found.by_pillow, found.missing) == (False, None)
            np.testing.assert_array_equal(found.array, expected)


def test_what_libjpeg_only_warns_about_in_the_header_does_not_matter(plain: bytes) -> None:
    jfif, scan = plain.index(b"JFIF"), plain.index(SCAN)
    major = plain[: jfif + 5] + b"\x07" + plain[jfif + 6 :]
    spectrum = plain[: scan + 11] + b"\x01\x05\x21" + plain[scan + 14 :]
    transform = plain[:2] + ADOBE + b"\x00\x64\0\0\0\0\x09" + plain[2:]
    for data in (major, spectrum, transform):
        assert_plain(data)
        missing = load(data[:-300]).missing
        assert missing is not None
        assert missing.kind is ErrorKind.TRUNCATED


def test_a_header_that_libjpeg_refuses(plain: bytes) -> None:
    at, scan = plain.index(FRAME), plain.index(SCAN)
    no_tables = b"\xff\xc4\x00\x00"  # a length that does not hold itself
    another_frame = plain[at:scan]
    for data in (
        plain[:at] + no_tables + plain[at:],
        plain[:at] + b"\xff\xd8" + plain[at:],
        plain[:at] + b"\xff\xf0\x00\x02" + plain[at:],
        plain[:scan] + another_frame + plain[scan:],
        plain[:at] + plain[scan:],
        plain[:at] + END + plain[at:],
        plain[: at + 9] + b"\x00" + plain[at + 10 :],
        plain[: scan + 4] + b"\x09" + plain[scan + 5 :],
    ):
        with pytest.raises(DecodeError) as caught:
            decode_image(data)
        assert caught.value.kind is ErrorKind.DAMAGED


def test_damage_is_decoded_as_by_pillow_and_told(
    plain: bytes, picture: Image.Image, encode: Encode
) -> None:
    scan = plain.index(SCAN) + 14
    damaged = bytearray(plain)
    damaged[scan + 40 : scan + 44] = b"\xff\xd3\xff\xd4"
    restarts = encode(picture, "JPEG", restart_marker_blocks=2)
    cmyk = encode(picture.convert("CMYK"), "JPEG")
    for data, reason in (
        (bytes(damaged), "premature end of data segment"),
        (plain[: len(plain) // 2] + END, "premature end of data segment"),
        (cmyk[: len(cmyk) // 2] + END, "premature end of data segment"),
        (plain[:-2] + b"more than a word" + END, "extraneous bytes before marker 0xd9"),
        (restarts.replace(b"\xff\xd1", b"\xff\xd5", 1), "found marker 0xd5 instead of RST1"),
    ):
        found = load(data)
        assert found.missing is not None
        assert found.missing.kind is ErrorKind.DAMAGED
        assert reason in str(found.missing)
        np.testing.assert_array_equal(found.array, by_pillow(data, luma=False), strict=True)
        with pytest.raises(DecodeError, match="^damaged JPEG: "):
            decode_image(data)


def test_padding_before_the_end_is_no_damage(plain: bytes, encode: Encode) -> None:
    for padding in (bytes(100), b"\xff" * 9, b"\x00\xff\x00\xff"):
        assert_plain(plain[:-2] + padding + END)


def test_nothing_decoded_is_an_error(plain: bytes) -> None:
    for data in (plain[: plain.index(SCAN)], plain[: plain.index(SCAN) + 3], plain[:2] + END):
        with pytest.raises(DecodeError):
            load(data)
    with pytest.raises(DecodeError, match=r"^damaged JPEG: no data in its first scan$"):
        load(plain[: plain.index(SCAN) + 14] + END)


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
        assert load(plain, luma=True).by_pillow
        cut = load(plain[:-200])
        assert str(cut.missing) == "truncated JPEG: how much of it was decoded is not known"
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
