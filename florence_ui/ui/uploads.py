"""Files that visitors name: only an upload of this app is one of theirs.

A posted value can name a file in many forms: Gradio's `{"path", "url", "meta"}`, the same without `meta` (which
Gradio 6 hands on unchecked), a bare string, an `http` or `data:` address as path or url, nested in lists. All
but the first two, with a path inside this app's own upload folder, are refused.
"""

import atexit
import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gradio.utils import get_upload_folder

from florence_ui.errors import ImageError

FILE_META = {"_type": "gradio.FileData"}
FILE_ROUTE = "/gradio_api/file="

NOT_AN_UPLOAD = "That is not a file that was uploaded to this page."
GONE = ("The picture is not here any more.", "Choose it again.")
UPLOAD_FIRST = "Upload the picture first; a link goes into the field for links (image_url)."


def use_private_folder() -> Path:
    """Give this process an upload folder of its own, readable by nobody else, unless the operator named one.

    Gradio's default is one folder for all apps of the machine, so the other apps' files would count as ours.
    """
    if not os.environ.get("GRADIO_TEMP_DIR"):
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="florence-ui-")
        _private[os.environ["GRADIO_TEMP_DIR"]] = os.getpid()
        atexit.register(remove_private_folders)
    return upload_folder()


_private: dict[str, int] = {}
"""Folders that this process made, and its number: a forked child leaves its parent's alone."""


def remove_private_folders() -> None:
    """Delete the folders that `use_private_folder` made."""
    for folder, owner in _private.items():
        if owner == os.getpid():
            remove_folder(Path(folder))


def upload_folder() -> Path:
    """Where Gradio keeps this app's uploads and the files it hands out: `<folder>/<keyed hash>/<name>`."""
    return Path(get_upload_folder()).resolve()


def uploaded(value: Any) -> Path:
    """The upload that a posted value names.

    Args:
        value: A path that Gradio handed over, or file data as it was posted.

    Raises:
        ImageError: If it is anything but a file in this app's upload folder.
    """
    if isinstance(value, dict):
        check_file(value)
        value = value["path"]
    if not isinstance(value, str | Path) or not (path := _own_file(str(value))):
        raise ImageError(NOT_AN_UPLOAD, UPLOAD_FIRST)
    return path


def check_files(value: Any) -> None:
    """Look through posted JSON for file values, however deep.

    Raises:
        ImageError: If one names something other than an upload of this app.
    """
    for node in _dicts(value):
        if "path" in node or "url" in node or "meta" in node:
            check_file(node)


def check_file(value: dict[str, Any]) -> None:
    """Whether a file value is exactly what this page sends for an upload.

    Raises:
        ImageError: If it is not.
    """
    path, url = value.get("path"), value.get("url")
    plain = value.get("meta") in (None, FILE_META) and not value.get("is_stream")  # programs leave meta out
    own = plain and isinstance(path, str) and _own_file(path)
    if not own or not (url is None or (isinstance(url, str) and _is_address_of(url, path))):
        raise ImageError(*(GONE if isinstance(path, str) and _was_own_file(path) else (NOT_AN_UPLOAD, UPLOAD_FIRST)))


def _is_address_of(url: str, path: str) -> bool:
    """The browser sends back the address that Gradio gave it: `[scheme://host/root]/gradio_api/file=<path>`."""
    before, route, after = unquote(url).partition(FILE_ROUTE)
    return (
        bool(route)
        and after == path
        and ":" not in before.removeprefix("http://").removeprefix("https://").partition("/")[2]
    )


def _own_file(path: str) -> Path | None:
    """The path if it is a regular file exactly two levels down in the upload folder, where uploads are."""
    folder = upload_folder()
    try:
        resolved = Path(path).resolve(strict=True)
        if not os.path.isabs(path) or resolved.parent.parent != folder or not stat.S_ISREG(resolved.stat().st_mode):
            return None
    except (OSError, ValueError, RuntimeError):
        return None
    return resolved


def _was_own_file(path: str) -> bool:
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


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(size for _, _, size in _files(folder))


def age_out(folder: Path, *, max_age: float, max_bytes: int, spare: float = 300.0, now: float | None = None) -> int:
    """Delete what is too old; then, while the rest is too large, the oldest first.

    Args:
        folder: Holds files of visitors and results only.
        max_age: Seconds after which a file that nobody read goes.
        max_bytes: What may remain.
        spare: Seconds for which a file is safe however full the folder is: somebody is working with it.
        now: Seconds since 1970; the present if left out.

    Returns:
        Bytes that remain.
    """
    now = time.time() if now is None else now
    files = sorted(_files(folder))
    total = sum(size for _, _, size in files)
    for touched, path, size in files:
        age = now - touched
        if age > max_age or (total > max_bytes and age > spare):
            path.unlink(missing_ok=True)
            total -= size
            if path.parent != folder:
                with contextlib.suppress(OSError):  # other files in it, or gone already
                    path.parent.rmdir()
    return total


def remove_folder(folder: Path) -> None:
    """Delete the folder with everything in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> Iterator[tuple[float, Path, int]]:
    """(last use, path, bytes) of every file; last use is the newest of its access and change times."""
    for directory, _, names in os.walk(folder):
        for name in names:
            path = Path(directory, name)
            try:
                info = path.lstat()
            except OSError:
                continue
            yield max(info.st_atime, info.st_mtime, info.st_ctime), path, info.st_size
