"""Gradio's parser of uploads, and its records of them."""

import os
from abc import abstractmethod

from gradio.route_utils import GradioMultiPartParser, GradioUploadFile
from gradio.routes import App, file_upload_statuses
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException


class FilePartParser(GradioMultiPartParser):
    """Gradio's parser of a multipart body, for files only, which a subclass opens."""

    @abstractmethod
    def open_file(self, number: int, *, filename: str, headers: Headers) -> GradioUploadFile:
        """Open the file of a part.

        Args:
            number: The number of parts so far, including this one.
            filename: The name that the client gives it.
            headers: The part's headers.
        """

    def on_headers_finished(self) -> None:
        """Begin a part.

        Raises:
            MultiPartException: If it is not a file, or one too many.
        """
        part = self._current_part
        _, options = parse_options_header(part.content_disposition or b"")
        if b"name" not in options or b"filename" not in options:
            raise MultiPartException("Each part of an upload must be a file with a field name.")
        self._current_files += 1
        if self._current_files > self.max_files:
            raise MultiPartException(f"Too many files: at most {self.max_files} at a time.")
        part.field_name = options[b"name"].decode("utf-8", "replace")
        filename = options[b"filename"].decode("utf-8", "replace")
        part.file = self.open_file(self._current_files, filename=filename, headers=Headers(raw=part.item_headers))


def forget_missing_files(app: App) -> None:
    """Drop the paths of files that no longer exist; blocks while it looks."""
    for paths in app.get_blocks().temp_file_sets:
        paths.intersection_update([path for path in paths if os.path.exists(path)])


def tracked_uploads() -> list[str]:
    """The names of uploads whose progress was requested, or that Gradio has tracked."""
    return [*file_upload_statuses._signals]


def forget_upload(name: str) -> None:
    """Drop the progress of an upload; Gradio keeps every requested name forever."""
    file_upload_statuses._signals.pop(name, None)
    file_upload_statuses.stop_tracking(name)
