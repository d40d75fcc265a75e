"""Limits on the size of a picture, an animation or a video."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hashmatch.errors import DecodeError, ErrorKind

_ANY_FORMAT_PIXELS = 1 << 24

MOST_PIXELS = (2**31 - 1) // 3
"""Pillow hands pixels over in one piece of less than 2 GiB, at 3 bytes a pixel."""

_FREE_PIXELS, _PIXELS_PER_BYTE = 2**35, 2**13


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Inclusive limits on one picture or animation; ValueError unless all are positive integers.

    Parameters
    ----------
    max_bytes : int
        Size of the file.
    max_pixels : int
        Width times height as the header states them, checked before any pixel is decoded; at most
        715,827,882.  The default is what Pillow itself calls a decompression bomb.  Pillow's own
        limit (`PIL.Image.MAX_IMAGE_PIXELS`) is not changed; where a Pillow plug-in checks it (GIF,
        WebP, TIFF), the smaller of the two applies.  Beyond 16,777,216 pixels, less is accepted in
        formats whose decoders take more memory for each: 9/17 of the limit for WebP, 9/20 for AVIF
        and 9/12 for JPEG XL; a quarter for an animation.
    max_side_px : int
        Width and height, each, as the header states them. Far beyond what cameras, scanners and
        JPEG itself allow, sides only serve to make decoders and hashes work hard.
    max_frames : int
        Frames of an animation, or pages, that are looked at, including the first. Of a longer
        animation, those are that are shown longest; all are decoded, since each builds on the
        last. The rest is an error.
    max_frame_pixels : int
        Pixels of all frames or pages, added up as they are decoded; those beyond are an error.
    max_decoded_pixels : int
        Work for one JPEG: the pixels of all its scans added up, one for each component in a scan,
        and at least 65,536 for each scan or other segment.  Scans beyond it are not decoded.  The
        default is enough for 24 passes over the largest picture; ordinary files take 14 at most.
    """

    max_bytes: int = 256 * 1024 * 1024
    max_pixels: int = 178_956_970
    max_side_px: int = 65_535
    max_frames: int = 1000
    max_frame_pixels: int = 2**31
    max_decoded_pixels: int = 2**32

    def __post_init__(self) -> None:
        _check_positive_integers(self, *(field.name for field in fields(self)))
        if self.max_pixels > MOST_PIXELS:
            raise ValueError(f"max_pixels must be at most {MOST_PIXELS}, not {self.max_pixels}")

    def check_bytes(self, size_bytes: int) -> None:
        """Raise DecodeError if a file of this size is empty or too large."""
        _check_size(size_bytes, self.max_bytes)

    def check_pixels(self, width_px: int, height_px: int, share: float = 1.0) -> None:
        """Raise DecodeError if a picture is too large; large ones for a share of `max_pixels`."""
        pixels = width_px * height_px
        most = min(self.max_pixels, max(int(share * self.max_pixels), _ANY_FORMAT_PIXELS))
        _check_pixels(pixels, most, f"{width_px} x {height_px} = {pixels}")
        if max(width_px, height_px) > self.max_side_px:
            message = f"too wide or tall: {width_px} x {height_px}, limit {self.max_side_px}"
            raise DecodeError(message, ErrorKind.TOO_LARGE)

    def check_frame_pixels(self, pixels: int) -> None:
        """Raise DecodeError if so many pixels in all frames or pages are too much work."""
        found = f"{pixels} in all frames or pages"
        _check_pixels(pixels, self.max_frame_pixels, found, ErrorKind.TOO_MUCH_WORK)


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """Inclusive limits on one video; ValueError if one is not positive or a count not an integer.

    Memory use does not grow with the length of a video.

    Parameters
    ----------
    max_bytes, max_pixels : int
        Size of the file; width times height of a frame.
    max_frames : int
        Frames decoded, whether or not they are hashed; default: a day at 30 per second.
    max_duration_s : float
        Time of the last frame.
    max_frame_pixels : int
        Total pixels of all frames decoded. A small file has a smaller budget: 2**35 pixels and
        2**13 for each of its bytes, since frames that repeat the one before cost almost none.
    max_wall_s : float or None
        Seconds that decoding may take; None for no limit.  Which frame this stops at, and so the
        result, depends on the machine; the other limits always stop at the same frame.
    """

    max_bytes: int = 64 * 1024**3
    max_pixels: int = 8192 * 8192
    max_frames: int = 2_592_000
    max_duration_s: float = 86_400.0
    max_frame_pixels: int = 2**41
    max_wall_s: float | None = None

    def __post_init__(self) -> None:
        _check_positive_integers(self, "max_bytes", "max_pixels", "max_frames", "max_frame_pixels")
        if not self.max_duration_s > 0:
            raise ValueError(f"max_duration_s must be positive, not {self.max_duration_s!r}")
        if self.max_wall_s is not None and not self.max_wall_s > 0:
            raise ValueError(f"max_wall_s must be positive or None, not {self.max_wall_s!r}")

    def check_bytes(self, size_bytes: int) -> None:
        """Raise DecodeError if a file of this size is empty or too large."""
        _check_size(size_bytes, self.max_bytes)

    def check_pixels(self, width_px: int, height_px: int) -> None:
        """Raise DecodeError if frames of this size are too large."""
        found = f"frames of {width_px} x {height_px}"
        _check_pixels(width_px * height_px, self.max_pixels, found)

    def check_frame(self, number: int, timestamp_s: float) -> None:
        """Raise DecodeError if frame `number`, from 0, is past `max_frames` or `max_duration_s`."""
        if number >= self.max_frames:
            message = f"too many frames: more than {self.max_frames}"
            raise DecodeError(message, ErrorKind.TOO_MANY_FRAMES)
        if timestamp_s > self.max_duration_s:
            message = f"too long: more than {self.max_duration_s:g} s"
            raise DecodeError(message, ErrorKind.TOO_MANY_FRAMES)

    def check_frame_pixels(self, pixels: int, size_bytes: int) -> None:
        """Raise DecodeError if the frames of a file of this size have too many pixels together."""
        most = min(self.max_frame_pixels, _FREE_PIXELS + _PIXELS_PER_BYTE * size_bytes)
        if pixels > most:
            message = f"too much work: more than {most} pixels in all frames of {size_bytes} bytes"
            raise DecodeError(message, ErrorKind.TOO_MUCH_WORK)


def _check_positive_integers(limits: object, *names: str) -> None:
    for name in names:
        value = getattr(limits, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a positive integer, not {value!r}")


def _check_size(size_bytes: int, max_bytes: int) -> None:
    if size_bytes == 0:
        raise DecodeError("empty file", ErrorKind.EMPTY)
    if size_bytes > max_bytes:
        raise DecodeError(f"too large: more than {max_bytes} bytes", ErrorKind.TOO_LARGE)


def _check_pixels(
    pixels: int, most: int, found: str, kind: ErrorKind = ErrorKind.TOO_LARGE
) -> None:
    if pixels > most:
        raise DecodeError(f"too many pixels: {found}, limit {most}", kind)


DEFAULT_LIMITS = DecodeLimits()
DEFAULT_VIDEO_LIMITS = VideoLimits()
