"""The libraries that decode the accepted formats on this machine, with their versions."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import PIL
from PIL import features

from hashmatch.decode.formats import FORMATS, JPEG
from hashmatch.decode.plain_jpeg import equals_pillow

PLAIN_JPEG = "plain JPEG"
VIDEO = "video"

_LIBRARIES = {
    "JPEG": ("jpg", "libjpeg_turbo"),
    "PNG": ("zlib", None),
    "WebP": ("webp", None),
    "TIFF": ("libtiff", None),
    "AVIF": ("avif", None),
}
_PLUG_INS = {"HEIC": "pillow-heif", "JPEG XL": "pillow-jxl-plugin", VIDEO: "av"}

OPTIONAL_DECODERS = tuple(_PLUG_INS)
"""Names in `find_codecs` that need an extra."""


def find_codecs() -> dict[str, str | None]:
    """Return the decoder and its version for Pillow, each accepted format, and video.

    JPEGs are listed twice: plain ones, and those that are left to Pillow.  The value is None where
    this Pillow was built without the decoder, or its extra is not installed; contents in that
    format then cannot be decoded.
    """
    codecs = {"Pillow": PIL.__version__, PLAIN_JPEG: _find_codec(JPEG.name)}
    if equals_pillow():
        codecs[PLAIN_JPEG] = f"simplejpeg {version('simplejpeg')}"
    names = (*(accepted.name for accepted in FORMATS), VIDEO)
    return codecs | {name: _find_codec(name) for name in names}


def _find_codec(name: str) -> str | None:
    if name in _PLUG_INS:
        try:
            return f"{_PLUG_INS[name]} {version(_PLUG_INS[name])}"
        except PackageNotFoundError:
            return None
    if name not in _LIBRARIES:
        return "Pillow itself"
    feature, variant = _LIBRARIES[name]
    if not features.check(feature):
        return None
    if variant is not None and features.check_feature(variant):
        feature = variant
    return f"{feature} {features.version(feature) or ''}".rstrip()
