"""The one place for this app's temporary files: a private folder, one budget for all of them, and words for failures.

    with storage.create(".zip", stem="masks") as file, zipfile.ZipFile(file, "w") as archive:
        ...
    return file.path

Whatever is written this way counts in the name of the visitor in `owner`, is checked before it is written, and leaves
nothing behind if it fails. The folder lies in `GRADIO_TEMP_DIR`, or in the system's folder for temporary files, and is
removed when the program ends.
"""

import atexit
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from florence_ui.errors import SettingsError, StorageError
from florence_ui.storage.disk_budget import DiskBudget
from florence_ui.storage.private_folder import PrivateFolder, remove_abandoned
from florence_ui.storage.room import Room
from florence_ui.storage.writing import FULL, Lease, StoredFile, in_words

__all__ = ["DiskBudget", "Room", "StoredFile", "budget", "create", "folder", "owner", "remove", "remove_abandoned"]
__all__ += ["touch", "use_private_folder", "words_for_full_disk", "write"]

REMOVE_SECONDS = 1.0
"""How long the end of the program may wait for its files to be deleted."""

owner: ContextVar[str] = ContextVar("owner", default="")
"""The address of the visitor in whose name files are written."""

_folders: dict[str, PrivateFolder] = {}
_budgets: dict[Path, DiskBudget] = {}
_lock = threading.Lock()


def folder() -> Path:
    """This process's own folder, which only its user can read.

    Raises:
        StorageError: If it cannot be created.
    """
    parent = os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()
    with _lock:
        if parent not in _folders:
            try:
                made = PrivateFolder(Path(parent))
            except OSError as error:
                raise in_words(error) from None
            if not _folders:
                atexit.register(remove)
            # The page makes GRADIO_TEMP_DIR name the new folder, so that Gradio uses it too.
            _folders[parent] = _folders[str(made.path)] = made
            _budgets[made.path] = DiskBudget(made.path)
        return _folders[parent].path


def use_private_folder() -> None:
    """Make Gradio keep its files in `folder()` too; to be called before Gradio is imported.

    Gradio's default is one folder for all apps of the machine, and the operator's may hold anybody's files.

    Raises:
        SettingsError: If no folder can be created where `GRADIO_TEMP_DIR` says.
    """
    try:
        os.environ["GRADIO_TEMP_DIR"] = str(folder())
    except StorageError:
        expected = "a folder in which this page may create files, or nothing for the system's folder"
        raise SettingsError("GRADIO_TEMP_DIR", expected) from None


def budget() -> DiskBudget:
    """What may be written into `folder()`."""
    return _budgets[folder()]


def remove(seconds: float = REMOVE_SECONDS) -> None:
    """Delete the folders of this process; what takes longer than so many seconds is left to another process."""
    for made in set(_folders.values()):
        _budgets[made.path].close()
        made.remove(seconds)


@contextmanager
def create(suffix: str, *, stem: str = "") -> Iterator[StoredFile]:
    """A new file, in a folder of its own, so that `stem` may be a name that people see when they download it.

    Raises:
        StorageError: If there is no room for it, or it cannot be written. Like after any other error, nothing is left.
    """
    with disk_full_as_storage_error(), ExitStack() as stack:
        try:
            lease = stack.enter_context(Lease(budget(), owner.get()))
            file = stack.enter_context(StoredFile(lease.place / f"{stem or 'file'}{suffix}", lease))
        except OSError as error:
            raise in_words(error) from None
        yield file
        file.close()
        if file.failure:  # whatever the writer made of it
            raise file.failure
        lease.keep()


def write(data: bytes, suffix: str, *, stem: str = "") -> Path:
    """A new file that holds the data.

    Raises:
        StorageError: If there is no room for it, or it cannot be written; nothing is left behind.
    """
    with create(suffix, stem=stem) as file:
        file.write(data)
    return file.path


def touch(path: Path) -> None:
    """Note that a file is used; if it is one of ours, it stays longer than others."""
    for known in _budgets.values():
        known.touch(path)


@contextmanager
def disk_full_as_storage_error() -> Iterator[None]:
    """Errors of a full disk become words.

    Raises:
        StorageError: In place of such an error.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise in_words(error) from None
