"""The allow-list of picture formats: signature and decoder of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import cast

from PIL import ImageFile

from hashmatch.decode.limits import DecodeLimits
from hashmatch.decode.pillow_errors import make_hushable
from hashmatch.errors import DecodeError, ErrorKind

_MOST_BRAND_BYTES = 256

USUAL_PEAK_BYTES = 9
"""Memory for each pixel that decoding and hashing take at most, for most formats."""


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """One accepted format, and the Pillow class that opens it.

    The first bytes match `signature`, a regular expression, or one of `brands` of the ISO base
    media container.  `extra` is the extra of this package that installs the plug-in, None if Pillow
    needs none.  `peak_bytes` is the memory for each pixel while a picture is decoded.

    The class is called directly: `PIL.Image.open` would warn about `MAX_IMAGE_PIXELS`, and how
    warnings are handled is process-wide state.  Its module is imported on first use (libavif alone
    is several megabytes).
    """

    name: str
    module: str
    image_class: str
    signature: re.Pattern[bytes] | None = None
    brands: frozenset[bytes] = frozenset()
    extra: str | None = None
    peak_bytes: int = USUAL_PEAK_BYTES

    def check_size(self, width_px: int, height_px: int, limits: DecodeLimits) -> None:
        """Raise DecodeError if a picture of this size is too large.

        Decoders that take more memory for each pixel get fewer pixels, so that `max_pixels` bounds
        the memory for every format.
        """
        limits.check_pixels(width_px, height_px, share=USUAL_PEAK_BYTES / self.peak_bytes)

    def open(self, data: bytes) -> ImageFile.ImageFile:
        """Parse the header; no pixel is decoded yet.  Raises whatever Pillow raises."""
        return load_image_class(self)(BytesIO(data))

    def matches(self, data: bytes) -> bool:
        """Return whether the first bytes are those of this format."""
        if self.signature is not None:
            return self.signature.match(data) is not None
        return not self.brands.isdisjoint(_read_brands(data))


_TIFF_HEAD = re.compile(rb"II[*+]\x00|MM\x00[*+]")  # + instead of * is BigTIFF
_WEBP_HEAD = re.compile(rb"(?s)RIFF.{4}WEBP")
_JXL_HEAD = re.compile(rb"\xff\x0a|\x00\x00\x00\x0cJXL \r\n\x87\n")  # codestream, or container
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIC_BRANDS = frozenset(b"heic heix heim heis hevc hevx hevm hevs".split())

JPEG = Format("JPEG", "hashmatch.decode.jpeg", "StoredJpeg", re.compile(rb"\xff\xd8\xff"))
PNG = Format("PNG", "PIL.PngImagePlugin", "PngImageFile", re.compile(rb"\x89PNG\r\n\x1a\n"))
GIF = Format("GIF", "PIL.GifImagePlugin", "GifImageFile", re.compile(rb"GIF8[79]a"))
WEBP = Format("WebP", "PIL.WebPImagePlugin", "WebPImageFile", _WEBP_HEAD, peak_bytes=17)
BMP = Format("BMP", "PIL.BmpImagePlugin", "BmpImageFile", re.compile(rb"BM"))
TIFF = Format("TIFF", "hashmatch.decode.tiff", "StoredTiff", _TIFF_HEAD)
AVIF = Format("AVIF", "PIL.AvifImagePlugin", "AvifImageFile", brands=_AVIF_BRANDS, peak_bytes=20)
HEIC = Format("HEIC", "pillow_heif.as_plugin", "HeifImageFile", brands=_HEIC_BRANDS, extra="heic")
JXL = Format(
    "JPEG XL", "pillow_jxl.JpegXLImagePlugin", "JXLImageFile", _JXL_HEAD, extra="jxl", peak_bytes=12
)

FORMATS = (JPEG, PNG, GIF, WEBP, BMP, TIFF, AVIF, HEIC, JXL)


def find_format(data: bytes) -> Format | None:
    """Return the picture format that the first bytes indicate; None if there is none."""
    return next((accepted for accepted in FORMATS if accepted.matches(data)), None)


def identify(data: bytes) -> Format:
    """Return the picture format that the first bytes indicate; DecodeError if there is none."""
    accepted = find_format(data)
    if accepted is None:
        names = ", ".join(known.name for known in FORMATS)
        raise DecodeError(f"not an image in an accepted format ({names})", ErrorKind.NOT_MEDIA)
    return accepted


def _read_brands(data: bytes) -> set[bytes]:
    if data[4:8] != b"ftyp":
        return set()
    # The box lists brands of four bytes, since many formats share the container.
    end = min(int.from_bytes(data[:4], "big"), _MOST_BRAND_BYTES, len(data))
    return {data[at : at + 4] for at in (8, *range(16, end - 3, 4))}


@cache
def load_image_class(accepted: Format) -> type[ImageFile.ImageFile]:
    """Import the class that opens a format; DecodeError if this installation lacks it."""
    try:
        module = import_module(accepted.module)
    except ImportError:
        if accepted.extra is None:
            raise
        message = f"unsupported {accepted.name}: install hashmatch[{accepted.extra}]"
        raise DecodeError(message, ErrorKind.UNSUPPORTED) from None
    if not getattr(module, "SUPPORTED", True):
        message = f"unsupported {accepted.name}: this build of Pillow cannot decode it"
        raise DecodeError(message, ErrorKind.UNSUPPORTED)
    make_hushable(module)
    return cast(type[ImageFile.ImageFile], getattr(module, accepted.image_class))
