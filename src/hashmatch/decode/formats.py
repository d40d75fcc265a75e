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

    `extra` names the extra of this package that brings its plug-in, None where Pillow has it;
    `pages` says that further pictures in a file are pages, not frames of an animation.

    The class is called directly rather than through `PIL.Image.open`, which would warn about
    `MAX_IMAGE_PIXELS`, whose reaction to a warning is process-wide state.
    """

    name: str
    module: str
    image_class: str
    extra: str | None = None
    pages: bool = False

    def open(self, data: bytes) -> ImageFile.ImageFile:
        """Parse the header; no pixel is decoded yet.  Raises whatever Pillow raises."""
        return _image_class(self)(BytesIO(data))


JPEG = Format("JPEG", "hashmatch.decode.jpeg", "StoredJpeg")
PNG = Format("PNG", "PIL.PngImagePlugin", "PngImageFile")
GIF = Format("GIF", "PIL.GifImagePlugin", "GifImageFile")
WEBP = Format("WebP", "PIL.WebPImagePlugin", "WebPImageFile")
BMP = Format("BMP", "PIL.BmpImagePlugin", "BmpImageFile")
TIFF = Format("TIFF", "PIL.TiffImagePlugin", "TiffImageFile", pages=True)
AVIF = Format("AVIF", "PIL.AvifImagePlugin", "AvifImageFile")
HEIC = Format("HEIC", "pillow_heif.as_plugin", "HeifImageFile", extra="heic", pages=True)
JXL = Format("JPEG XL", "pillow_jxl.JpegXLImagePlugin", "JXLImageFile", extra="jxl")

FORMATS = (JPEG, PNG, GIF, WEBP, BMP, TIFF, AVIF, HEIC, JXL)

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
    (b"\xff\x0a", JXL),  # a bare codestream
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", JXL),
)

_BRANDS = (
    (AVIF, (b"avif", b"avis")),
    (HEIC, (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")),
)
_MOST_BRAND_BYTES = 256


def identify(data: bytes) -> Format:
    """Return the format of a content by its first bytes; DecodeError if it is none of them."""
    for signature, accepted in _SIGNATURES:
        if data.startswith(signature):
            return accepted
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp":
        brands = _brands(data)
        for accepted, own_brands in _BRANDS:
            if not brands.isdisjoint(own_brands):
                return accepted
    names = ", ".join(accepted.name for accepted in FORMATS)
    raise DecodeError(f"not an image in an accepted format ({names})")


def _brands(data: bytes) -> set[bytes]:
    # The box lists brands of four bytes: many formats share the container.
    end = min(int.from_bytes(data[:4], "big"), _MOST_BRAND_BYTES, len(data))
    return {data[at : at + 4] for at in (8, *range(16, end - 3, 4))}


@cache
def _image_class(accepted: Format) -> type[ImageFile.ImageFile]:
    # Plug-ins are imported when first met; libavif alone is several megabytes.
    try:
        module = import_module(accepted.module)
    except ImportError:
        if accepted.extra is None:
            raise
        raise DecodeError(
            f"unsupported {accepted.name}: install hashmatch[{accepted.extra}]"
        ) from None
    if not getattr(module, "SUPPORTED", True):
        raise DecodeError(f"unsupported {accepted.name}: this build of Pillow cannot decode it")
    make_hushable(module)
    return cast(type[ImageFile.ImageFile], getattr(module, accepted.image_class))
