"""Bytes to pixels: the only package that knows Pillow, simplejpeg and PyAV.

What is opened: JPEG, PNG, GIF, WebP, BMP, TIFF and AVIF, and with the extras `heic` and `jxl` HEIC
and JPEG XL; told apart by content, never by name; nothing else is ever tried.  What comes out are
the stored pixels of the first picture, and where asked for its alpha and the pictures after it.
docs/decode.md is the contract, format by format and mode by mode.

Every failure is one `DecodeError` with a one-line reason that depends on the bytes and the version
of Pillow only.  Everything here may be called from several threads.
"""

from hashmatch.decode.content import (
    Readable,
    read_blocks,
    read_content,
    read_picture_content,
    read_stream,
)
from hashmatch.decode.isolation import Isolated, Isolation
from hashmatch.decode.limits import (
    DEFAULT_LIMITS,
    DEFAULT_VIDEO_LIMITS,
    DecodeLimits,
    VideoLimits,
)
from hashmatch.decode.modes import PillowImage, to_rgb
from hashmatch.decode.picture import check_decode, decode_image, decode_pictures
from hashmatch.decode.running import Decoding, InProcess, attempt
from hashmatch.decode.stored import DECODES, Pixels
from hashmatch.decode.video import StoredFrame, StoredFrames, load_video_decoder, open_video
from hashmatch.decode.video_file import VideoSource
from hashmatch.decode.video_formats import HEAD_BYTES, is_video
from hashmatch.decode.video_luma import Luma

__all__ = [
    "DECODES",
    "DEFAULT_LIMITS",
    "DEFAULT_VIDEO_LIMITS",
    "HEAD_BYTES",
    "DecodeLimits",
    "Decoding",
    "InProcess",
    "Isolated",
    "Isolation",
    "Luma",
    "PillowImage",
    "Pixels",
    "Readable",
    "StoredFrame",
    "StoredFrames",
    "VideoLimits",
    "VideoSource",
    "attempt",
    "check_decode",
    "decode_image",
    "decode_pictures",
    "is_video",
    "load_video_decoder",
    "open_video",
    "read_blocks",
    "read_content",
    "read_picture_content",
    "read_stream",
    "to_rgb",
]
