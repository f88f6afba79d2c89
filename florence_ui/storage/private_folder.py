"""A folder of one process: only its user can read it, and it is removed even if that process is killed.

The folder is created with mode 0700 inside a parent that may contain anybody's files, locked for as long as its process
lives, and then marked. The next start removes marked folders that are no longer locked, and nothing else. A lock ends
with its process, so a reused process ID cannot keep a folder alive. `tempfile.TemporaryDirectory` would leave the files
of a killed process behind.

Run as a program, this module waits until the owner of a folder has ended and removes it: deleting thousands of files
takes longer than a program's end may.
"""

import contextlib
import logging
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WINDOWS = sys.platform == "win32"
"""On Windows, an open file cannot be deleted, which replaces the lock."""
if not WINDOWS:
    import fcntl

log = logging.getLogger(__name__)

PREFIX = "florence-ui-"
MARK = ".made-by-florence-ui"
MARK_TEXT = (
    "Temporary files of a running Florence-2 page. They are removed when it ends, or when the next one starts.\n"
)


class PrivateFolder:
    """A new private folder of this process.

    Args:
        parent: The folder to create it in; created if it does not exist.

    Raises:
        OSError: If it cannot be created.

    Attributes:
        path: The absolute path of the folder.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent)).resolve()
        self._owner = os.getpid()
        self._held = _lock(self.path)
        self._handed_over = False

    def remove(self, seconds: float) -> None:
        """Delete the folder; a separate process takes over what is not done in time.

        A forked child leaves its parent's folder alone.

        Args:
            seconds: How long this may take; with 0 all is left to the other process.
        """
        if self._handed_over or os.getpid() != self._owner:
            return
        with contextlib.suppress(OSError):
            if not (seconds and _empty(self.path, until=time.monotonic() + seconds)):
                self._handed_over = True
                _remove_later(self.path)
                return
            if WINDOWS and self._held is not None:
                os.close(self._held)  # Windows cannot delete an open file
            (self.path / MARK).unlink(missing_ok=True)
            self.path.rmdir()


def remove_abandoned(parent: Path) -> None:
    """Delete the folders in `parent` whose processes have ended without removing them."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for name in [entry.path for entry in entries if entry.name.startswith(PREFIX)]:
            with contextlib.suppress(OSError):
                _remove_if_abandoned(Path(name))


def _lock(path: Path) -> int | None:
    """Lock the folder, then mark it; without a lock there is no mark, so nobody else removes the folder."""
    mark = path / MARK
    try:
        if WINDOWS:
            return os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mark.write_text(MARK_TEXT, encoding="ascii")
        return held
    except OSError as error:
        log.warning("%s cannot be locked (%s): if this program is killed, its files remain.", path, error.strerror)
        return None


def _remove_if_abandoned(path: Path, *, wait: bool = False) -> None:
    """Delete a marked folder of this user that is no longer locked.

    Args:
        path: The folder; a symbolic link is not followed.
        wait: Whether to wait for the lock.
    """
    if WINDOWS:
        if path.is_symlink() or not (path / MARK).is_file():
            return
        (path / MARK).unlink()  # fails while its owner is alive
        shutil.rmtree(path, ignore_errors=True)
        return
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        info, mark = os.fstat(held), os.stat(MARK, dir_fd=held, follow_symlinks=False)
        ours = info.st_uid == mark.st_uid == os.getuid() and stat.S_ISREG(mark.st_mode)
        if not ours or stat.S_IMODE(info.st_mode) != 0o700:
            return
        fcntl.flock(held, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        for name in os.listdir(held):
            if name != MARK:  # deleted last: without it the folder would never be recognized again
                _delete(name, held)
        os.unlink(MARK, dir_fd=held)
        path.rmdir()
    finally:
        os.close(held)


def _delete(name: str, dir_fd: int | None = None) -> None:
    try:
        os.unlink(name, dir_fd=dir_fd)
    except OSError:
        shutil.rmtree(name, ignore_errors=True, dir_fd=dir_fd)


def _empty(path: Path, until: float) -> bool:
    """Delete everything in a folder but its mark; return whether that was done in time."""
    for name in os.listdir(path):
        if time.monotonic() > until:
            return False
        if name != MARK:
            _delete(os.path.join(path, name))
    return True


def _remove_later(path: Path) -> None:
    nothing = subprocess.DEVNULL
    command = [sys.executable, "-I", "-S", __file__, str(path)]
    subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


if __name__ == "__main__":
    with contextlib.suppress(OSError):
        _remove_if_abandoned(Path(sys.argv[1]), wait=True)
