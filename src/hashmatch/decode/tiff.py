"""TIFF layouts that are read, and what Pillow does not report about them.

TIFF leaves its writers much freedom, and Pillow reads some layouts as other pixels without an
error: planes of 16 bits, of white-is-zero, with their bits reversed; compressed integers and floats
of the other byte order; strips beyond those that the picture needs.  So only layouts on a list are
read, each of which a test compares with another decoder; anything else is unsupported.  Plain files
(uncompressed, in strips, interleaved) are unpacked by Pillow, all others by libtiff.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFile, TiffImagePlugin
from PIL.ExifTags import Base as Tag

from hashmatch.decode.pillow_errors import make_hushable
from hashmatch.decode.pixels import Samples
from hashmatch.errors import DecodeError, ErrorKind

make_hushable(TiffImagePlugin)

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 4, 5, 6, 8
_PHOTOMETRIC = {
    _WHITE_IS_ZERO: "grey", _BLACK_IS_ZERO: "grey", _RGB: "RGB", _PALETTE: "palette",
    _MASK: "mask", _CMYK: "CMYK", _YCBCR: "YCbCr", _LAB: "CIELAB",
}  # fmt: skip
_N_COLOURS = {_RGB: 3, _CMYK: 4, _YCBCR: 3, _LAB: 3}

_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_FORMATS = {_UNSIGNED: "unsigned", _SIGNED: "signed", _FLOAT: "float", 4: "undefined", 6: "complex"}

_RAW, _LZW, _OLD_JPEG, _JPEG, _PACKBITS, _MOST_BITS = 1, 5, 6, 7, 32773, 64
_FAX = frozenset((2, 3, 4))
_WITH_PREDICTOR = frozenset(
    (_LZW, 8, 32946, 34925, 50000)
)  # deflate, also its old number; LZMA, zstd
_COMPRESSIONS = _FAX | _WITH_PREDICTOR | {_RAW, _PACKBITS, _JPEG, _OLD_JPEG}

# Kinds of samples beyond the colours: 0 unspecified, 1 premultiplied alpha, 2 alpha, 999 of Corel.
_NO_EXTRA: tuple[tuple[int, ...], ...] = ((),)
_ALPHA: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (2,))
_LAYOUTS: dict[int, dict[tuple[int, int], tuple[tuple[int, ...], ...]]] = {
    _WHITE_IS_ZERO: {
        **{(_UNSIGNED, bits): _NO_EXTRA for bits in (1, 2, 4, 8, 16)},
        (_FLOAT, 32): _NO_EXTRA,
    },
    _BLACK_IS_ZERO: {
        **{(_UNSIGNED, bits): _NO_EXTRA for bits in (1, 2, 4, 12, 16, 32)},
        (_UNSIGNED, 8): _ALPHA,
        (_SIGNED, 16): _NO_EXTRA,
        (_SIGNED, 32): _NO_EXTRA,
        (_FLOAT, 32): _NO_EXTRA,
    },
    _RGB: {
        (_UNSIGNED, 8): (
            *_ALPHA, (999,), (0, 0), (0, 0, 0), (1, 0), (1, 0, 0), (2, 0), (2, 0, 0),
        ),
        (_UNSIGNED, 16): _ALPHA,
    },
    _PALETTE: {
        **{(_UNSIGNED, bits): _NO_EXTRA for bits in (1, 2, 4)},
        (_UNSIGNED, 8): ((), (0,), (2,)),
    },
    _CMYK: {(_UNSIGNED, 8): ((), (0,), (0, 0)), (_UNSIGNED, 16): _NO_EXTRA},
    _YCBCR: {(_UNSIGNED, 8): _NO_EXTRA},
    _LAB: {(_UNSIGNED, 8): _NO_EXTRA},
}  # fmt: skip
"""Extra samples that there may be, by photometric interpretation, then format and bits."""

_NATIVE = {"F;32F": "F;32NF", "F;32BF": "F;32NF", "I;32S": "I;32NS", "I;32BS": "I;32NS",
           "I;16S": "I;16NS", "I;16BS": "I;16NS"}  # fmt: skip
"""Raw modes for samples that libtiff has put into the order of this machine."""

_CHUNK_BYTES_PER_PIXEL, _CHUNK_BYTES = 5, 1 << 26

_UNDO: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: np.rot90,
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels, -1),
}
"""By orientation tag, what turns upright pixels back."""


class StoredTiff(TiffImagePlugin.TiffImageFile):
    """A TIFF in one of the layouts that are read; DecodeError for others.

    `samples` is the layout of the samples of the current page that are wider than 8 bits.
    """

    samples: Samples

    def _open(self) -> None:
        assert self.fp is not None
        head = self.fp.read(4)
        self.fp.seek(0)
        if head == b"MM\x00+":  # which Pillow takes for a plain TIFF
            message = "unsupported TIFF: BigTIFF, most significant byte first"
            raise DecodeError(message, ErrorKind.UNSUPPORTED)
        super()._open()

    def _setup(self) -> None:
        tags = self.tag_v2
        layout = _read_layout(tags)
        problem = layout.problem()
        if problem:
            raise DecodeError(f"unsupported TIFF: {problem}", ErrorKind.UNSUPPORTED)
        layout.check_memory()
        self.samples = Samples(
            bits=layout.bits if layout.bits in (12, 16) else 16,
            unsigned=layout.bits == 32 and layout.format == _UNSIGNED,
            white_is_zero=layout.photometric == _WHITE_IS_ZERO,
        )
        # Pillow knows the following under other tags.  They steer only what Pillow does with the
        # samples: libtiff reads the file itself.
        if layout.n_samples == 1:
            tags[Tag.PlanarConfiguration] = 1
        if layout.bits == 16 and layout.photometric == _WHITE_IS_ZERO:
            tags[Tag.PhotometricInterpretation] = _BLACK_IS_ZERO
        if self.samples.unsigned:
            tags[Tag.SampleFormat] = (_SIGNED,)
        if layout.compression == _RAW and not layout.is_plain:
            tags[Tag.Compression] = _LZW
        tags[Tag.FillOrder] = 1  # others are left to libtiff
        colours = tags.get(Tag.ColorMap)
        if (
            colours and max(colours) < 256
        ):  # of 8 bits, against the specification: as libtiff sees it
            tags[Tag.ColorMap] = tuple(256 * level for level in colours)
        super()._setup()
        if self.use_load_libtiff:
            (tile,) = self.tile
            assert isinstance(tile.args, tuple)
            raw_mode, *others = tile.args
            self.tile = [tile._replace(args=(_NATIVE.get(raw_mode, raw_mode), *others))]


@dataclass(frozen=True, slots=True)
class _Layout:
    """A layout as the tags state it; `bits` and `format` are 0 where samples differ."""

    width: int
    height: int
    photometric: int | None
    bits: int
    format: int
    n_samples: int
    extra: tuple[int, ...]
    is_big_endian: bool
    compression: int
    predictor: int
    fill_order: int
    is_planar: bool
    is_tiled: bool
    has_strips: bool
    chunk_rows: int
    chunk_columns: int
    n_chunks: int
    inks: int

    def problem(self) -> str | None:
        """Return why the layout is not read; None if it is."""
        if self.compression not in _COMPRESSIONS:
            return f"compression {self.compression}"
        if self.is_tiled and self.has_strips:
            return "tiles and strips in one picture"
        if self.photometric is None and self.compression not in _FAX:
            return "no photometric interpretation"
        if self.compression == _OLD_JPEG:
            return None if self.bits in (0, 1, 8) else f"{self.bits} bits in JPEG"
        photometric = self.photometric or _WHITE_IS_ZERO
        name = _PHOTOMETRIC.get(photometric, f"photometric {photometric}")
        return self._samples_problem(photometric, name) or self._coding_problem(photometric, name)

    def _samples_problem(self, photometric: int, name: str) -> str | None:
        extras = _LAYOUTS.get(photometric, {}).get((self.format, self.bits))
        if extras is None:
            return f"{self.bits or 'mixed'} bits, {_FORMATS.get(self.format, 'mixed')}, {name}"
        # Planes of no stated use are left alone; the fourth sample of RGB is alpha, stated or not.
        extra = () if self.is_planar and not any(self.extra) else self.extra
        n_expected = {_N_COLOURS.get(photometric, 1) + len(self.extra)}
        if photometric == _RGB and not self.extra:
            n_expected.add(4)
        if extra not in extras or self.n_samples not in n_expected:
            return f"{self.n_samples} samples a pixel, {name}"
        return None

    def _coding_problem(self, photometric: int, name: str) -> str | None:
        differenced = {1: range(_MOST_BITS), 2: (8, 16, 32), 3: (32,) * (self.format == _FLOAT)}
        is_premultiplied = self.is_planar and 1 in self.extra
        problems = {
            f"predictor {self.predictor}": self.bits not in differenced.get(self.predictor, ())
            or (self.predictor != 1 and self.compression not in _WITH_PREDICTOR),
            f"compression {self.compression} of {self.bits} bits, {name}": self.compression in _FAX
            and (self.bits != 1 or photometric > _BLACK_IS_ZERO),
            f"JPEG of {self.n_samples} samples of {self.bits} bits": self.compression == _JPEG
            and (self.bits != 8 or self.is_planar or bool(self.extra)),
            f"planes of {name}, premultiplied": is_premultiplied,
            f"planes of {name}": self.is_planar and photometric == _LAB,
            "inks other than CMYK": photometric == _CMYK and self.inks != 1,
            "12 bits, most significant byte first": self.bits == 12 and self.is_big_endian,
        }
        return next((text for text, is_met in problems.items() if is_met), None)

    @property
    def is_plain(self) -> bool:
        """True if Pillow itself unpacks the samples correctly, where they are not compressed."""
        return (
            not self.is_planar
            and not self.is_tiled
            and self.fill_order == 1
            and self.photometric != _YCBCR
            and self.n_chunks == -(-self.height // max(1, min(self.chunk_rows, self.height)))
        )

    def check_memory(self) -> None:
        """Raise DecodeError if libtiff would need much memory for one strip or tile."""
        if self.compression == _RAW and self.is_plain:
            return
        n_samples = 1 if self.is_planar else self.n_samples
        row_bytes = self.chunk_columns * n_samples * max(self.bits, 8) // 8
        chunk_bytes = min(self.chunk_rows, self.height) * row_bytes
        if chunk_bytes > _CHUNK_BYTES_PER_PIXEL * self.width * self.height + _CHUNK_BYTES:
            message = f"too large: a TIFF strip or tile of {chunk_bytes} bytes"
            raise DecodeError(message, ErrorKind.TOO_LARGE)


def _read_layout(tags: Any) -> _Layout:
    def number(tag: int, default: int) -> int:
        value = tags.get(tag, default)
        value = value[0] if isinstance(value, tuple) and value else value
        return value if isinstance(value, int) else default

    def numbers(tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
        value = tags.get(tag, default)
        return value if isinstance(value, tuple) else (value,)

    bits = numbers(Tag.BitsPerSample, (1,))
    formats = numbers(Tag.SampleFormat, (_UNSIGNED,))
    n_samples = number(Tag.SamplesPerPixel, 1)
    width, height = number(Tag.ImageWidth, 0), number(Tag.ImageLength, 0)
    is_tiled = Tag.TileWidth in tags or Tag.TileOffsets in tags
    has_strips = Tag.StripOffsets in tags
    offsets = tags.get(Tag.TileOffsets if is_tiled else Tag.StripOffsets, ())
    has_photometric = Tag.PhotometricInterpretation in tags
    return _Layout(
        width=width,
        height=height,
        photometric=number(Tag.PhotometricInterpretation, 0) if has_photometric else None,
        bits=bits[0] if len(set(bits)) == 1 else 0,
        format=formats[0] if len(set(formats)) == 1 else 0,
        n_samples=n_samples,
        extra=numbers(Tag.ExtraSamples, ()),
        is_big_endian=tags.prefix == b"MM",
        compression=number(Tag.Compression, _RAW),
        predictor=number(Tag.Predictor, 1),
        fill_order=number(Tag.FillOrder, 1),
        is_planar=number(Tag.PlanarConfiguration, 1) == 2 and n_samples > 1,
        is_tiled=is_tiled,
        has_strips=has_strips,
        chunk_rows=number(Tag.TileLength, 1) if is_tiled else number(Tag.RowsPerStrip, height),
        chunk_columns=number(Tag.TileWidth, 1) if is_tiled else width,
        n_chunks=len(offsets) if isinstance(offsets, tuple) else 1,
        inks=number(Tag.InkSet, 1),
    )


def read_samples(image: ImageFile.ImageFile) -> Samples:
    """Return the layout of samples wider than 8 bits, which Pillow does not report."""
    assert isinstance(image, StoredTiff)
    return image.samples


def read_orientation(image: ImageFile.ImageFile) -> int:
    """Return the orientation that Pillow will apply when it loads the pixels (1: none)."""
    value = image.getexif().get(Tag.Orientation, 1)
    return value if value in _UNDO else 1


def undo_orientation(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn upright pixels, (H, W, 3) or (H, W), back to the order in which they are stored."""
    return np.ascontiguousarray(_UNDO[orientation](pixels))
