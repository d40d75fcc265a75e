"""BMP, WebP and TIFF that are cut short or damaged, and TIFF pages in unusual places."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashmatch.decode import (
    DecodedPicture,
    DecodeLimits,
    bmp,
    decode_image,
    decode_pictures,
    tiff_pages,
)
from hashmatch.errors import DecodeError, ErrorKind

Encode = Callable[..., bytes]
Pixels = NDArray[np.uint8]


@pytest.fixture
def large(picture: Image.Image) -> Image.Image:
    """Return 183 x 141 px, with enough detail that bytes and lines go together."""
    noise = Image.effect_noise((183, 141), 60).convert("RGB")
    return Image.blend(picture.resize((183, 141)), noise, 0.4)


def decode_damaged(data: bytes, kind: ErrorKind = ErrorKind.TRUNCATED) -> DecodedPicture:
    (found,) = decode_pictures(data, alpha=True, frames=True)
    assert found.missing is not None
    assert found.missing.kind is kind
    with pytest.raises(DecodeError) as caught:
        decode_image(data)
    assert str(caught.value) == str(found.missing)
    return found


def check_top(found: DecodedPicture, expected: Pixels, share: float, off: float = 0.1) -> None:
    """Assert that about that share of the lines, from the top, are those expected."""
    assert found.alpha is not None
    known = found.alpha.max(axis=1) > 0
    n_lines = int(np.argmin(known))
    assert not known[n_lines:].any()
    assert abs(n_lines / len(expected) - share) < off
    assert f"{int(100 * n_lines / len(expected))}% of the pixels were decoded" in str(found.missing)
    np.testing.assert_array_equal(found.array[:n_lines], expected[:n_lines])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
@pytest.mark.parametrize("mode", ["RGB", "P", "L", "1"])
def test_a_cut_bmp_has_its_last_lines(
    mode: str, share: float, large: Image.Image, encode: Encode
) -> None:
    data = encode(large.convert(mode), "BMP")
    start = int.from_bytes(data[10:14], "little")
    found = decode_damaged(data[: start + int(share * (len(data) - start))])
    whole = decode_image(data).array
    check_top(
        DecodedPicture(
            found.array[::-1],
            "exact",
            "BMP",
            None if found.alpha is None else found.alpha[::-1],
            missing=found.missing,
        ),
        whole[::-1],
        share,
    )


def test_a_cut_bmp_stored_from_the_top_has_its_first_lines(
    large: Image.Image, encode: Encode
) -> None:
    data = bytearray(encode(large, "BMP"))
    data[22:26] = (-large.height).to_bytes(4, "little", signed=True)
    expected = decode_image(bytes(data)).array
    check_top(decode_damaged(bytes(data[: len(data) // 2])), expected, 0.5)


def write_runs(codes: bytes, width: int, height: int, bits: int) -> bytes:
    """Return a BMP of run-length codes whose palette has 16 colours."""
    colours = bytes(np.random.default_rng(0).integers(0, 256, 64, dtype=np.uint8))
    compression = {8: 1, 4: 2}[bits]
    info = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(codes), 0, 0, 16, 0
    )
    head = b"BM" + struct.pack("<IHHI", 54 + 64 + len(codes), 0, 0, 54 + 64)
    return head + info + colours + codes


def random_codes(seed: int, width: int, height: int, bits: int) -> bytes:
    rng = np.random.default_rng(seed)
    codes = bytearray()
    for _ in range(height):
        left = width
        while left:
            count = int(rng.integers(1, min(left, 40) + 1))
            left -= count
            if count >= 3 and rng.random() < 0.5:
                n_bytes = (count + 1) // 2 if bits == 4 else count
                codes += bytes((0, count))
                codes += rng.integers(0, 256 if bits == 4 else 16, n_bytes, np.uint8).tobytes()
                codes += bytes(n_bytes & 1)
            else:
                codes += bytes((count, int(rng.integers(0, 256 if bits == 4 else 16))))
        codes += b"\0\0"
    return bytes(codes[:-2] + b"\0\1")


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("seed", range(5))
def test_run_length_codes_decode_as_by_pillow(
    bits: int, seed: int, pillow_rgb: Callable[[bytes], Pixels]
) -> None:
    data = write_runs(random_codes(seed, 67, 23, bits), 67, 23, bits)
    np.testing.assert_array_equal(decode_image(data).array, pillow_rgb(data))


@pytest.mark.parametrize("bits", [4, 8])
def test_run_length_codes_may_leave_out_parts(bits: int) -> None:
    move = b"\x05\x11\0\2\x03\x02\x04\x22\0\1"  # 5 pixels, 3 right and 2 up, 4 pixels
    found = decode_image(write_runs(move, 20, 4, bits)).array
    ground = found[0, 0]
    drawn = np.zeros((4, 20), bool)
    drawn[3, :5] = drawn[1, 8:12] = True
    np.testing.assert_array_equal((found != ground).any(axis=2), drawn)


@pytest.mark.parametrize("bits", [4, 8])
def test_cut_run_length_codes_give_the_last_lines(bits: int) -> None:
    data = write_runs(random_codes(1, 67, 60, bits), 67, 60, bits)
    found = decode_damaged(data[: len(data) * 2 // 3])
    assert found.alpha is not None
    assert 0.4 < (found.alpha > 0).mean() < 0.9
    whole = decode_image(data).array
    known = found.alpha.max(axis=1) > 0
    np.testing.assert_array_equal(found.array[known][1:], whole[known][1:])


def test_run_length_codes_beyond_a_number_are_too_much_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bmp, "_MOST_RUNS", 200)
    decode_damaged(write_runs(random_codes(1, 67, 60, 8), 67, 60, 8), ErrorKind.TOO_MUCH_WORK)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("options", [{"quality": 80}, {"lossless": True}, {"quality": 30}])
def test_a_cut_webp_has_its_first_lines(
    options: dict[str, object], share: float, large: Image.Image, encode: Encode
) -> None:
    data = encode(large, "WEBP", **options)
    check_top(decode_damaged(data[: int(share * len(data))]), decode_image(data).array, share, 0.4)


def test_a_webp_that_states_any_size_takes_no_such_memory(
    large: Image.Image, encode: Encode
) -> None:
    data = bytearray(encode(large, "WEBP"))
    data[4:8] = data[16:20] = (2**32 - 30).to_bytes(4, "little")
    check_top(decode_damaged(bytes(data)), decode_image(encode(large, "WEBP")).array, 1, 0.4)


def test_a_damaged_lossless_webp_is_shown_up_to_the_damage(
    large: Image.Image, encode: Encode
) -> None:
    data = encode(large, "WEBP", lossless=True)
    middle = len(data) // 2
    for patch in (b"\xff" * 3000, b"\0" * 3000):
        damaged = data[:middle] + patch + data[middle + len(patch) :]
        try:
            (found,) = decode_pictures(damaged, alpha=True)
        except DecodeError:
            pytest.fail("nothing was decoded")
        np.testing.assert_array_equal(found.array[:30], decode_image(data).array[:30])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.97])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_a_cut_tiff_has_its_first_strips(
    mode: str, compression: str | None, share: float, order: str, large: Image.Image
) -> None:
    data = write_tiff([np.asarray(large.convert(mode))], order, compression, lines=7)
    start = int(len(data) * share)
    check_top(decode_damaged(data[:start]), decode_image(data).array, share, 0.12)


def test_a_damaged_strip_hides_only_what_follows(large: Image.Image) -> None:
    data = bytearray(write_tiff([np.asarray(large)], "<", "tiff_adobe_deflate", lines=7))
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    found = decode_damaged(bytes(data), ErrorKind.DAMAGED)
    np.testing.assert_array_equal(found.array[:56], np.asarray(large)[:56])
    assert found.alpha is not None
    assert 0.4 < (found.alpha > 0).mean() < 0.6


def test_a_page_that_cannot_be_decoded_does_not_hide_the_next(
    picture: Image.Image, encode: Encode
) -> None:
    pages = [np.asarray(picture.rotate(angle)) for angle in (0, 90, 180)]
    whole = write_tiff(pages, "<", "tiff_adobe_deflate", lines=100)
    for page in range(3):
        at = whole.index(strip_of(pages[page], "tiff_adobe_deflate"))
        data = whole[:at] + bytes(50) + whole[at + 50 :]
        found: list[DecodedPicture] = []
        errors: list[DecodeError] = []
        try:
            for picture_found in decode_pictures(data, frames=True):
                found.append(picture_found)
                errors += [picture_found.missing] if picture_found.missing else []
        except DecodeError as error:
            errors.append(error)
        assert [str(error).startswith("damaged TIFF") for error in errors] == [True]
        others = [pages[number] for number in range(3) if number != page]
        for got, expected in zip(found, others, strict=True):
            np.testing.assert_array_equal(got.array, expected)
        if page == 0:
            with pytest.raises(DecodeError):
                decode_image(data)


def strip_of(pixels: Pixels, compression: str | None) -> bytes:
    """Compress some lines by Pillow, as one strip."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "TIFF", compression=compression, strip_size=1 << 30)
    image = Image.open(buffer)
    (start,), (size,) = image.tag_v2[273], image.tag_v2[279]  # type: ignore[attr-defined]
    return buffer.getvalue()[start : start + size]


