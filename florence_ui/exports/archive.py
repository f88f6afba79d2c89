"""A zip that is written entry by entry, straight to its file."""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from florence_ui import storage

PACKED = frozenset({".jpg", ".png"})
"""Files that gain nothing from being packed again."""


class Archive:
    """A zip under way; see `create_archive`.

    Attributes:
        path: Its file.
    """

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path = path
        self._zip = file

    def add(self, name: str, data: bytes | str) -> None:
        """Adds a file under a path with forward slashes."""
        packed = PurePosixPath(name).suffix in PACKED
        self._zip.writestr(name, data, zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def create_archive(stem: str) -> Iterator[Archive]:
    """A new zip of that name among this app's files; nothing of it stays behind if something goes wrong.

    Raises:
        StorageError: If there is no room for it, or it cannot be written.
    """
    with storage.create(".zip", stem=stem) as file, zipfile.ZipFile(file, "w") as archive:
        yield Archive(file.path, archive)
