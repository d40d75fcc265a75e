"""JPEGs decoded by libjpeg-turbo alone (simplejpeg), as far as they go; by Pillow if they are odd.

Pillow uses the same library, row by row, to fill an image of its own (4 bytes a pixel in colour),
from which the pixels are copied once more.  simplejpeg writes them only once, in less time, and
reports what libjpeg warns about, so that damage is known.  The pixels equal Pillow's to the last
bit, because simplejpeg decodes a JPEG only

- if its colours and sampling are of a kind that was tested;
- if Pillow has libjpeg-turbo too, and both give the same pixels of a few small pictures.

Pillow decodes all other JPEGs.  Both get the file as it is, or, where anything is amiss in it, the
picture alone (`jpeg_segments`): scans that exceed the budget left out, and an end put in place,
without which Pillow would refuse it.  libjpeg fills with grey what is missing.
"""

from __future__ import annotations

import re
from functools import cache
from io import BytesIO
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, features
from PIL.JpegImagePlugin import JpegImageFile
from simplejpeg import decode_jpeg, encode_jpeg

from hashmatch.decode.jpeg_segments import (
    ARITHMETIC_FRAMES,
    END,
    LOSSLESS_FRAME,
    Layout,
    read_layout,
)
from hashmatch.decode.limits import DecodeLimits
from hashmatch.decode.pixels import PLAIN_SAMPLES, packed_pixels, rgb_pixels
from hashmatch.errors import DecodeError, ErrorKind

_ADOBE_RGB = 0
_RGB_COMPONENT_IDS = (ord("R"), ord("G"), ord("B"))
_BLOCK_BYTES = 1 << 20

_UNIT = (1, 1)
_LARGEST_PLANES = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411"}
"""Sampling factors of Y where those of Cb and Cr are 1 x 1, and simplejpeg's names for them."""

Colours = Literal["GRAY", "RGB", "CMYK"]
_CHANNELS: dict[Colours, int] = {"GRAY": 1, "RGB": 3, "CMYK": 4}

_DAMAGE = re.compile(
    r"premature end of data segment|bad Huffman code|found marker 0x\w\w instead of RST\d"
    r"|Inconsistent progression sequence|\d+ extraneous bytes before marker 0x\w\w"
)
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0x(\w\w)")
_RESTARTS = range(0xD0, 0xD8)
_SCAN = b"\xff\xda"
_BLOCK_PX = 8
_ONE_PERCENT = 0.01
_GREY = 127
_PROBE_PX = (40, 72)  # rows and columns; more than one row of the largest blocks


class StoredJpeg(JpegImageFile):
    """A JPEG opened without reading its EXIF.

    A multi-picture file (phones, 3D cameras) is opened as its first JPEG.
    """

    def _open(self) -> None:
        super()._open()
        # With Pillow's 64 KiB the decoder is interrupted at least once in most photos, and repeats
        # work.
        self.decodermaxblock = _BLOCK_BYTES

    def _read_dpi_from_exif(self) -> None:
        """Do nothing: the resolution is unused, and parsing EXIF is slow, risky and may warn."""


def has_luma_plane(image: ImageFile.ImageFile) -> bool:
    """Return whether the first component is luma: grey or YCbCr, not RGB, CMYK or YCCK.

    Follows the rules of libjpeg for three components (jdapimin.c, default_decompress_parms), but
    returns False wherever any sign points to RGB, even if libjpeg lets another sign win.
    """
    if not isinstance(image, JpegImageFile):
        return False
    if image.layers == 1:
        return True
    if image.layers != 3 or image.info.get("adobe_transform") == _ADOBE_RGB:
        return False
    return tuple(component[0] for component in image.layer[:3]) != _RGB_COMPONENT_IDS


def reduce_to_luma(image: ImageFile.ImageFile) -> None:
    """Make Pillow stop at the Y plane, at full size; call before the pixels are loaded."""
    size = image.size
    image.draft("L", size)
    if image.size != size or image.mode != "L":
        raise RuntimeError(f"draft gave {image.mode} {image.size} instead of L {size}")


class JpegPixels(NamedTuple):
    """Pixels of a JPEG, RGB (H, W, 3) or its Y plane (H, W), and what is missing of them.

    `missing` is None if every pixel was decoded; `by_pillow` says which decoder it was.
    """

    array: NDArray[np.uint8]
    is_luma: bool
    by_pillow: bool
    missing: DecodeError | None


class _Decoded(NamedTuple):
    """Pixels, and what libjpeg complained about.

    `raw` are the pixels before any conversion to RGB; `complaint` is empty if all went well, and
    None if Pillow decoded, which does not tell.
    """

    array: NDArray[np.uint8]
    raw: NDArray[np.uint8]
    complaint: str | None