COMPRESSIONS = {None: 1, "tiff_lzw": 5, "tiff_adobe_deflate": 8, "packbits": 32773}


def write_tiff(
    pages: list[Pixels],
    order: str,
    compression: str | None = None,
    *,
    lines: int = 1000,
    below: tuple[tuple[Pixels, int], ...] = (),
    n_entries: int = 0,
) -> bytes:
    """Return a TIFF whose directories come first.

    `below` are pages below the first, each with its subfile type; `n_entries` are put before the
    tags of the first page.
    """
    every = [*((page, 0) for page in pages), *below]
    strips = [
        [strip_of(page[at : at + lines], compression) for at in range(0, len(page), lines)]
        for page, _ in every
    ]
    size = 2 + 12 * (13 + n_entries) + 4
    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    heap = 8 + size * len(every)
    tail = bytearray()

    def put(form: str, values: list[int]) -> tuple[int, int, bytes]:
        kind = {"H": 3, "I": 4}[form]
        packed = struct.pack(f"{order}{len(values)}{form}", *values)
        if len(packed) <= 4:
            return kind, len(values), packed.ljust(4, b"\0")
        at = heap + len(tail)
        tail.extend(packed)
        return kind, len(values), struct.pack(order + "I", at)

    directories = []
    for number, (page, subfile_type) in enumerate(every):
        channels = 1 if page.ndim == 2 else page.shape[2]
        tags = {
            254: put("I", [subfile_type]), 256: put("I", [page.shape[1]]),
            257: put("I", [page.shape[0]]), 258: put("H", [8] * channels),
            259: put("H", [COMPRESSIONS[compression]]), 262: put("H", [1 if channels == 1 else 2]),
            273: put("I", [0] * len(strips[number])), 277: put("H", [channels]),
            278: put("I", [lines]), 279: put("I", [len(strip) for strip in strips[number]]),
        }  # fmt: skip
        if channels == 4:
            tags[338] = put("H", [2])
        if number == 0 and below:
            tags[330] = put("I", [8 + size * (len(pages) + at) for at in range(len(below))])
        directories.append(tags)
    starts = heap + len(tail)
    for number, tags in enumerate(directories):
        offsets = []
        for strip in strips[number]:
            offsets.append(starts)
            starts += len(strip)
        if len(offsets) == 1:
            tags[273] = (4, 1, struct.pack(order + "I", offsets[0]))
        else:
            at = struct.unpack(order + "I", tags[273][2])[0] - heap
            tail[at : at + 4 * len(offsets)] = struct.pack(f"{order}{len(offsets)}I", *offsets)
        n_more = n_entries if number == 0 else 0
        body = struct.pack(order + "H", len(tags) + n_more)
        body += n_more * (struct.pack(order + "HHI", 65000, 3, 1) + bytes(4))
        for tag, (kind, count, value) in sorted(tags.items()):
            body += struct.pack(order + "HHI", tag, kind, count) + value
        following = 8 + size * (number + 1) if number + 1 < len(pages) else 0
        out += (body + struct.pack(order + "I", following)).ljust(size, b"\0")
    return bytes(out + tail) + b"".join(strip for page in strips for strip in page)


