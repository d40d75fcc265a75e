"""JPEG as Pillow opens it: the first picture of the file, and on demand its Y plane alone."""

from __future__ import annotations

from PIL import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

_ADOBE_RGB = 0
_BLOCK_BYTES = 1 << 20
_RGB_COMPONENT_IDS = (ord("R"), ord("G"), ord("B"))


class StoredJpeg(JpegImageFile):
    """A JPEG opened without reading its EXIF.

    Opened as this class, a multi-picture file of a phone or a 3D camera is the JPEG it starts with.
    """

    def _open(self) -> None:
        super()._open()
        # With Pillow's 64 KiB the decoder is interrupted at least once in most photos, and repeats
        # what it had begun.
        self.decodermaxblock = _BLOCK_BYTES

    def _read_dpi_from_exif(self) -> None:
        """Do nothing: the resolution is unused, and parsing EXIF costs time, trust and warnings."""


def has_luma_plane(image: ImageFile.ImageFile) -> bool:
    """Return whether the first component is luma: grey or YCbCr, not RGB, CMYK or YCCK.

    Follows the rules of libjpeg for three components (jdapimin.c, default_decompress_parms), but
    returns False wherever any sign points to RGB, even if libjpeg lets another sign win.
    """
    if not isinstance(image, JpegImageFile):
        return False
    if image.layers == 1:
        return True
    if image.layers != 3 or image.info.get("adobe_transform") == _ADOBE_RGB:
        return False
    return tuple(component[0] for component in image.layer[:3]) != _RGB_COMPONENT_IDS


def reduce_to_luma(image: ImageFile.ImageFile) -> None:
    """Make the decoder stop at the Y plane, at full size; call before the pixels are loaded."""
    size = image.size
    image.draft("L", size)
    if image.size != size or image.mode != "L":
        raise RuntimeError(f"draft gave {image.mode} {image.size} instead of L {size}")