def load_jpeg(data: bytes, limits: DecodeLimits, *, luma: bool) -> JpegPixels:
    """Decode a JPEG as far as it goes; with `luma` only its Y plane, if it has one.

    The pixels are contiguous and read-only.  Thread-safe; releases the GIL.  Raises DecodeError if
    nothing can be decoded, and whatever Pillow raises.
    """
    layout = read_layout(data, limits, to_end=False)
    decoded = None
    if layout.is_clean and (layout.is_single_scan or layout.is_ended):
        # libjpeg reads no further than the first end; with one added, it always finds one.
        ended = data if data.endswith(END) else data + END
        image = StoredJpeg(BytesIO(ended))
        is_luma = luma and has_luma_plane(image)
        decoded = _decode(ended, image, layout, luma=is_luma)
        if decoded and not decoded.complaint and layout.frame not in ARITHMETIC_FRAMES:
            return JpegPixels(decoded.array, is_luma, by_pillow=False, missing=None)
    if layout.is_single_scan:
        layout = read_layout(data, limits, to_end=True)
    if decoded is None:
        mended = layout.mended()
        image = StoredJpeg(BytesIO(mended))
        is_luma = luma and has_luma_plane(image)
        decoded = _decode(mended, image, layout, luma=is_luma)
        decoded = decoded or _decode_by_pillow(image, luma=is_luma)
    missing = _find_missing(decoded, layout, data)
    return JpegPixels(decoded.array, is_luma, decoded.complaint is None, missing)


def _decode(data: bytes, image: StoredJpeg, layout: Layout, *, luma: bool) -> _Decoded | None:
    """Decode without Pillow; None if the picture is of another kind, or libjpeg gives up."""
    colours = _choose_colours(image, luma=luma)
    if colours is None or layout.frame == LOSSLESS_FRAME or not equals_pillow():
        return None
    return _decode_raw(data, image.size, colours)


def _decode_raw(data: bytes, size: tuple[int, int], colours: Colours) -> _Decoded | None:
    width, height = size
    # A buffer of the right size, so that no other size is ever allocated.
    raw = np.empty((height, width, _CHANNELS[colours]), dtype=np.uint8)
    complaint = ""
    try:
        decode_jpeg(data, colours, buffer=raw)
    except ValueError as error:
        complaint = str(error)
        if not _DAMAGE.search(complaint):
            return None
    if colours == "GRAY":
        raw = raw[:, :, 0]
    pixels = _rgb_of_cmyk(raw) if colours == "CMYK" else raw
    pixels.setflags(write=False)
    return _Decoded(pixels, raw, complaint)


def _decode_by_pillow(image: StoredJpeg, *, luma: bool) -> _Decoded:
    if luma:
        reduce_to_luma(image)
    image.load()
    pixels = packed_pixels(image, "L") if luma else rgb_pixels(image, PLAIN_SAMPLES)
    return _Decoded(pixels, pixels, None)


def _choose_colours(image: StoredJpeg, *, luma: bool) -> Colours | None:
    """Return the colours to decode to; None for a kind of sampling that only Pillow decodes."""
    first, *others = (component[1:3] for component in image.layer)
    if not others:  # a single component is not sampled, whatever its factors
        return "GRAY" if luma else "RGB"
    is_usual = first in _LARGEST_PLANES and others[:2] == [_UNIT, _UNIT]
    if len(others) == 2:
        return ("GRAY" if luma else "RGB") if is_usual else None
    return "CMYK" if is_usual and others[2] == first else None


