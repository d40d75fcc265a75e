"""Bytes to pixels: JPEG, PNG, GIF, WebP, BMP, TIFF and AVIF, with extras HEIC, JPEG XL and video.

A format is recognised by content, never by file name; no format outside the allow-list is tried.
Pixels are returned as they are stored.  docs/decode.md is the contract, format by format and mode
by mode.  Every failure is a `DecodeError` with a kind and a one-line message, which depend only on
the bytes and the versions of the decoders.  Everything here may be called from several threads.

No other package opens files with Pillow or uses simplejpeg or PyAV; `hashing` uses Pillow for
pixels in memory.
"""

from hashmatch.decode.border import Inside, find_borders
from hashmatch.decode.codecs import OPTIONAL_DECODERS, find_codecs, load_decoders
from hashmatch.decode.cropping import Crop
from hashmatch.decode.embedded import EmbeddedFile, find_embedded, read_embedded
from hashmatch.decode.limits import (
    DEFAULT_LIMITS,
    DEFAULT_VIDEO_LIMITS,
    DecodeLimits,
    VideoLimits,
)
from hashmatch.decode.picture import (
    DecodedPicture,
    check_decode,
    decode_image,
    decode_pictures,
)
from hashmatch.decode.pixels import PillowImage, flatten, to_rgb
from hashmatch.decode.read import (
    Readable,
    open_source,
    read_blocks,
    read_content,
    read_picture_content,
    read_stream,
)
from hashmatch.decode.video.containers import HEAD_BYTES, is_video
from hashmatch.decode.video.file import VideoSource
from hashmatch.decode.video.frames import decode_video, open_video
from hashmatch.decode.video.luma import Luma

__all__ = [
    "DEFAULT_LIMITS",
    "DEFAULT_VIDEO_LIMITS",
    "HEAD_BYTES",
    "OPTIONAL_DECODERS",
    "Crop",
    "DecodeLimits",
    "DecodedPicture",
    "EmbeddedFile",
    "Inside",
    "Luma",
    "PillowImage",
    "Readable",
    "VideoLimits",
    "VideoSource",
    "check_decode",
    "decode_image",
    "decode_pictures",
    "decode_video",
    "find_borders",
    "find_codecs",
    "find_embedded",
    "flatten",
    "is_video",
    "load_decoders",
    "open_source",
    "open_video",
    "read_blocks",
    "read_content",
    "read_embedded",
    "read_picture_content",
    "read_stream",
    "to_rgb",
]
