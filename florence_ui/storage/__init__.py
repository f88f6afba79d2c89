"""All temporary files of this app: a private folder, one disk budget for it, and errors that visitors understand.

    with storage.create(".zip", stem="masks") as file, zipfile.ZipFile(file, "w") as archive:
        ...
    return file.path

Files written this way count for `current_visitor`, are checked against the budget before they are written, and leave
nothing behind after a failure. The folder is created in `GRADIO_TEMP_DIR`, or in the system's temporary folder, and
removed when the program ends. `tempfile` alone offers neither a budget nor removal after a kill.
"""

import atexit
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from florence_ui.errors import SettingsError, StorageError
from florence_ui.storage.disk_budget import DiskBudget
from florence_ui.storage.disk_space import DiskSpace
from florence_ui.storage.private_folder import PrivateFolder, remove_abandoned
from florence_ui.storage.writing import DISK_FULL_ERRNOS, Lease, StoredFile, as_storage_error
from florence_ui.visitor_identity import current_visitor

__all__ = ["DiskBudget", "DiskSpace", "StoredFile", "budget", "create", "folder", "remove", "remove_abandoned"]
__all__ += ["disk_full_as_storage_error", "touch", "use_private_folder", "write"]

REMOVE_SECONDS = 1.0
"""Seconds that the program's end may wait for its files to be deleted."""

_folders: dict[str, PrivateFolder] = {}
_budgets: dict[Path, DiskBudget] = {}
_lock = threading.Lock()


def folder() -> Path:
    """This process's private folder.

    Raises:
        StorageError: If it cannot be created.
    """
    parent = os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()
    with _lock:
        if parent not in _folders:
            try:
                made = PrivateFolder(Path(parent))
            except OSError as error:
                raise as_storage_error(error) from None
            if not _folders:
                atexit.register(remove)
            # `use_private_folder` sets GRADIO_TEMP_DIR to the new folder, so that Gradio uses it too.
            _folders[parent] = _folders[str(made.path)] = made
            _budgets[made.path] = DiskBudget(made.path)
        return _folders[parent].path


def use_private_folder() -> None:
    """Make Gradio keep its files in `folder()` too; call this before Gradio is imported.

    Gradio's default is one folder for all apps on the machine, and the operator's may contain anybody's files.

    Raises:
        SettingsError: If no folder can be created in `GRADIO_TEMP_DIR`.
    """
    try:
        os.environ["GRADIO_TEMP_DIR"] = str(folder())
    except StorageError:
        expected = "a folder in which this page may create files, or nothing for the system's folder"
        raise SettingsError("GRADIO_TEMP_DIR", expected) from None


def budget() -> DiskBudget:
    """The budget of `folder()`."""
    return _budgets[folder()]


def remove(seconds: float = REMOVE_SECONDS) -> None:
    """Delete the folders of this process; a separate process takes over what takes longer than `seconds`."""
    for made in set(_folders.values()):
        _budgets[made.path].close()
        made.remove(seconds)


@contextmanager
def create(suffix: str, *, stem: str = "") -> Iterator[StoredFile]:
    """Create a file in a folder of its own, so that `stem` can be the name under which people download it.

    Raises:
        StorageError: If there is no space for it, or it cannot be written. After any error, nothing is left behind.
    """
    with disk_full_as_storage_error(), ExitStack() as stack:
        try:
            lease = stack.enter_context(Lease(budget(), current_visitor.get().address))
            file = stack.enter_context(StoredFile(lease.folder / f"{stem or 'file'}{suffix}", lease))
        except OSError as error:
            raise as_storage_error(error) from None
        yield file
        file.close()
        if file.failure:  # even if the writer swallowed it
            raise file.failure
        lease.keep()


def write(data: bytes, suffix: str, *, stem: str = "") -> Path:
    """Write the data into a new file.

    Raises:
        StorageError: If there is no space for it, or it cannot be written; nothing is left behind.
    """
    with create(suffix, stem=stem) as file:
        file.write(data)
    return file.path


def touch(path: Path) -> None:
    """Note that a file is in use; one of ours is then kept longer than others."""
    for known in _budgets.values():
        known.touch(path)


@contextmanager
def disk_full_as_storage_error() -> Iterator[None]:
    """Turn errors of a full disk into `StorageError`.

    Raises:
        StorageError: Instead of such an error.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            raise
        raise as_storage_error(error) from None
