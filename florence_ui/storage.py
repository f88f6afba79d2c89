"""The one place for this app's temporary files: private, aged out, gone when the app ends."""

import atexit
import errno
import os
import shutil
import tempfile
import time
import uuid
from functools import cache
from pathlib import Path

from florence_ui.errors import FlorenceUIError

MAX_AGE = 3600.0
"""Seconds after which a file may be deleted."""


@cache
def folder() -> Path:
    """The folder, readable by this user only; made on first use."""
    path = Path(tempfile.mkdtemp(prefix="florence-ui-"))
    atexit.register(_remove, path, os.getpid())
    return path


def new_path(suffix: str, *, stem: str = "") -> Path:
    """A path in a new folder of its own, so that `stem` may be a name that people see when they download it."""
    place = folder() / uuid.uuid4().hex
    place.mkdir(mode=0o700)
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


def age_out(older_than: float = MAX_AGE, *, now: float | None = None) -> int:
    """Deletes what is older.

    Args:
        older_than: Seconds since the last change.
        now: Seconds since 1970; the clock's time if not given.

    Returns:
        The number of files and folders that were deleted.
    """
    limit = (time.time() if now is None else now) - older_than
    count = 0
    for entry in list(folder().iterdir()):
        try:
            if entry.stat().st_mtime > limit:
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            count += 1
        except OSError:
            continue  # somebody else was faster
    return count


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child leaves its parent's files alone
        shutil.rmtree(path, ignore_errors=True)