def test_pages_below_others_are_looked_at_but_reduced_copies_are_not(
    picture: Image.Image,
) -> None:
    pages = [np.asarray(picture.rotate(angle)) for angle in (0, 90, 180, 270)]
    below = ((pages[2], 0), (pages[3][::2, ::2].copy(), 1))
    found = list(decode_pictures(write_tiff(pages[:2], "<", below=below), frames=True))
    assert [page.page for page in found] == [None, 2, 3]
    for page, expected in zip(found, pages, strict=False):
        np.testing.assert_array_equal(page.array, expected)


def test_without_frames_a_page_below_is_incomplete(picture: Image.Image) -> None:
    data = write_tiff([np.asarray(picture)], ">", below=((np.asarray(picture.rotate(9)), 0),))
    found = decode_pictures(data)
    next(found)
    with pytest.raises(DecodeError, match=r"^only the first page of the TIFF was examined"):
        next(found)


def test_pages_below_count_against_the_limits(picture: Image.Image) -> None:
    page = np.asarray(picture)
    data = write_tiff([page, page], "<", below=((page, 0), (page, 0)))
    pixels = picture.width * picture.height
    for limits in (DecodeLimits(max_frames=3), DecodeLimits(max_frame_pixels=3 * pixels)):
        found = decode_pictures(data, frames=True, limits=limits)
        for _ in range(3):
            next(found)
        with pytest.raises(DecodeError, match=r"^too many (pages|pixels)"):
            next(found)


def test_too_many_entries_are_not_read(
    picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_tiff([np.asarray(picture)] * 3, "<", n_entries=500)
    assert len(list(decode_pictures(data, frames=True))) == 3
    monkeypatch.setattr(tiff_pages, "_MOST_ENTRIES", 400)
    with pytest.raises(DecodeError, match=r"^too many entries in a TIFF") as caught:
        list(decode_pictures(data, frames=True))
    assert caught.value.kind is ErrorKind.TOO_MUCH_WORK
