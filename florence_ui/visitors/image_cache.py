"""A cache of decoded pictures of all visitors, within a memory limit; an evicted picture is decoded again."""

from collections import OrderedDict
from pathlib import Path

from florence_ui.images.load_once import open_file
from florence_ui.images.loading import ImageLimits, Picture

MAX_BYTES = 512 << 20
"""Room for about fifty pictures of the largest displayed size."""
PIXEL_BYTES = 4
"""Pillow's memory for an RGB pixel."""


class ImageCache:
    """The most recently used pictures; the least recently used ones are evicted first.

    Args:
        max_bytes: Memory for all of them; the last one is always kept.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._pictures: OrderedDict[Path, Picture] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, picture: Picture) -> None:
        """Keep a picture, and evict others if necessary."""
        self._drop(picture.path)
        self._pictures[picture.path] = picture
        self._bytes += memory_of_picture(picture)
        while self._bytes > self.max_bytes and len(self._pictures) > 1:
            self._drop(next(iter(self._pictures)))

    async def open(self, path: Path, limits: ImageLimits) -> Picture:
        """Return the picture in a file of ours; decode it again, in the visitor's share of threads, if necessary.

        Raises:
            ImageError: If it must be decoded, and the file has aged out.
        """
        picture = self._pictures.get(path) or await open_file(path, limits)
        self.add(picture)
        return picture

    def _drop(self, path: Path) -> None:
        if path in self._pictures:
            self._bytes -= memory_of_picture(self._pictures.pop(path))


def memory_of_picture(picture: Picture) -> int:
    """Bytes of memory that a picture occupies."""
    return picture.display.width * picture.display.height * PIXEL_BYTES + len(picture.jpeg)
