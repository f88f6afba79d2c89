"""A zip written entry by entry, straight to its file."""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from florence_ui import storage

COMPRESSED = frozenset({".jpg", ".png"})
"""Files that are compressed already."""


class Archive:
    """A zip being written; see `create_archive`.

    Attributes:
        path: Its file.
    """

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path = path
        self._zip = file

    def add(self, name: str, data: bytes | str) -> None:
        """Add a file under a path with forward slashes."""
        compressed = PurePosixPath(name).suffix in COMPRESSED
        self._zip.writestr(name, data, zipfile.ZIP_STORED if compressed else zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def create_archive(stem: str) -> Iterator[Archive]:
    """Create a zip of that name among this app's files; nothing is left behind after a failure.

    Raises:
        StorageError: If there is no space for it, or it cannot be written.
    """
    with storage.create(".zip", stem=stem) as file, zipfile.ZipFile(file, "w") as archive:
        yield Archive(file.path, archive)
