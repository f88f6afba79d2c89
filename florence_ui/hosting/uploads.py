"""Files that visitors name: only an upload of this app is one of theirs.

A posted value can name a file in many forms: Gradio's `{"path", "url", "meta"}`, the same without `meta` (which
Gradio 6 hands on unchecked), a bare string, an `http` or `data:` address as path or url, nested in lists. All
but the first two, with a path inside this app's own upload folder, are refused.
"""

import os
import stat
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gradio.utils import get_upload_folder

from florence_ui import storage
from florence_ui.errors import ImageError

FILE_META = {"_type": "gradio.FileData"}
FILE_ROUTE = "/gradio_api/file="

NOT_AN_UPLOAD = "That is not a file that was uploaded to this page."
GONE = ("The picture is not here any more.", "Choose it again.")
UPLOAD_FIRST = "Upload the picture first; a link goes into the field for links (image_url)."


def upload_folder() -> Path:
    """Where Gradio keeps this app's uploads and the files it hands out: `<folder>/<keyed hash>/<name>`."""
    return _resolved(get_upload_folder())


@cache
def _resolved(folder: str) -> Path:
    return Path(folder).resolve()


FindUpload = Callable[[str], Path | None]
"""`find_upload`, or a cache of it: a request may name one file two hundred times."""


def upload_path(value: Any, look: FindUpload | None = None) -> Path:
    """The upload that a posted value names.

    Args:
        value: A path that Gradio handed over, or file data as it was posted.
        look: Looks for the file; `find_upload` if left out.

    Raises:
        ImageError: If it is anything but a file in this app's upload folder.
    """
    look = look or find_upload
    if isinstance(value, dict):
        check_file_value(value, look)
        value = value["path"]
    if not isinstance(value, str | Path) or not (path := look(str(value))):
        raise ImageError(NOT_AN_UPLOAD, UPLOAD_FIRST)
    return path


def check_file_values(value: Any) -> None:
    """Look through posted JSON for file values, however deep.

    Raises:
        ImageError: If one names something other than an upload of this app.
    """
    look = cache(find_upload)
    for node in _dicts(value):
        if "path" in node or "url" in node or "meta" in node:
            check_file_value(node, look)


def drop_meta(value: Any) -> None:
    """Take the mark of a file value away, which makes Gradio look for the file and copy its record once more.

    For what `check_file_values` has passed, and functions that call `upload_path` themselves.
    """
    for node in _dicts(value):
        node.pop("meta", None)


def check_file_value(value: dict[str, Any], look: FindUpload) -> None:
    """Whether a file value is exactly what this page sends for an upload.

    Raises:
        ImageError: If it is not.
    """
    path, url = value.get("path"), value.get("url")
    plain = value.get("meta") in (None, FILE_META) and not value.get("is_stream")  # programs leave meta out
    own = plain and isinstance(path, str) and look(path)
    if not own or not (url is None or (isinstance(url, str) and _is_address_of(url, path))):
        raise ImageError(*(GONE if isinstance(path, str) and _was_upload(path) else (NOT_AN_UPLOAD, UPLOAD_FIRST)))


def _is_address_of(url: str, path: str) -> bool:
    """The browser sends back the address that Gradio gave it: `[scheme://host/root]/gradio_api/file=<path>`."""
    before, route, after = unquote(url).partition(FILE_ROUTE)
    return (
        bool(route)
        and after == path
        and ":" not in before.removeprefix("http://").removeprefix("https://").partition("/")[2]
    )


def find_upload(path: str) -> Path | None:
    """The path if it is a regular file exactly two levels down in the upload folder, where uploads are.

    Whoever asks is going to use it, so it stays longer than others.
    """
    folder = upload_folder()
    try:
        resolved = Path(path).resolve(strict=True)
        if not os.path.isabs(path) or resolved.parent.parent != folder or not stat.S_ISREG(resolved.stat().st_mode):
            return None
    except (OSError, ValueError, RuntimeError):
        return None
    storage.touch(resolved)
    return resolved


def _was_upload(path: str) -> bool:
    """Whether nothing is left of what may have been an upload."""
    return Path(path).parent.parent == upload_folder() and not os.path.lexists(path)


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
