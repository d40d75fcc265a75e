"""The libraries that decode the accepted formats on this machine, with their versions."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import PIL
from PIL import features

from hashmatch.decode.formats import FORMATS, load_image_class
from hashmatch.decode.jpeg import equals_pillow
from hashmatch.decode.video.streams import load_video_decoder
from hashmatch.errors import DecodeError

PLAIN_JPEG = "plain JPEG"
VIDEO = "video"

_PILLOW_FEATURES = {"JPEG": "jpg", "PNG": "zlib", "WebP": "webp", "TIFF": "libtiff", "AVIF": "avif"}
_PLUG_INS = {"HEIC": "pillow-heif", "JPEG XL": "pillow-jxl-plugin", VIDEO: "av"}

OPTIONAL_DECODERS = tuple(_PLUG_INS)
"""Names in `find_codecs` that need an extra."""


def load_decoders() -> None:
    """Import every decoder that is installed, for a process that is about to be confined."""
    for accepted in FORMATS:
        with suppress(DecodeError):
            load_image_class(accepted)
    equals_pillow()
    load_video_decoder()


def find_codecs() -> dict[str, str | None]:
    """Return the decoder and its version for Pillow, each accepted format, and video.

    JPEG is listed twice: plain JPEGs, and those that are left to Pillow.  The value is None if this
    Pillow was built without the decoder, or if the extra is not installed: that format then cannot
    be decoded.
    """
    names = (*(accepted.name for accepted in FORMATS), VIDEO)
    codecs = {name: _find_codec(name) for name in names}
    plain = f"simplejpeg {version('simplejpeg')}" if equals_pillow() else codecs["JPEG"]
    return {"Pillow": PIL.__version__, PLAIN_JPEG: plain, **codecs}


def _find_codec(name: str) -> str | None:
    if package := _PLUG_INS.get(name):
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            return None
    if (feature := _PILLOW_FEATURES.get(name)) is None:
        return "Pillow itself"
    if not features.check(feature):
        return None
    if name == "JPEG" and features.check_feature("libjpeg_turbo"):
        feature = "libjpeg_turbo"
    return f"{feature} {features.version(feature) or ''}".rstrip()
