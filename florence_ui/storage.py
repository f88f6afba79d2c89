"""The one place for this app's temporary files: Gradio's folder where there is one, else a private one.

In Gradio's folder a result is handed to the browser without a copy, and ages out with the uploads.
"""

import atexit
import errno
import os
import shutil
import tempfile
import uuid
from functools import cache
from pathlib import Path

from florence_ui.errors import FlorenceUIError


def folder() -> Path:
    """`GRADIO_TEMP_DIR`; without it a folder that only this user can read and that goes when the program ends."""
    named = os.environ.get("GRADIO_TEMP_DIR")
    return Path(named) if named else _own_folder()


@cache
def _own_folder() -> Path:
    path = Path(tempfile.mkdtemp(prefix="florence-ui-"))
    atexit.register(_remove, path, os.getpid())
    return path


def new_path(suffix: str, *, stem: str = "") -> Path:
    """A path in a new folder of its own, so that `stem` may be a name that people see when they download it."""
    place = folder() / uuid.uuid4().hex
    place.mkdir(mode=0o700, parents=True)
    return place / f"{stem or 'file'}{suffix}"


def write(data: bytes, suffix: str, *, stem: str = "") -> Path:
    """A new file that holds the data.

    Raises:
        FlorenceUIError: If the disk is full or cannot be written; nothing is left behind.
    """
    path = None
    try:
        path = new_path(suffix, stem=stem)
        path.write_bytes(data)
    except OSError as error:
        if path is not None:
            shutil.rmtree(path.parent, ignore_errors=True)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "The disk of this page's machine is full." if full else "This page's machine cannot write files."
        raise FlorenceUIError(what, "Try again later; the operator has to make room.") from None
    return path


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child leaves its parent's files alone
        shutil.rmtree(path, ignore_errors=True)
