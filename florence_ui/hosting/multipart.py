"""The parser of uploads: each file is counted before it is written, and open only during a write."""

import io
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from gradio.route_utils import GradioUploadFile
from starlette.datastructures import Headers

from florence_ui.concurrency.fair_pool import store_pool
from florence_ui.hosting.gradio_internals.uploads import FilePartParser
from florence_ui.hosting.request_limits import MAX_FILES
from florence_ui.storage.disk_space import BLOCK, DiskSpace
from florence_ui.storage.writing import Lease


class PartFile(GradioUploadFile):
    """A part's file, which buffers its data until `UploadParser.save` writes it.

    Gradio's own parser uses a thread for every write, which for tiny files costs far more than the write itself.

    Attributes:
        path: The path to write to.
        unsaved: The data that is not written yet.
        counted: Whether space is reserved for it and for a folder of its own.
    """

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(io.BytesIO(), size=0, **options)
        self.path = path
        self.unsaved = bytearray()
        self.counted = False

    async def write(self, data: bytes) -> None:
        """Append the data."""
        self.size = (self.size or 0) + len(data)
        self.unsaved += data

    async def seek(self, _: int) -> None:
        """Do nothing: the data need no rewinding."""


class UploadParser(FilePartParser):
    """A parser of uploads of at most `MAX_FILES`.

    Gradio's own parser keeps a descriptor open for every part until the whole request ends.

    Args:
        headers: The request's headers.
        stream: Its body, for which space is already reserved.
        lease: The folder and the space for the files.
        options: Further options of Gradio's parser.
    """

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None], lease: Lease, **options: Any) -> None:
        super().__init__(headers, self._save_between(stream), max_files=MAX_FILES, **options)
        self._lease = lease
        self._unsaved: list[PartFile] = []

    async def _save_between(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Pass on the chunks, and write everything in one before the next is read."""
        async for chunk in stream:
            yield chunk
            if self._unsaved:
                await store_pool.run(self.save)

    def save(self) -> None:
        """Write what the parts have buffered; blocks.

        Raises:
            StorageError: If there is no space for that many new files; then none of them is written.
            OSError: If they cannot be written.
        """
        new = [file for file in self._unsaved if not file.counted]
        if new:
            self._lease.grow(DiskSpace(2 * BLOCK * len(new), 2 * len(new)))
        for file in self._unsaved:
            file.counted = True
            with open(file.path, "ab") as target:
                target.write(file.unsaved)
            file.unsaved.clear()
        del self._unsaved[:-1]  # the last one may continue

    def open_file(self, number: int, *, filename: str, headers: Headers) -> PartFile:
        """Begin to collect a part's file."""
        file = PartFile(self._lease.folder / f"part{number}", filename=filename, headers=headers)
        self._unsaved.append(file)
        return file
