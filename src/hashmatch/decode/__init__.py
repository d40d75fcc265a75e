"""Bytes to pixels: the only package that knows Pillow and PyAV.

What is opened: JPEG, PNG, GIF, WebP, BMP, TIFF and AVIF, told apart by content, never by name;
nothing else is ever tried.  What comes out: the stored pixels of the first picture in the file.

========================  ======================================================================
orientation               EXIF and TIFF orientation are ignored, as the lists were hashed
colour profile            ICC profiles are ignored
transparency              the colours under the alpha, which is dropped
animation, several pages  the first frame or page; of a multi-picture JPEG the first picture
palette, 1-bit, grey      expanded to RGB
CMYK, YCCK                to RGB as Pillow does: JPEG as Adobe writes it (inverted), TIFF as stored
YCbCr, LAB, HSV           to RGB as Pillow does (LAB to sRGB)
16 bits a channel         the high byte
12-bit grey (TIFF)        the high 8 bits; 12-bit JPEG is refused
32-bit integer, float     0..255 at face value; see `hashmatch.decode.modes`
truncated                 refused, unless asked for (`Isolation`), or the host has set Pillow's
                          `LOAD_TRUNCATED_IMAGES`
========================  ======================================================================

Every failure is one `DecodeError` with a one-line reason that depends on the bytes and the version
of Pillow only.  Everything here may be called from several threads.
"""

from hashmatch.decode.content import Readable, read_blocks, read_content, read_stream
from hashmatch.decode.isolation import Isolated, Isolation
from hashmatch.decode.limits import (
    DEFAULT_LIMITS,
    DEFAULT_VIDEO_LIMITS,
    DecodeLimits,
    VideoLimits,
)
from hashmatch.decode.modes import PillowImage, to_rgb
from hashmatch.decode.picture import Pixels, check_decode, decode_image
from hashmatch.decode.running import Decoding, InProcess, attempt
from hashmatch.decode.video import StoredFrame, StoredFrames, open_video
from hashmatch.decode.video_file import VideoSource

__all__ = [
    "DEFAULT_LIMITS",
    "DEFAULT_VIDEO_LIMITS",
    "DecodeLimits",
    "Decoding",
    "InProcess",
    "Isolated",
    "Isolation",
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
    "open_video",
    "read_blocks",
    "read_content",
    "read_stream",
    "to_rgb",
]
