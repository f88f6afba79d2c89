"""Decoded pictures of all visits together, within bounds of memory; what went is opened again from its file."""

import threading
from collections import OrderedDict
from pathlib import Path

from florence_ui.images.load_once import open_file
from florence_ui.images.loading import ImageLimits, Picture, open_picture

MAX_BYTES = 512 << 20
"""About fifty pictures of the largest size that is shown."""
PIXEL_BYTES = 4
"""What Pillow needs for a pixel of RGB."""


class ImageCache:
    """The pictures of the last while, least recently used ones first to go.

    Args:
        max_bytes: Memory for all of them; the last one is kept in any case.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._pictures: OrderedDict[Path, Picture] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pictures)

    def keep(self, picture: Picture) -> None:
        """Remembers a picture, perhaps in the place of others."""
        with self._lock:
            self._drop(picture.path)
            self._pictures[picture.path] = picture
            self._bytes += memory_of_picture(picture)
            while self._bytes > self.max_bytes and len(self._pictures) > 1:
                self._drop(next(iter(self._pictures)))

    def open(self, path: Path, limits: ImageLimits) -> Picture:
        """The picture in a file of ours; blocks where it has to be decoded again.

        Raises:
            ImageError: If it has to be, and the file has aged out.
        """
        with self._lock:
            picture = self._pictures.get(path)
        picture = picture or open_picture(path, limits)
        self.keep(picture)
        return picture

    async def make_ready(self, path: Path, limits: ImageLimits) -> None:
        """Decode the picture again where it has to be, in the visitor's share of threads; then `open` has it.

        Raises:
            ImageError: If the file has aged out.
        """
        with self._lock:
            is_there = path in self._pictures
        if not is_there:
            self.keep(await open_file(path, limits))

    def _drop(self, path: Path) -> None:
        if path in self._pictures:
            self._bytes -= memory_of_picture(self._pictures.pop(path))


def memory_of_picture(picture: Picture) -> int:
    """Memory that a picture takes."""
    return picture.display.width * picture.display.height * PIXEL_BYTES + len(picture.jpeg)
