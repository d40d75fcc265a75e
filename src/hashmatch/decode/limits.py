"""How much one content may cost."""

from __future__ import annotations

from dataclasses import dataclass

from hashmatch.errors import DecodeError

MOST_PIXELS = (2**31 - 1) // 3
"""Pillow hands pixels over in one piece of less than 2 GiB, at 3 bytes a pixel."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Bounds on one content, all inclusive.

    Parameters
    ----------
    max_bytes : int
        Size of the file.
    max_pixels : int
        Width times height as the header states them, checked before any pixel is decoded.  The
        default is what Pillow itself calls a decompression bomb.  Pillow's own bound
        (`PIL.Image.MAX_IMAGE_PIXELS`) is left alone; where a plug-in checks it on its own (GIF,
        WebP, TIFF), the smaller of the two holds.
    max_frames : int
        Frames of an animation that are looked at, the first included.  Of a longer one every
        second frame is, or every third, and so on; all are decoded, since each builds on the last.
        A content of more pages than this is refused: a page stands for itself.
    max_frame_pixels : int
        Pixels of all frames, or of all pages, together.

    Raises
    ------
    ValueError
        If a bound is not a positive integer, or `max_pixels` is above 715,827,882.
    """

    max_bytes: int = 256 * 1024 * 1024
    max_pixels: int = 178_956_970
    max_frames: int = 1000
    max_frame_pixels: int = 2**31

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_pixels", "max_frames", "max_frame_pixels"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a positive integer, not {value!r}")
        if self.max_pixels > MOST_PIXELS:
            raise ValueError(f"max_pixels must be at most {MOST_PIXELS}, not {self.max_pixels}")

    def check_bytes(self, size_bytes: int) -> None:
        """Raise DecodeError if a content of this size is empty or too large."""
        if size_bytes == 0:
            raise DecodeError("empty file")
        if size_bytes > self.max_bytes:
            raise DecodeError(f"too large: more than {self.max_bytes} bytes")

    def check_pixels(self, width_px: int, height_px: int) -> None:
        """Raise DecodeError if a picture of this size is too large."""
        pixels = width_px * height_px
        if pixels > self.max_pixels:
            raise DecodeError(
                f"too many pixels: {width_px} x {height_px} = {pixels}, limit {self.max_pixels}"
            )

    def check_frame_pixels(self, pixels: int) -> None:
        """Raise DecodeError if frames or pages have too many pixels together."""
        if pixels > self.max_frame_pixels:
            raise DecodeError(
                f"too many pixels: {pixels} in all frames or pages, limit {self.max_frame_pixels}"
            )


DEFAULT_LIMITS = DecodeLimits()


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """Bounds on one video, all inclusive; memory does not grow with its length.

    Parameters
    ----------
    max_bytes : int
        Size of the file.
    max_pixels : int
        Width times height of a frame.
    max_frames : int
        Frames decoded, whether or not they are hashed. By default a day of 30 a second.
    max_duration_s : float
        Time of the last frame.
    max_wall_s : float or None
        Seconds that decoding may take; None is no bound. Where it strikes depends on the machine,
        so what is found then does, too; the other bounds always strike at the same frame.

    Raises
    ------
    ValueError
        If a bound is not a positive number, or one that counts is not whole.
    """

    max_bytes: int = 64 * 1024**3
    max_pixels: int = 8192 * 8192
    max_frames: int = 2_592_000
    max_duration_s: float = 86_400.0
    max_wall_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_pixels", "max_frames"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a positive integer, not {value!r}")
        if not self.max_duration_s > 0:
            raise ValueError(f"max_duration_s must be positive, not {self.max_duration_s!r}")
        if self.max_wall_s is not None and not self.max_wall_s > 0:
            raise ValueError(f"max_wall_s must be positive or None, not {self.max_wall_s!r}")


DEFAULT_VIDEO_LIMITS = VideoLimits()
