"""An upload taken apart: each file is counted where its part begins, and is open only while something is written."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from gradio.route_utils import GradioMultiPartParser, GradioUploadFile
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException

from florence_ui.hosting.requests import MAX_FILES
from florence_ui.storage.room import BLOCK, Room
from florence_ui.storage.writing import Lease


class PartFile:
    """A part's file, as far as Gradio's parser uses one; it holds no file descriptor between two writes.

    Args:
        path: Where it is to be.
        lease: Gives the room for it and for a folder of its own.

    Attributes:
        name: Its path.
    """

    def __init__(self, path: Path, lease: Lease) -> None:
        self.name = str(path)
        self._lease = lease
        self._counted = False

    def write(self, data: bytes) -> None:
        """Append the data; the caller has taken room for it.

        Raises:
            StorageError: If there is no room for one more file.
            OSError: If it cannot be written.
        """
        if not self._counted:
            self._lease.grow(Room(2 * BLOCK, 2))
            self._counted = True
        with open(self.name, "ab") as file:
            file.write(data)

    def seek(self, _: int) -> None:
        """Make sure of the file at the end of its part: one without a byte exists as well."""
        self.write(b"")


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
        super().__init__(headers, stream, max_files=MAX_FILES, **options)
        self._lease = lease

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
        part.file = GradioUploadFile(
            file=PartFile(self._lease.place / f"part{self._current_files}", self._lease),
            size=0,
            filename=options[b"filename"].decode("utf-8", "replace"),
            headers=Headers(raw=part.item_headers),
        )
