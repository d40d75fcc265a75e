"""Which libraries decode the accepted formats on this machine."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import PIL
from PIL import features

from hashmatch.decode.formats import FORMATS, JPEG
from hashmatch.decode.plain_jpeg import gives_what_pillow_gives

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


def codecs() -> dict[str, str | None]:
    """Return, for Pillow, each accepted format and video, what decodes it and its version.

    JPEGs are listed twice: plain ones, and those that are left to Pillow.  None where this Pillow
    was built without it, or the extra that brings it is not installed; contents in that format then
    cannot be decoded.
    """
    found = {"Pillow": PIL.__version__, PLAIN_JPEG: _codec(JPEG.name)}
    if gives_what_pillow_gives():
        found[PLAIN_JPEG] = f"simplejpeg {version('simplejpeg')}"
    return found | {name: _codec(name) for name in (*(one.name for one in FORMATS), VIDEO)}


def _codec(name: str) -> str | None:
    if name in _PLUG_INS:
        try:
            return f"{_PLUG_INS[name]} {version(_PLUG_INS[name])}"
        except PackageNotFoundError:
            return None
    if name not in _LIBRARIES:
        return "Pillow itself"
    feature, better = _LIBRARIES[name]
    if not features.check(feature):
        return None
    if better is not None and features.check_feature(better):
        feature = better
    return f"{feature} {features.version(feature) or ''}".rstrip()
