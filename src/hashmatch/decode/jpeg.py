"""JPEGs opened by Pillow, and plain JPEGs decoded by libjpeg-turbo alone (simplejpeg).

Pillow uses the same library, row by row, to fill an image of its own (4 bytes a pixel in colour),
from which the pixels are copied once more.  simplejpeg writes them only once, in less time.  The
pixels equal Pillow's to the last bit, because simplejpeg decodes a JPEG only

- if it is of a kind that was tested: Huffman-coded, 8 bits, grey or YCbCr, of the usual samplings,
  with nothing between the markers of the header;
- if it decodes without a single warning.  Pillow ignores warnings, so it alone decides whether
  damaged data gives pixels or an error;
- if Pillow has libjpeg-turbo too, and both give the same pixels of a few small pictures.

Pillow decodes all other JPEGs.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, features
from PIL.JpegImagePlugin import JpegImageFile
from simplejpeg import decode_jpeg, encode_jpeg

_ADOBE_RGB = 0
_RGB_COMPONENT_IDS = (ord("R"), ord("G"), ord("B"))
_BLOCK_BYTES = 1 << 20

_CHROMA = (1, 1)
_LUMA_BESIDE_CHROMA = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411"}
"""Sampling factors of Y where those of Cb and Cr are 1 x 1, and simplejpeg's names for them."""

_MARKER = 0xFF
_HUFFMAN_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_SEGMENTS_BEFORE_FRAME = frozenset((0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)))
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_SOI_BYTES = 2
_SEGMENT_BYTES = 9  # of a segment up to and including the width in that of a frame
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


def decode_plain(
    data: bytes, image: ImageFile.ImageFile, *, luma: bool
) -> NDArray[np.uint8] | None:
    """Decode a plain JPEG without Pillow; None if Pillow has to decode it.

    `data` is the whole file, `image` the same file as Pillow opened it, not loaded and within the
    limits.  The result is contiguous and read-only: RGB (H, W, 3), or with `luma` the Y plane alone
    (H, W).  Thread-safe; releases the GIL.
    """
    is_plain = _has_usual_sampling(image) and image.size == _read_frame_size(data)
    if not is_plain or not equals_pillow():
        return None
    return _decode(data, image.size, luma=luma)


def _decode(data: bytes, size: tuple[int, int], *, luma: bool) -> NDArray[np.uint8] | None:
    width, height = size
    # A buffer of the right size, so that no other size is ever allocated.
    pixels = np.empty((height, width, 1 if luma else 3), dtype=np.uint8)
    try:
        decode_jpeg(data, "GRAY" if luma else "RGB", buffer=pixels)
    except ValueError:
        return None
    pixels.setflags(write=False)
    return pixels[:, :, 0] if luma else pixels


def _has_usual_sampling(image: ImageFile.ImageFile) -> bool:
    if not has_luma_plane(image):
        return False
    assert isinstance(image, JpegImageFile)
    luma, *chroma = (component[1:3] for component in image.layer)
    # A single component is not sampled, whatever its factors.
    return not chroma or (luma in _LUMA_BESIDE_CHROMA and chroma == [_CHROMA, _CHROMA])


def _read_frame_size(data: bytes) -> tuple[int, int] | None:
    """Read width and height; None unless the header is plain and the frame Huffman-coded.

    libjpeg steps from marker to marker exactly like this, or fails.  Pillow has its own rules for
    bytes between markers, by which it might find a different size.
    """
    at = _SOI_BYTES
    while at + _SEGMENT_BYTES <= len(data) and data[at] == _MARKER:
        if data[at + 1] in _HUFFMAN_FRAMES:
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            return int.from_bytes(data[at + 7 : at + 9], "big"), height
        segment_bytes = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] not in _SEGMENTS_BEFORE_FRAME or segment_bytes < 2:
            return None
        at += 2 + segment_bytes
    return None


@cache
def equals_pillow() -> bool:
    """Return whether both decoders give equal pixels for some small pictures; cached, takes ms."""
    if not features.check_feature("libjpeg_turbo"):
        return False
    noise = np.random.default_rng(0).integers(0, 256, (*_PROBE_PX, 3), dtype=np.uint8)
    samplings = _LUMA_BESIDE_CHROMA.values()
    whole = [encode_jpeg(noise, 90, colorsubsampling=sampling) for sampling in samplings]
    return all(_decodes_as_pillow(data) for data in (_encode_first_scans(noise), *whole))


def _encode_first_scans(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a progressive JPEG, cut after half of its scans so that libjpeg smooths it."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", progressive=True)
    scans = file.getvalue().split(_SCAN)
    return _SCAN.join(scans[: len(scans) // 2]) + _END


def _decodes_as_pillow(data: bytes) -> bool:
    size = _PROBE_PX[::-1]
    for mode in ("RGB", "L"):
        image = StoredJpeg(BytesIO(data))
        image.draft(mode, size)
        image.load()
        found = _decode(data, size, luma=mode == "L")
        if found is None or not np.array_equal(found, np.asarray(image)):
            return False
    return True
