"""Decoder of plain JPEGs by libjpeg-turbo alone (simplejpeg): Pillow's pixels in less time.

Pillow uses the same library, row by row into a picture of its own (4 bytes a pixel in colour), from
which the pixels are copied once more.  Here they are written once.  The pixels equal Pillow's to
the last bit, because a JPEG is decoded here only

- if it is of a kind that was compared: Huffman-coded, 8 bits, grey or YCbCr, of the usual
  samplings, with nothing between the markers of the header;
- if it decodes without a single warning.  Pillow ignores warnings, so it alone decides whether
  damaged data are pixels or an error;
- if Pillow has libjpeg-turbo too, and both give the same pixels of a few small pictures.

Pillow decodes all others.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, features
from PIL.JpegImagePlugin import JpegImageFile
from simplejpeg import decode_jpeg, encode_jpeg

from hashmatch.decode.jpeg import StoredJpeg, has_luma_plane

_CHROMA = (1, 1)
_LUMA_BESIDE_CHROMA = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411"}
"""Sampling factors of Y where those of Cb and Cr are 1 x 1, and simplejpeg's names for them."""

_MARKER = 0xFF
_HUFFMAN_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_SEGMENTS_BEFORE_FRAME = frozenset((0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)))
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_SOI_BYTES = 2
_SEGMENT_BYTES = 9
"""Bytes of a segment up to and including the width in that of a frame."""

_PROBE_PX = (40, 72)  # rows and columns; more than one row of the largest blocks


def plain_pixels(
    data: bytes, image: ImageFile.ImageFile, *, luma: bool
) -> NDArray[np.uint8] | None:
    """Decode a plain JPEG; return None for one that Pillow has to decode.

    Parameters
    ----------
    data : bytes
        The whole file.
    image : ImageFile
        The same file, opened by Pillow but not loaded, and within the limits.
    luma : bool
        Whether to decode the Y plane alone.

    Returns
    -------
    ndarray of uint8 or None
        Shape (height, width) where `luma`, else (height, width, 3), RGB.  Contiguous, read-only.

    Notes
    -----
    Thread-safe; releases the GIL.
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
    if not chroma:
        return True  # a single component is not sampled, whatever its factors
    return luma in _LUMA_BESIDE_CHROMA and chroma == [_CHROMA, _CHROMA]


def _read_frame_size(data: bytes) -> tuple[int, int] | None:
    """Read width and height; None unless the header is plain and the frame Huffman-coded.

    libjpeg steps from marker to marker exactly like this, or fails.  Pillow has its own rules for
    bytes between markers, by which it might find another size.
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
    """Return whether a few small pictures decode to Pillow's pixels; cached, takes milliseconds."""
    if not features.check_feature("libjpeg_turbo"):
        return False
    noise = np.random.default_rng(0).integers(0, 256, (*_PROBE_PX, 3), dtype=np.uint8)
    return _decodes_as_pillow(_encode_first_scans(noise)) and all(
        _decodes_as_pillow(encode_jpeg(noise, 90, colorsubsampling=sampling))
        for sampling in _LUMA_BESIDE_CHROMA.values()
    )


def _encode_first_scans(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a progressive JPEG without its later scans, which libjpeg then smooths."""
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
