"""Plain JPEGs by libjpeg-turbo alone (simplejpeg): the pixels of Pillow in less time.

Pillow decodes by the same library, row by row into a picture of its own, 4 bytes for each pixel in
colours, out of which the pixels are copied once more.  Here they are written where they stay.  What
comes out is what Pillow gives, to the last bit, because only that is taken which leaves no doubt:

- the kinds of JPEG that were compared: Huffman-coded, 8 bits, grey or YCbCr, of the usual
  samplings, with nothing between the markers of the header;
- what decodes without a single warning.  Pillow is silent about warnings, so whether damaged data
  are pixels or an error is left to it;
- if Pillow has libjpeg-turbo too, and both give the same pixels of a few small pictures.

All else is Pillow's to decode.
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
"""Sampling factors of Y where Cb and Cr have 1 x 1, and simplejpeg's names of them."""

_MARKER = 0xFF
_HUFFMAN_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_SEGMENTS_BEFORE_FRAME = frozenset((0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)))
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_SOI_BYTES = 2
_SEGMENT_BYTES = 9
"""Of a segment, as far as the width in that of a frame."""

_PROBE_PX = (40, 72)  # lines and columns; more than one row of the largest blocks


def plain_pixels(
    data: bytes, image: ImageFile.ImageFile, *, luma: bool
) -> NDArray[np.uint8] | None:
    """Decode a plain JPEG; None where Pillow has to.

    Parameters
    ----------
    data : bytes
        The whole file.
    image : ImageFile
        The same, opened by Pillow but not loaded, and within the limits.
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
    is_plain = _has_usual_sampling(image) and image.size == _frame_size(data)
    if not is_plain or not gives_what_pillow_gives():
        return None
    return _decoded(data, image.size, luma=luma)


def _decoded(data: bytes, size: tuple[int, int], *, luma: bool) -> NDArray[np.uint8] | None:
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


def _frame_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height by the header; None unless it is plain and its frame Huffman-coded.

    libjpeg steps from marker to marker just so, or fails. Pillow has rules of its own for what lies
    between markers, by which it might see another size.
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
def gives_what_pillow_gives() -> bool:
    """Whether small pictures of all kinds come out alike; asked once, takes some milliseconds."""
    if not features.check_feature("libjpeg_turbo"):
        return False
    noise = np.random.default_rng(0).integers(0, 256, (*_PROBE_PX, 3), dtype=np.uint8)
    return _same_as_pillow(_first_scans(noise)) and all(
        _same_as_pillow(encode_jpeg(noise, 90, colorsubsampling=sampling))
        for sampling in _LUMA_BESIDE_CHROMA.values()
    )


def _first_scans(pixels: NDArray[np.uint8]) -> bytes:
    """Return a progressive JPEG of which half the scans are missing, so that it is smoothed."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", progressive=True)
    scans = file.getvalue().split(_SCAN)
    return _SCAN.join(scans[: len(scans) // 2]) + _END


def _same_as_pillow(data: bytes) -> bool:
    size = _PROBE_PX[::-1]
    for mode in ("RGB", "L"):
        image = StoredJpeg(BytesIO(data))
        image.draft(mode, size)
        image.load()
        found = _decoded(data, size, luma=mode == "L")
        if found is None or not np.array_equal(found, np.asarray(image)):
            return False
    return True
