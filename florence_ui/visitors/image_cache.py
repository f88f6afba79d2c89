"""A cache of decoded pictures of all visitors, within a memory limit; an evicted picture is decoded again."""

from pathlib import Path

from cachetools import LRUCache

from florence_ui.images.load_once import open_file
from florence_ui.images.loading import ImageLimits, Picture

MAX_BYTES = 512 << 20
"""Room for about fifty pictures of the largest displayed size."""
PIXEL_BYTES = 4
"""Pillow's memory for an RGB pixel."""


class ImageCache(LRUCache[Path, Picture]):
    """The most recently used pictures, by their files; the least recently used ones are evicted first.

    Args:
        max_bytes: Memory for all of them.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        super().__init__(max_bytes, memory_of_picture)

    def add(self, picture: Picture) -> None:
        """Keep a picture, and evict others if necessary."""
        self[picture.path] = picture

    async def open(self, path: Path, limits: ImageLimits) -> Picture:
        """Return the picture in a file of ours; decode it again, in the visitor's share of threads, if necessary.

        Raises:
            ImageError: If it must be decoded, and the file has aged out.
        """
        picture = self.get(path) or await open_file(path, limits)
        self.add(picture)
        return picture


def memory_of_picture(picture: Picture) -> int:
    """Bytes of memory that a picture occupies."""
    return picture.display.width * picture.display.height * PIXEL_BYTES + len(picture.jpeg)