def _rgb_of_cmyk(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert as Pillow does: inverted, as Adobe writes them."""
    height, width, _ = raw.shape
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    n_rows = max(1, _BLOCK_BYTES // (4 * width))
    for top in range(0, height, n_rows):
        rows = slice(top, top + n_rows)
        inks = Image.frombuffer("CMYK", (width, len(raw[rows])), ~raw[rows], "raw", "CMYK", 0, 1)
        pixels[rows] = np.asarray(inks.convert("RGB"))
    return pixels


def _find_missing(decoded: _Decoded, layout: Layout, data: bytes) -> DecodeError | None:
    """Return what is missing of the pixels; raise it if nothing is there."""
    n_scans = len(layout.scans)
    if layout.is_over_budget:
        message = f"too much work: the JPEG was decoded up to scan {n_scans}"
        return DecodeError(message, ErrorKind.TOO_MUCH_WORK)
    word, kind = "damaged JPEG", ErrorKind.DAMAGED
    if not layout.is_ended:
        word, kind = "truncated JPEG", ErrorKind.TRUNCATED
    complaint = decoded.complaint
    found = None
    if complaint is None or layout.frame in ARITHMETIC_FRAMES:
        if not layout.is_ended:
            found = "how much of it was decoded is not known"
    elif not complaint or _is_only_padded(complaint, layout, data):
        if not layout.is_ended and not layout.is_refined:
            found = f"decoded up to scan {n_scans}"
    elif n_scans > 1 and not layout.is_ended:
        found = f"decoded up to scan {n_scans - 1}"
    else:
        share = _measure_share(decoded.raw, layout)
        if not share:
            raise DecodeError(f"{word}: no pixel was decoded", kind)
        percent = f"{min(99, int(100 * share))}%" if share >= _ONE_PERCENT else "less than 1%"
        found = f"{percent} of the pixels were decoded"
        if layout.is_ended:
            reason = complaint.removeprefix("Corrupt JPEG data: ")
            found = f"{reason}; {found}" if share < 1 else reason
    return None if found is None else DecodeError(f"{word}: {found}", kind)


def _is_only_padded(complaint: str, layout: Layout, data: bytes) -> bool:
    """Return whether all that libjpeg found is bytes behind the data of a scan that are none."""
    found = _LEFT_OVER.search(complaint)
    if found is None or (marker := int(found[2], 16)) in _RESTARTS:
        return False
    if not layout.is_ended and (layout.is_single_scan or marker == END[1]):
        return True  # the end is missing, and what follows is another file
    n_bytes = int(found[1])
    tails = (data[scan.end - n_bytes : scan.end] for scan in layout.scans)
    return any(not tail.strip(b"\x00\xff") for tail in tails)


def _measure_share(raw: NDArray[np.uint8], layout: Layout) -> float:
    """Return the share of the pixels that were decoded, from the grey that libjpeg fills in.

    Counted in the units of the scan, of 8 x 8 to 32 x 16 pixels, up to the last that is not grey
    all over.
    """
    height, width = raw.shape[:2]
    factors = ((1, 1),) if len(layout.sampling) == 1 else layout.sampling
    unit_width, unit_height = (_BLOCK_PX * max(each) for each in zip(*factors, strict=True))
    n_across, n_down = -(-width // unit_width), -(-height // unit_height)
    for row in range(n_down - 1, -1, -1):
        units = raw[row * unit_height : (row + 1) * unit_height]
        if _is_grey(units):
            continue
        for column in range(n_across - 1, -1, -1):
            if not _is_grey(units[:, column * unit_width : (column + 1) * unit_width]):
                return float((row * n_across + column + 1) / (n_across * n_down))
    return 0.0


def _is_grey(pixels: NDArray[np.uint8]) -> bool:
    """Return whether all is of libjpeg's grey, but for the first line, mixed with the one before.

    Chroma of fewer samples than luma is interpolated across the edge of what was decoded.
    """
    inside = pixels[min(1, pixels.shape[0] - 1) :, min(1, pixels.shape[1] - 1) :]
    return bool(inside.min() >= _GREY and inside.max() <= _GREY + 1)


@cache
def equals_pillow() -> bool:
    """Return whether both decoders give equal pixels for some small pictures; cached, takes ms.

    Also whether libjpeg words its complaints as expected.
    """
    if not features.check_feature("libjpeg_turbo"):
        return False
    noise = np.random.default_rng(0).integers(0, 256, (*_PROBE_PX, 3), dtype=np.uint8)
    samplings = _LARGEST_PLANES.values()
    whole = [encode_jpeg(noise, 90, colorsubsampling=sampling) for sampling in samplings]
    odd = [_save(noise, mode=mode, keep_rgb=True) for mode in ("RGB", "CMYK")]
    cut = _decode_raw(whole[0][: len(whole[0]) // 2] + END, _PROBE_PX[::-1], "RGB")
    return (
        all(_decodes_as_pillow(data) for data in (_save_first_scans(noise), *whole, *odd))
        and cut is not None
        and cut.complaint != ""
    )


def _save(pixels: NDArray[np.uint8], *, mode: str = "RGB", **options: bool) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def _save_first_scans(pixels: NDArray[np.uint8]) -> bytes:
    """Return a progressive JPEG, cut after half of its scans so that libjpeg smooths it."""
    scans = _save(pixels, progressive=True).split(_SCAN)
    return _SCAN.join(scans[: len(scans) // 2]) + END


def _decodes_as_pillow(data: bytes) -> bool:
    image = StoredJpeg(BytesIO(data))
    for luma in (False, True) if has_luma_plane(image) else (False,):
        colours = _choose_colours(image, luma=luma)
        assert colours is not None
        found = _decode_raw(data, image.size, colours)
        expected = _decode_by_pillow(StoredJpeg(BytesIO(data)), luma=luma)
        if found is None or found.complaint or not np.array_equal(found.array, expected.array):
            return False
    return True
