"""An upload taken apart: each file is counted before it is written, and is open only while something is written."""

import io
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from gradio.route_utils import GradioMultiPartParser, GradioUploadFile
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException

from florence_ui.concurrency.fair_pool import store_pool
from florence_ui.hosting.requests import MAX_FILES
from florence_ui.storage.disk_space import BLOCK, DiskSpace
from florence_ui.storage.writing import Lease


class PartFile(GradioUploadFile):
    """A part's file; it keeps what comes until `UploadParser.save` writes it.

    Gradio's own goes through a thread for every write, which for tiny files costs far more than writing them.

    Attributes:
        path: Where it is to be.
        unsaved: What is not written yet.
        counted: Whether room is taken for it and for a folder of its own.
    """

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(io.BytesIO(), size=0, **options)
        self.path = path
        self.unsaved = bytearray()
        self.counted = False

    async def write(self, data: bytes) -> None:
        """Append the data."""
        self.size += len(data)
        self.unsaved += data

    async def seek(self, _: int) -> None:
        """Nothing: what is written is complete already."""


class UploadParser(GradioMultiPartParser):
    """Gradio's parser for files only, at most `MAX_FILES` of them.

    Gradio's own keeps a descriptor open for every part until the whole request ends.

    Args:
        headers: Of the request.
        stream: Its body; room is taken for it before it is given out.
        lease: Where the files are written.
        options: As Gradio's parser has them.
    """

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None], lease: Lease, **options: Any) -> None:
        super().__init__(headers, self._saved(stream), max_files=MAX_FILES, **options)
        self._lease = lease
        self._unsaved: list[PartFile] = []

    async def _saved(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The stream; what a chunk holds is written, whole, before the next one is read."""
        async for chunk in stream:
            yield chunk
            if self._unsaved:
                await store_pool.run(self.save)

    def save(self) -> None:
        """Write what the parts have got since the last time; blocks.

        Raises:
            StorageError: If there is no room for so many more files; none of them is written then.
            OSError: If they cannot be written.
        """
        new = [file for file in self._unsaved if not file.counted]
        if new:
            self._lease.grow(DiskSpace(2 * BLOCK * len(new), 2 * len(new)))
        for file in self._unsaved:
            file.counted = True
            with open(file.path, "ab") as there:
                there.write(file.unsaved)
            file.unsaved.clear()
        del self._unsaved[:-1]  # the last one may go on

    def on_headers_finished(self) -> None:
        """Begin a part's file.

        Raises:
            MultiPartException: If the part is no file, or one too many.
        """
        part = self._current_part
        _, options = parse_options_header(part.content_disposition or b"")
        if b"name" not in options or b"filename" not in options:
            raise MultiPartException("Each part of an upload must be a file with a field's name.")
        self._current_files += 1
        if self._current_files > self.max_files:
            raise MultiPartException(f"Too many files: at most {self.max_files} at a time.")
        part.field_name = options[b"name"].decode("utf-8", "replace")
        part.file = PartFile(
            self._lease.folder / f"part{self._current_files}",
            filename=options[b"filename"].decode("utf-8", "replace"),
            headers=Headers(raw=part.item_headers),
        )
        self._unsaved.append(part.file)
