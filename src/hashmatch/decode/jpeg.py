"""JPEG: the first picture of the file, and its Y plane alone where it has one."""

from __future__ import annotations

from PIL import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

_ADOBE_RGB = 0
_BLOCK_BYTES = 1 << 20
_RGB_COMPONENT_IDS = (ord("R"), ord("G"), ord("B"))


class StoredJpeg(JpegImageFile):
    """A JPEG as Pillow opens it, without a look at its EXIF.

    Opened as this class, a multi-picture file of a phone or a 3D camera is the JPEG it starts with.
    """

    def _open(self) -> None:
        super()._open()
        # Pillow's 64 KiB would interrupt the decoder once or more in most photos, and what it had
        # begun is done again.
        self.decodermaxblock = _BLOCK_BYTES

    def _read_dpi_from_exif(self) -> None:
        """Do nothing: resolution is of no use, and parsing EXIF costs time, trust and warnings."""


def has_luma_plane(image: ImageFile.ImageFile) -> bool:
    """Whether the first component is luma: grey or YCbCr, not RGB, CMYK or YCCK.

    Follows the rules of libjpeg for three components (jdapimin.c, default_decompress_parms), but
    says no wherever one sign speaks for RGB, even if libjpeg lets another sign win.
    """
    if not isinstance(image, JpegImageFile):
        return False
    if image.layers == 1:
        return True
    if image.layers != 3 or image.info.get("adobe_transform") == _ADOBE_RGB:
        return False
    return tuple(component[0] for component in image.layer[:3]) != _RGB_COMPONENT_IDS


def reduce_to_luma(image: ImageFile.ImageFile) -> None:
    """Have the decoder stop at the Y plane, at full size; call before the pixels are loaded."""
    size = image.size
    image.draft("L", size)
    if image.size != size or image.mode != "L":
        raise RuntimeError(f"draft gave {image.mode} {image.size} instead of L {size}")
