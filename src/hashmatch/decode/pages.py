"""The pages of a document: TIFF and HEIC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from PIL import ImageFile

from hashmatch.decode.animation import PixelBudget, make_incomplete_error
from hashmatch.decode.layers import Layer, Loader
from hashmatch.decode.limits import DecodeLimits
from hashmatch.decode.pillow_errors import translate_errors
from hashmatch.decode.tiff_pages import list_hidden_pages, load_hidden_pages, rescue_page
from hashmatch.errors import DecodeError, ErrorKind


def show_heic(data: bytes, loader: Loader, *, alpha: bool, frames: bool) -> Iterator[Layer]:
    """Yield the primary picture and, if `frames`, the others."""
    with translate_errors(loader.name):
        image = loader.open(data)
    first = image.tell()
    others = (number for number in range(int(getattr(image, "n_frames", 1))) if number != first)
    yield from _Pages(data, loader, alpha=alpha, frames=frames).show(image, (first, *others))


def show_tiff(data: bytes, loader: Loader, *, alpha: bool, frames: bool) -> Iterator[Layer]:
    """Yield the first page and, if `frames`, the others: those below others come last."""
    with translate_errors(loader.name):
        image = loader.open(data)
    pages = _Pages(data, loader, alpha=alpha, frames=frames)
    hidden = list_hidden_pages(data, loader.limits.max_frames)
    # The pages are a chain that ends where seeking fails; counting them first would walk all of it.
    yield from pages.show(image, count())
    yield from pages.show_hidden(hidden)


class _Pages:
    """The pages of one file, while they are shown.

    A page of which nothing can be decoded is left out: the next one has its error as `missing`, or
    else it is raised at the end.
    """

    def __init__(self, data: bytes, loader: Loader, *, alpha: bool, frames: bool) -> None:
        self._data = data
        self._loader = loader
        self._alpha = alpha
        self._frames = frames
        self._budget = PixelBudget(loader.limits)
        self._n_seen = 0

    def show(
        self, image: ImageFile.ImageFile, numbers: Iterator[int] | tuple[int, ...]
    ) -> Iterator[Layer]:
        failed: DecodeError | None = None
        for number in numbers:
            subject = self._loader.name + (f" page {number + 1}" if self._n_seen else "")
            try:
                with translate_errors(subject):
                    try:
                        image.seek(number)
                    except EOFError:
                        break
                    self._count(*image.size)
            except DecodeError as error:
                raise failed or error from None
            try:
                layer = self._load(image, number, subject)
            except DecodeError as error:
                if error.kind is ErrorKind.MEMORY or not self._frames:
                    raise
                failed = failed or DecodeError(str(error), error.kind)
                continue
            page = number + 1 if self._n_seen > 1 else None
            shown = [replace(layer, page=page, missing=layer.missing or failed)]
            del layer  # so that its pixels are held by those who use them alone
            yield shown.pop()
            failed = None
        if failed is not None:
            raise failed

    def show_hidden(self, offsets: list[int]) -> Iterator[Layer]:
        """Yield pages of a TIFF by the offsets of their directories."""
        for layer in load_hidden_pages(self._data, offsets, self._loader):
            self._count(layer.rgb.shape[1], layer.rgb.shape[0])
            yield replace(layer, page=self._n_seen)

    def _count(self, width: int, height: int) -> None:
        """Count a page about to be decoded; DecodeError if it must not be."""
        limits: DecodeLimits = self._loader.limits
        if self._n_seen and not self._frames:
            raise make_incomplete_error("page", self._loader.name)
        if self._n_seen == limits.max_frames:
            message = f"too many pages: more than {limits.max_frames}"
            raise DecodeError(message, ErrorKind.TOO_MANY_FRAMES)
        limits.check_pixels(width, height)
        self._budget.spend(width * height)
        self._n_seen += 1

    def _load(self, image: ImageFile.ImageFile, number: int, subject: str) -> Layer:
        try:
            with translate_errors(subject):
                return self._loader.load(image, alpha=self._alpha)
        except DecodeError as error:
            if self._loader.name != "TIFF":
                raise
            return rescue_page(self._data, number, subject, self._loader, error)
