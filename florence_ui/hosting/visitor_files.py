"""Files named in posted values: only uploads of this app are accepted.

A posted value can name a file in many forms: Gradio's `{"path", "url", "meta"}`, the same without `meta` (which
Gradio 6 passes on unchecked), a bare string, an `http` or `data:` URL as path or url, nested in lists. Only the first
two are accepted, with a path inside this app's own upload folder.
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
GONE = ("The picture is no longer available.", "Choose it again.")
UPLOAD_FIRST = "Upload the picture first; a link goes into the field for links (image_url)."


def upload_folder() -> Path:
    """Where Gradio keeps uploads and files to download: `<folder>/<random name>/<name>`."""
    return _resolved(get_upload_folder())


@cache
def _resolved(folder: str) -> Path:
    return Path(folder).resolve()


FindUpload = Callable[[str], Path | None]
"""`find_upload` or a cached version of it: a request may name one file two hundred times."""


def upload_path(value: Any, find: FindUpload | None = None) -> Path:
    """The upload that a posted value names.

    Args:
        value: A path that Gradio passed on, or posted file data.
        find: Find the file; `find_upload` by default.

    Raises:
        ImageError: If this is anything but a file in this app's upload folder.
    """
    find = find or find_upload
    if isinstance(value, dict):
        check_file_value(value, find)
        value = value["path"]
    if not isinstance(value, str | Path) or not (path := find(str(value))):
        raise ImageError(NOT_AN_UPLOAD, UPLOAD_FIRST)
    return path


def check_file_values(value: Any) -> None:
    """Check all file values in posted JSON, at any depth.

    Raises:
        ImageError: If one names anything but an upload of this app.
    """
    find = cache(find_upload)
    for node in _dicts(value):
        if "path" in node or "url" in node or "meta" in node:
            check_file_value(node, find)


def drop_meta(value: Any) -> None:
    """Remove the marker of file values, which makes Gradio look for the file and copy its record once more.

    Only for values that `check_file_values` has passed, and functions that call `upload_path` themselves.
    """
    for node in _dicts(value):
        node.pop("meta", None)


def check_file_value(value: dict[str, Any], find: FindUpload) -> None:
    """Check that a file value is exactly what this page sends for an upload.

    Raises:
        ImageError: If it is not.
    """
    path, url = value.get("path"), value.get("url")
    plain = value.get("meta") in (None, FILE_META) and not value.get("is_stream")  # programs leave meta out
    if not isinstance(path, str):
        raise ImageError(NOT_AN_UPLOAD, UPLOAD_FIRST)
    if not (plain and find(path)) or not (url is None or (isinstance(url, str) and _is_url_of(url, path))):
        raise ImageError(*(GONE if _was_upload(path) else (NOT_AN_UPLOAD, UPLOAD_FIRST)))


def _is_url_of(url: str, path: str) -> bool:
    """Whether it is the URL that Gradio gave the browser: `[scheme://host/root]/gradio_api/file=<path>`."""
    before, route, after = unquote(url).partition(FILE_ROUTE)
    return (
        bool(route)
        and after == path
        and ":" not in before.removeprefix("http://").removeprefix("https://").partition("/")[2]
    )


def find_upload(path: str) -> Path | None:
    """The path if it is a regular file exactly two levels below the upload folder, where uploads are.

    It counts as used, so it is kept longer than others.
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
    """Whether the path may have been an upload that no longer exists."""
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
