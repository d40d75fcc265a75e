"""The allow-list: which formats are opened, and how each is told from its first bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import cast

from PIL import ImageFile

from hashmatch.decode.quiet import make_hushable
from hashmatch.errors import DecodeError


@dataclass(frozen=True, slots=True)
class Format:
    """One accepted format: its name in reasons, and the class that opens it.

    The class is called directly rather than through `PIL.Image.open`, which would warn about
    `MAX_IMAGE_PIXELS`, whose reaction to a warning is process-wide state.
    """

    name: str
    module: str
    image_class: str

    def open(self, data: bytes) -> ImageFile.ImageFile:
        """Parse the header; no pixel is decoded yet.  Raises whatever Pillow raises."""
        return _image_class(self)(BytesIO(data))


JPEG = Format("JPEG", "hashmatch.decode.jpeg", "StoredJpeg")
PNG = Format("PNG", "PIL.PngImagePlugin", "PngImageFile")
GIF = Format("GIF", "PIL.GifImagePlugin", "GifImageFile")
WEBP = Format("WebP", "PIL.WebPImagePlugin", "WebPImageFile")
BMP = Format("BMP", "PIL.BmpImagePlugin", "BmpImageFile")
TIFF = Format("TIFF", "PIL.TiffImagePlugin", "TiffImageFile")
AVIF = Format("AVIF", "PIL.AvifImagePlugin", "AvifImageFile")

FORMATS = (JPEG, PNG, GIF, WEBP, BMP, TIFF, AVIF)

_SIGNATURES = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"BM", BMP),
    (b"II\x2a\x00", TIFF),
    (b"MM\x00\x2a", TIFF),
    (b"II\x2b\x00", TIFF),  # BigTIFF
    (b"MM\x00\x2b", TIFF),
)

_AVIF_BRANDS = (b"avif", b"avis")
_MOST_BRAND_BYTES = 256


def identify(data: bytes) -> Format:
    """Return the format of a content by its first bytes; DecodeError if it is none of them."""
    for signature, accepted in _SIGNATURES:
        if data.startswith(signature):
            return accepted
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp" and _has_avif_brand(data):
        return AVIF
    names = ", ".join(accepted.name for accepted in FORMATS)
    raise DecodeError(f"not an image in an accepted format ({names})")


def _has_avif_brand(data: bytes) -> bool:
    # The box lists brands of four bytes: HEIC shares the container and must not pass for AVIF.
    end = min(int.from_bytes(data[:4], "big"), _MOST_BRAND_BYTES, len(data))
    return any(data[at : at + 4] in _AVIF_BRANDS for at in (8, *range(16, end - 3, 4)))


@cache
def _image_class(accepted: Format) -> type[ImageFile.ImageFile]:
    # Plug-ins are imported when first met; libavif alone is several megabytes.
    module = import_module(accepted.module)
    if not getattr(module, "SUPPORTED", True):
        raise DecodeError(f"unsupported {accepted.name}: this build of Pillow cannot decode it")
    make_hushable(module)
    return cast(type[ImageFile.ImageFile], getattr(module, accepted.image_class))
